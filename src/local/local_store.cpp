#include "local/local_store.hpp"

#include <algorithm>
#include <cerrno>

#include "local/flight_range.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine {
namespace {

constexpr std::size_t kPendingLimit = 64 << 20;  ///< bytes that wait for a disk with room
constexpr std::size_t kPendingUnread = 1 << 20;  ///< and for files that cannot be read: they are tried every 100 ms
constexpr std::size_t kReadJournals = 32;

}  // namespace

LocalStore::Inner::Inner() : forks(platform::forks()) {}

LocalStore::LocalStore(StoreName name)
    : data_id_(std::move(name.data_id)), stems_(std::move(name.stems)), directory_(std::move(name.directory)), durability_(name.durability), hits_(name.hits) {
  fresh_.word = &kNoWord;
  inner_ = new Inner;
}

LocalStore::~LocalStore() {
  Inner* in = inner_.load();
  if (in->forks == platform::forks()) delete in;  // else its locks may be held by threads of the parent: left alone
}

LocalStore::Inner& LocalStore::inner() const {
  Inner* in = inner_.load(std::memory_order_acquire);
  if (in->forks == platform::forks()) return *in;
  auto* fresh = new Inner;
  std::lock_guard lock(fresh->append);
  if (!inner_.compare_exchange_strong(in, fresh)) {
    Inner* other = inner_.load();
    std::lock_guard wait(other->append);  // until it has been loaded
    return *other;
  }
  const_cast<LocalStore*>(this)->load(*fresh);
  return *fresh;
}

void LocalStore::changed(bool known) {
  if (known) fresh_.generation.fetch_add(1, std::memory_order_release);
}

void LocalStore::demand(Durability durability, Hits hits) {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  if (durability == Durability::power) durability_ = durability;
  if (hits == Hits::checked && hits_.exchange(hits) != hits) watch(in);
}

// ---- hit and tail

/// Tells hits where to look: into the mapped page, or here, where word() reads the file (hits="checked").
void LocalStore::watch(Inner& in) {
  if (hits_ == Hits::checked) fresh_.word = &kAsk;
  else fresh_.word = in.folder ? in.folder->word(in.stem) : &kNoWord;
}

std::uint64_t LocalStore::word(const Inner& in) const {
  const auto* const word = fresh_.word.load();
  if (word != &kAsk) return word->load(std::memory_order_acquire);
  return in.folder ? in.folder->read_word(in.stem) : kNoWord.load();
}

std::optional<Entry> LocalStore::find(std::string_view signature, std::string_view digest) {
  Inner& in = inner();
  if (!fresh_.current(now())) refresh();
  std::lock_guard lock(in.index);
  return in.contents.find(signature, digest);
}

void LocalStore::tail() {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  // In short: a rotation touches the word, so where it did not change our file is still the journal. Where the hint was lost, an
  // entry of another process is computed twice at worst (I9).
  if (told(in) || !in.journal || in.journal.has_more()) tail(in);
}

void LocalStore::tail(Inner& in) {
  return_to_folder(in);
  if (!in.folder || !in.memory_only.empty()) {
    fresh_.seen = word(in);
    return;
  }
  for (;;) {
    const std::uint64_t word = this->word(in);
    if (!in.journal.identity()) {
      if (platform::identity(in.folder->fd(), in.journal_name.c_str())) return load(in);
      fresh_.seen = word;
      return;
    }
    if (!ensure_journal_open(in)) return load(in);
    read_journal(in);
    if (in.journal.is_at(in.folder->fd(), in.journal_name.c_str())) {
      fresh_.seen = word;
      return;
    }
    read_journal(in, true);  // nothing is added after the path has moved on
    if (!follow_journal(in)) return load(in);
  }
}

bool LocalStore::ensure_journal_open(Inner& in) {
  if (in.journal) return true;
  if (!in.journal.reopen(in.folder->fd(), in.journal_name.c_str())) return false;
  note_descriptor(shared_from_this());
  return true;
}

/// Durability "power": nothing is told that a loss of power could take back. (A fault is reported by who wrote it.)
void LocalStore::sync_to_read(Inner& in, const Journal& journal) {
  if (durability_ == Durability::power) journal.synced()->wait(in.folder->fd(), journal.descriptor()->get(), journal.synced()->count());
}

