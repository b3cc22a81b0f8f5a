// The checkpoint: the journal is moved aside (rotate), and what it says is folded into a new document. Steps K1 to K7 of the
// protocol; after a crash between any two of them the next checkpoint finishes the work.
#include <algorithm>
#include <cerrno>

#include "local/dates.hpp"
#include "local/local_store.hpp"

namespace cacherator::engine {
namespace {

constexpr Time kWaitForOther = 5 * kSecond;
constexpr std::uint64_t kSmall = 1 << 20;  ///< bytes; a smaller document follows its journal within two seconds

struct RangeLock {
  Folder& folder;
  const std::string& stem;
  ~RangeLock() { folder.unlock(stem); }
};

}  // namespace

Time LocalStore::fold_due(Time at) const {
  const Inner& in = inner();
  const Time first = in.first_append.load(), last = in.last_append.load();
  if (!first) return -1;
  if (in.document_bytes > kSmall && in.journal_bytes < in.document_bytes) return kSecond;
  const Time due = std::min(last + kSecond, first + 2 * kSecond) - at;
  return due > 2 * kSecond ? 0 : std::max<Time>(0, due);  // the clock was set back
}

bool LocalStore::release_descriptor() {
  Inner& in = inner();
  const std::unique_lock lock(in.append, std::try_to_lock);
  if (!lock) return false;
  in.journal.release();
  return true;
}

bool LocalStore::release_folder() {
  Inner& in = inner();
  const std::unique_lock lock(in.append, std::try_to_lock);
  if (!lock || !in.memory_only.empty() || (in.folder && hits_ != Hits::checked && !in.folder->is_mapped())) return false;
  if (!in.folder) return true;
  in.journal.release();
  in.left = in.folder->identity();
  in.folder.reset();
  fresh_.seen = kNoWord.load() + 1;
  watch(in);
  return true;
}

void LocalStore::return_to_folder(Inner& in) {
  if (!in.left) return;
  const auto left = *std::exchange(in.left, std::nullopt);
  int error = 0;
  in.folder = Folder::open(directory_, error);
  if (!in.folder || in.folder->identity() != left) return load(in);
  in.folder->open_lock_file();
  watch(in);
  fresh_.seen = word(in) + 1;
  note_folder(shared_from_this());
}

bool LocalStore::all_written() const {
  const Inner& in = inner();
  const std::unique_lock lock(in.append, std::try_to_lock);
  return lock && in.pending.empty();
}

Result<void> LocalStore::fold(bool wanted) {
  Inner& in = inner();
  std::lock_guard folding(in.folding);
  std::shared_ptr<Folder> folder;
  std::string stem;
  {
    std::lock_guard lock(in.append);
    if (wanted && ensure_folder(in) < 0) {
      return Fault{Fault::Kind::read_only, "the folder " + directory_ + " cannot be made"};
    }
    return_to_folder(in);
    if (!in.folder || !in.memory_only.empty()) {
      in.first_append = 0;
      if (!wanted || in.memory_only.empty()) return {};
      return Fault{Fault::Kind::read_only, "cache '" + data_id_ + "' is kept in memory only: " + in.memory_only};
    }
    if (!in.pending.empty() && in.folder->is_local()) {
      if (const int error = write_record(in, in.pending); error < 0) {
        return Fault{Fault::Kind::io, "cannot write to " + directory_ + "/" + in.journal_name + ": " + platform::reason(error)};
      }
      in.pending.clear();
    }
    look(in);
    tail(in);
    folder = in.folder;  // this one to the end, whatever becomes of its path
    stem = in.stem;
  }
  if (!folder) return {};
  if (!folder->is_local()) return save_whole(in);

  for (const Time until = now() + kWaitForOther; !folder->try_lock(stem);) {  // K1
    if (!wanted) return {};
    if (now() > until) {
      return Fault{Fault::Kind::io, "another process has been folding '" + in.document_name + "' for five seconds; nothing is lost, its journal has all"};
    }
    platform::pause(kSecond / 200);
  }
  const RangeLock range{*folder, stem};  // K7: freed as it is left
  return fold_locked(in, *folder, wanted);
}

Result<void> LocalStore::fold_locked(Inner& in, Folder& folder, bool wanted) {
  folder.remove_leftovers();
  const Time began = now();
  for (int round = 0; round < 8; ++round) {
    const Old old = prepare_old_journal(in, folder);  // K2
    if (old == Old::failed) return Fault{Fault::Kind::io, "cannot begin a new journal in " + directory_ + "; nothing is lost, the old one has all"};
    if (old == Old::none && !(wanted && !in.document)) {
      in.first_append = 0;
      return {};
    }
    auto written = write_document(in, folder);  // K3 to K6
    if (!written) return written.fault();
    if (*written == Written::not_now) return {};
    if (*written == Written::again || old == Old::left_over) continue;
    if (in.last_append < began) in.first_append = 0;
    return {};
  }
  return {};
}

/// Sees to it that there is an old journal to fold, if anything is to be folded.
LocalStore::Old LocalStore::prepare_old_journal(Inner& in, Folder& where) {
  std::lock_guard lock(in.append);
  const int folder = where.fd();
  if (in.journal_is_old && replace_old_journal(in) < 0) return Old::failed;
  if (in.folder.get() != &where) return Old::none;  // it was removed, or another is in its place
  const auto old = platform::identity(folder, in.old_name.c_str());
  const auto journal = platform::identity(folder, in.journal_name.c_str());
  if (old && old != journal) return Old::left_over;
  if (!old) {
    const bool empty = !journal || (in.journal.identity() == journal && in.journal.holds_nothing());
    if (empty) return Old::none;
    if (const int error = platform::link_file(folder, in.journal_name.c_str(), in.old_name.c_str()); error < 0) {
      where.has_no_links(error);
      return Old::failed;
    }
  }
  int error = durability_ == Durability::power ? platform::sync_all(folder) : 0;
  if (error == 0) error = rotate(in, where);
  if (error < 0) {
    notice(in, "cannot begin a new journal in " + directory_ + ": " + platform::reason(error) + "; the old one stays in use");
    return Old::failed;  // folded, it would be read by nobody, and still be written to
  }
  return Old::ready;
}

/// A new journal takes the path; who still writes to the old one sees it, and writes again here.
int LocalStore::rotate(Inner& in, Folder& where) {
  tail(in);
  if (in.folder.get() != &where || !in.memory_only.empty()) return -EIO;  // the files could not be read just now
  JournalHeader header{.data_id = data_id_, .id = platform::random_hex(16), .after = in.journal.header().id};
  {
    std::lock_guard lock(in.index);
    header.cleared = in.contents.cleared;
    header.clock = in.contents.clock;
  }
  std::string text;
  encode(text, header);
  auto mode = platform::status(where.fd(), in.document_name.c_str());  // who may read the one may read the other
  if (!mode && in.journal) mode = platform::status(in.journal.descriptor()->get());
  const int done = where.replace(in.journal_name.c_str(), text, mode ? mode->mode : 0, false);
  if (done == 0) where.touch(in.stem);
  if (done == 0) tail(in);
  return done;
}

/// What was copied while it was used, or was there when the power went, can have a journal that nobody would read to its new end: the
/// document has it already, or the old journal is its twin. Then there is another one afterwards.
int LocalStore::replace_old_journal(Inner& in) {
  const auto folder = in.folder;
  const std::string stem = in.stem;
  if (!folder->try_lock(stem)) return platform::pause(kSecond / 100), 0;
  Journal journal, old;
  std::shared_ptr<std::string> lines;
  int done = Journal::open(folder->fd(), in.journal_name.c_str(), journal);
  if (done == 0) done = journal.read_new(lines);
  const bool has_old = Journal::open(folder->fd(), in.old_name.c_str(), old) == 0 && old.read_new(lines) == 0;
  const auto& id = journal.header().id;
  const auto& folded = in.contents.folded;
  if (done == 0 && has_old && old.header().id == id && !(old.identity() == journal.identity())) {
    done = old.read_to() > journal.read_to() ? platform::rename_file(folder->fd(), in.old_name.c_str(), in.journal_name.c_str())
                                             : platform::unlink_file(folder->fd(), in.old_name.c_str());
  } else if (done == 0 && std::find(folded.begin(), folded.end(), id) != folded.end()) {
    done = rotate(in, *folder);
  }  // else another process was faster
  folder->unlock(stem);
  if (done == 0) load(in);
  return done;
}

Result<LocalStore::Written> LocalStore::write_document(Inner& in, Folder& folder) {
  const auto fault = [&](int error, const char* what) {
    std::lock_guard lock(in.index);
    ++in.write_faults;
    const auto kind = error == -ENOSPC || error == -EDQUOT ? Fault::Kind::full : Fault::Kind::io;
    return Fault{kind,
                 std::string(what) + " " + directory_ + "/" + in.document_name + ": " + platform::reason(error) + "; nothing is lost, the journal has all"};
  };
  platform::Status status;
  int error = 0;
  const auto document = read_document_file(in, folder, status, error);  // K3
  if (error) return fault(-error, "cannot read");
  if (document && !document->damage.empty()) {
    if (now() - status.modified < kStill) return Written::not_now;
    if (!keep_damaged_copy(in, folder, *document->text)) return fault(-EIO, "cannot keep a copy of the damaged");
  }
  Contents all(document);
  Journal old;
  std::shared_ptr<std::string> lines;
  const bool has_old = Journal::open(folder.fd(), in.old_name.c_str(), old) == 0;
  if (has_old) {
    if (const int failed = old.read_new(lines); failed < 0) return fault(failed, "cannot read the journal of");
    const auto& id = old.header().id;
    // A journal whose header is damaged has no id: it cannot be told from another one, and is never taken for folded.
    if (id.empty() || std::find(all.folded.begin(), all.folded.end(), id) == all.folded.end()) {
      if (lines) all.apply(*lines, lines);
      if (!id.empty()) all.folded.push_back(id);
    }
    if (all.folded.size() > 16) all.folded.erase(all.folded.begin(), all.folded.end() - 16);
  }

  const std::string text = all.document(data_id_, now());  // K4
  const std::string temporary = Folder::temporary_name();
  const auto journal_mode = !document && has_old ? platform::status(folder.fd(), in.old_name.c_str()) : std::nullopt;
  const std::uint32_t mode = document ? status.mode : journal_mode ? journal_mode->mode : 0;
  platform::Descriptor file(platform::open_file(folder.fd(), temporary.c_str(), platform::Open::create_new, mode ? mode : 0666));
  int done = file && text.size() > platform::kLargestFile ? -EFBIG : file.get();
  if (file && done >= 0) done = platform::write_all(file.get(), text);
  if (done == 0 && mode) platform::set_mode(file.get(), mode);
  if (done == 0) done = platform::sync_all(file.get());
  const auto written = platform::status(file.get());

  std::lock_guard lock(in.append);  // K5
  const auto there = platform::status(folder.fd(), in.document_name.c_str());
  const bool unchanged = document ? there && *there == status : !there;
  const bool mine = folder.lock_file_is_current() && (!has_old || old.is_at(folder.fd(), in.old_name.c_str()));
  if (done == 0 && unchanged && mine) {
    done = platform::rename_file(folder.fd(), temporary.c_str(), in.document_name.c_str());
  } else {
    platform::unlink_file(folder.fd(), temporary.c_str());
    if (done == 0) return mine ? Written::again : Written::not_now;
  }
  if (done < 0) {
    platform::unlink_file(folder.fd(), temporary.c_str());
    return fault(done, "cannot write");
  }
  const int named = platform::sync_all(folder.fd());  // K6
  if (has_old && named == 0) platform::unlink_file(folder.fd(), in.old_name.c_str());
  in.document = platform::status(folder.fd(), in.document_name.c_str());
  in.document_bytes = written ? written->size : text.size();
  std::lock_guard index(in.index);
  in.contents.folded = all.folded;
  ++in.checkpoints;
  return Written::done;
}

bool LocalStore::keep_damaged_copy(Inner& in, Folder& folder, const std::string& text) {
  const std::string name = in.document_name + ".damaged-" + utc_stamp(now());
  const auto mode = platform::status(folder.fd(), in.document_name.c_str());
  const int done = folder.replace(name.c_str(), text, mode ? mode->mode : 0, true);
  if (done == 0) notice(in, "the damaged document is kept as " + directory_ + "/" + name);
  return done == 0;
}

/// On file systems of other machines, and those without hard links: the whole document at once, as 1.2.9 does, but by rename.
Result<void> LocalStore::save_whole(Inner& in) {
  notice(in, directory_ + " is on a file system of another machine, or one without hard links: the cache is saved whole, and not shared while programs run");
  std::lock_guard lock(in.append);
  std::string text;
  {
    std::lock_guard index(in.index);
    auto& folded = in.contents.folded;
    const auto& id = in.journal.header().id;
    if (!id.empty() && std::find(folded.begin(), folded.end(), id) == folded.end()) folded.push_back(id);  // of a copy
    text = in.contents.document(data_id_, now());
  }
  const int done = in.folder->replace(in.document_name.c_str(), text, in.document ? in.document->mode : 0, true);
  if (done < 0) return Fault{Fault::Kind::io, "cannot write " + directory_ + "/" + in.document_name + ": " + platform::reason(done)};
  in.document = platform::status(in.folder->fd(), in.document_name.c_str());
  in.pending.clear();
  in.first_append = 0;
  return {};
}

}  // namespace cacherator::engine