void LocalStore::read_journal(Inner& in, bool to_its_end) {
  std::uint64_t up_to = UINT64_MAX;
  if (to_its_end || in.journal.has_more()) {
    sync_to_read(in, in.journal);
  } else if (durability_ == Durability::power) {
    up_to = in.journal.synced()->bytes();  // the rest was written here, and is just being synced
  }
  std::shared_ptr<std::string> lines;
  in.unread = in.journal.read_new(lines, up_to) < 0;
  if (in.unread || !lines) return;
  in.journal_bytes = in.journal.read_to();
  std::lock_guard lock(in.index);
  const auto damaged = in.contents.damaged_records, drops = in.contents.drops;
  changed(in.contents.apply(*lines, lines).known);
  drops_ += in.contents.drops - drops;
  if (in.contents.damaged_records != damaged) {
    notice_locked(in, directory_ + "/" + in.journal_name + " has damaged lines; they are skipped, the others are used");
  }
}

/// The journal was rotated: goes on in the new one, if it follows the one that was read to its end.
bool LocalStore::follow_journal(Inner& in) {
  Journal next;
  if (Journal::open(in.folder->fd(), in.journal_name.c_str(), next) < 0) return false;
  sync_to_read(in, next);
  std::shared_ptr<std::string> lines;
  if (next.read_new(lines) < 0 || next.header().format != 1 || next.header().after != in.journal.header().id) return false;
  in.journal = std::move(next);
  in.journal_is_old = false;
  in.read_journals.push_back(in.journal.header().id);
  if (in.read_journals.size() > kReadJournals) in.read_journals.erase(in.read_journals.begin());
  in.journal_bytes = in.journal.read_to();
  if (lines) {
    std::lock_guard lock(in.index);
    const auto drops = in.contents.drops;
    changed(in.contents.apply(*lines, lines).known);
    drops_ += in.contents.drops - drops;
  }
  return true;
}

std::shared_ptr<FlightRange> LocalStore::range(std::string_view signature) {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  if (ensure_folder(in) < 0 || !in.memory_only.empty()) return nullptr;
  return std::make_shared<FlightRange>(in.folder, in.stem, signature);
}

// ---- append

int LocalStore::ensure_folder(Inner& in) {
  return_to_folder(in);
  if (in.folder) return 0;
  if (const int error = platform::make_folders(directory_); error < 0) return error;
  load(in);
  return in.folder ? 0 : -ENOENT;
}

/// Takes the maintenance range, for a second at most, so that a rotation is not met halfway (I5).
int LocalStore::create_journal(Inner& in) {
  in.folder->open_lock_file();
  watch(in);
  const Time until = now() + kSecond;
  while (!in.folder->try_lock(in.stem)) {
    if (now() > until) return -EAGAIN;
    platform::pause(kSecond / 1000);
  }
  in.folder->remove_leftovers();
  JournalHeader header{.data_id = data_id_, .id = platform::random_hex(16)};
  {
    std::lock_guard lock(in.index);
    header.after = in.contents.folded.empty() ? "" : in.contents.folded.back();
    header.cleared = in.contents.cleared;
    header.clock = in.contents.clock;
  }
  std::string text;
  encode(text, header);
  const std::string temporary = Folder::temporary_name();
  const platform::Descriptor file(platform::open_file(in.folder->fd(), temporary.c_str(), platform::Open::create_new, in.document ? in.document->mode : 0666));
  int done = file ? platform::write_all(file.get(), text) : file.get();
  if (done == 0) done = platform::link_file(in.folder->fd(), temporary.c_str(), in.journal_name.c_str());
  if (file) platform::unlink_file(in.folder->fd(), temporary.c_str());
  in.folder->unlock(in.stem);
  if (done < 0 && in.folder->has_no_links(done)) return 0;
  if (done < 0 && done != -EEXIST) return done;
  load(in);  // also where another process, or another data_id of this slug, came first
  return in.memory_only.empty() ? 0 : -EROFS;
}

/// Durability "power": returns when what was just appended is on the disk. Meanwhile others may append, and share the sync, where
/// their lock is given. 1 if the path then still means the file, 0 if it does not, or -errno.
int LocalStore::settle_synced(Inner& in, std::unique_lock<std::mutex>* held) {
  const auto folder = in.folder;
  const auto file = in.journal.descriptor();
  const auto synced = in.journal.synced();
  const auto identity = in.journal.identity();
  const std::string name = in.journal_name;
  const std::uint64_t number = synced->count();
  if (held) held->unlock();
  int done = synced->wait(folder->fd(), file->get(), number);
  if (done == 0) done = platform::identity(folder->fd(), name.c_str()) == identity;
  if (held) held->lock();
  return done;
}

/// Writes a record so that a fold cannot miss it: after the write the path must still name the file (I2).
int LocalStore::write_record(Inner& in, std::string_view record, std::unique_lock<std::mutex>* held) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    if (const int error = ensure_folder(in); error < 0) return error;
    if (!in.memory_only.empty()) return -EROFS;
    if (!in.folder->is_local()) return -EXDEV;
    if (!in.journal.identity() || !ensure_journal_open(in)) {
      if (in.journal.identity() || platform::identity(in.folder->fd(), in.journal_name.c_str())) {
        load(in);
        if (!in.memory_only.empty()) return -EROFS;
      }
      if (!in.journal.identity()) {
        const int error = create_journal(in);
        if (error == -ENOENT) in.folder.reset();  // it was removed: made again
        if (error < 0 && in.folder) return error;
      }
      continue;
    }
    if (in.journal_is_old) {
      if (const int error = replace_old_journal(in); error < 0) return error;
      continue;
    }
    if (in.journal.is_read_only()) {  // perhaps no longer
      in.journal.release();
      if (!ensure_journal_open(in)) continue;
    }
    if (const int error = in.journal.append(record); error < 0) return error;
    const int settled = durability_ == Durability::power ? settle_synced(in, held) : in.journal.settle(in.folder->fd(), in.journal_name.c_str());
    if (settled < 0) return settled;
    if (settled > 0) return 0;
    if (!platform::status(directory_)) in.folder.reset();
    if (in.folder) tail(in);
  }
  return -EAGAIN;
}

/// Appends a record, after those that are still to be written. 0, or -errno: it is kept and will be tried again.
int LocalStore::append(Inner& in, const std::string& record, std::unique_lock<std::mutex>* held) {
  int error = 0;
  const bool late = !in.pending.empty();
  if (late) error = write_record(in, in.pending);
  if (error == 0) {
    in.pending.clear();
    error = write_record(in, record, held);
    if (late) load(in);  // the files may have been read anew without what was still to be written
  }
  if (error == -EXDEV) {  // not a local file system: all is saved whole, soon
    in.pending += record;
    error = 0;
  } else if (error == 0) {
    std::lock_guard lock(in.index);
    ++in.appended;
  } else {
    keep_pending(in, record, error);
  }
  dirty(in, record.size());
  return error;
}

bool LocalStore::keep_pending(Inner& in, const std::string& record, int error) {
  const bool room = in.pending.size() + record.size() <= (in.memory_only.empty() ? kPendingLimit : kPendingUnread);
  if (room) in.pending += record;
  {
    std::lock_guard lock(in.index);
    ++in.write_faults;
  }
  if (in.memory_only.empty()) {
    notice(in, "cannot write to " + directory_ + "/" + in.journal_name + ": " + platform::reason(error) +
                   "; results stay in memory and are written when it can be");
  }
  return room;
}

void LocalStore::dirty(Inner& in, std::size_t bytes) {
  const Time at = now();
  in.journal_bytes += bytes;
  in.last_append = at;
  Time none = 0;
  if (in.first_append.compare_exchange_strong(none, at)) note_dirty(shared_from_this());
}

Kept LocalStore::put(const Put& put) {
  Inner& in = inner();
  const auto nothing_kept = [&] { return Kept{.generation = fresh_.generation.load(), .utc = put.utc, .cleared = true}; };
  const auto function = function_of(put.signature);
  const bool power = durability_ == Durability::power;
  Contents::Change change;
  {
    std::lock_guard lock(in.index);
    if (!in.contents.holds(function, put.under)) return nothing_kept();
    change.known = power && in.contents.find(put.signature, put.digest);
  }
  const DocumentEntry own{
      .signature = put.signature, .value = put.value, .digest = put.digest, .utc = put.utc, .ttl = put.ttl, .under = put.under, .tokens = put.tokens};
  std::string record;
  record.reserve(put.signature.size() + put.value.size() + 160);
  encode(record, own);

  std::unique_lock lock(in.append);
  const int error = append(in, record, &lock);
  bool in_order = power && error == 0 && in.folder && in.folder->is_local();
  if (in_order) {
    tail(in);  // others wrote during the sync: all is taken from the journal, in its order
    in_order = !in.unread && in.memory_only.empty();
  }
  Kept kept{.utc = put.utc};
  {
    std::lock_guard index(in.index);
    const auto entry = in_order ? in.contents.find(put.signature, put.digest) : std::nullopt;
    if (in_order ? !entry || entry->value != put.value : !in.contents.holds(function, put.under)) {
      return nothing_kept();  // a clear or another record came in with the tail
    }
    kept.serial = entry ? entry->serial : in.contents.put(own, change);
    changed(change.known && !in_order);
    kept.generation = fresh_.generation.load();
  }
  if (change.known && in.folder) in.folder->touch(in.stem);
  return kept;
}

}  // namespace cacherator::engine
