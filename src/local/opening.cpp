// The step Open of the protocol: which files are the cache's, and what they hold.
#include <algorithm>
#include <cerrno>

#include "local/json_scanner.hpp"
#include "local/local_store.hpp"
#include "local/members.hpp"

namespace cacherator::engine {
namespace {

/// The data_id in the header with which a document begins; empty: it has none. A long header need not be there whole.
std::string owner_in(std::string_view head) {
  JsonScanner scanner(head);
  std::string_view key;
  bool escaped;
  if (!scanner.take('{') || !scanner.string(key, escaped) || key != "_cacherator" || !scanner.take(':') || !scanner.take('{')) return "";
  do {
    if (!scanner.string(key, escaped) || !scanner.take(':')) break;
    const auto value = scanner.value(2);
    if (!value) break;
    if (key == "data_id") return scanner.take(',') || scanner.take('}') ? text_of(*value).value_or("") : "";  // else its end is damaged
  } while (scanner.take(','));
  return "";
}

/// The data_id that files of this stem name: nothing where there are none, empty where 1.2.9 wrote the document.
std::optional<std::string> owner_of(Folder& folder, const std::string& stem) {
  Journal journal;
  std::shared_ptr<std::string> lines;
  if (Journal::open(folder.fd(), (stem + ".journal").c_str(), journal) == 0 && journal.read_new(lines) == 0 && journal.header().format > 0) {
    return journal.header().data_id;
  }
  const std::string name = stem + ".json";
  if (!platform::status(folder.fd(), name.c_str())) return std::nullopt;
  const platform::Descriptor file(platform::open_file(folder.fd(), name.c_str(), platform::Open::read));
  std::string head(1 << 16, '\0');
  const ssize_t got = file ? platform::read_at(file.get(), head.data(), head.size(), 0) : 0;
  head.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return owner_in(head);
}

}  // namespace

void LocalStore::load_now() {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  load(in);
}

void LocalStore::load(Inner& in) {
  int error = 0;
  in.left.reset();
  const bool had_journal = static_cast<bool>(in.journal.identity());
  in.folder = Folder::open(directory_, error);
  if (in.folder) note_folder(shared_from_this());
  in.journal = Journal();
  in.journal_is_old = false;
  in.document.reset();
  in.memory_only = error ? "the folder " + directory_ + " cannot be opened: " + platform::reason(error) : "";
  Contents fresh;
  if (in.folder) {
    in.folder->open_lock_file();
    choose_stem(in);
    watch(in);
    const std::uint64_t seen = word(in);  // before the files are read (I8)
    read_files(in, fresh);
    fresh_.seen = seen;
  } else {
    set_stem(in, stems_.adopt_only || !stems_.has_plain ? stems_.marked : stems_.plain);
    watch(in);
    fresh_.seen = word(in);
  }
  if (!in.memory_only.empty()) {
    notice(in, "cache '" + data_id_ + "' is kept in memory only: " + in.memory_only);
  }
  drops_ += had_journal || fresh.drops > 0;                 // some may have been folded since the journal was last read
  if (in.memory_only.empty()) adopt(in, std::move(fresh));  // else memory stays as it is, until the files can be read
  fresh_.check_at = now() + kLookEvery;
}

void LocalStore::set_stem(Inner& in, const std::string& stem) {
  if (in.stem == stem) return;  // a fold may be reading the names
  in.stem = stem;
  in.document_name = stem + ".json";
  in.journal_name = stem + ".journal";
  in.old_name = stem + ".journal.old";
}

void LocalStore::choose_stem(Inner& in) {
  if (owner_of(*in.folder, stems_.marked) == data_id_) return set_stem(in, stems_.marked);
  if (!stems_.has_plain) return set_stem(in, stems_.marked);
  const auto owner = owner_of(*in.folder, stems_.plain);
  const bool free = owner ? owner->empty() || *owner == data_id_ : !stems_.adopt_only;
  set_stem(in, free ? stems_.plain : stems_.marked);
}

std::shared_ptr<const Document> LocalStore::read_document_file(const Inner& in, const Folder& folder, platform::Status& status, int& error) {
  error = 0;
  const char* const name = in.document_name.c_str();
  platform::Descriptor file;
  // What is there and cannot be opened was made at this moment; or it is a link to nowhere, which stays one.
  for (int tries = 0; tries < 4; ++tries) {
    file = platform::Descriptor(platform::open_file(folder.fd(), name, platform::Open::read));
    if (file.get() != -ENOENT) break;
    if (!platform::identity(folder.fd(), name)) return nullptr;
  }
  if (!file) {
    error = -file.get();
    return nullptr;
  }
  const auto found = platform::status(file.get());
  if (!found || !found->regular) {
    error = found && found->directory ? EISDIR : EINVAL;
    return nullptr;
  }
  if (found->size > platform::kLargestFile) {
    error = EFBIG;
    return nullptr;
  }
  status = *found;
  auto text = std::make_shared<std::string>();
  if (const int failed = platform::read_rest(file.get(), *text); failed < 0) {
    error = -failed;
    return nullptr;
  }
  return read_document(std::move(text));
}

/// Journal, old journal, document are opened in this order and replayed in the other (I1).
bool LocalStore::read_files(Inner& in, Contents& fresh) {
  Journal journal, old;
  const int journal_error = Journal::open(in.folder->fd(), in.journal_name.c_str(), journal);
  const int old_error = Journal::open(in.folder->fd(), in.old_name.c_str(), old);
  std::shared_ptr<std::string> lines, old_lines;
  platform::Status status;
  int error = 0;
  const auto document = read_document_file(in, *in.folder, status, error);
  const std::string path = directory_ + "/" + in.document_name;
  if (error) {
    in.memory_only = path + " cannot be read as a document (" + platform::reason(error) + "); move it away, or choose another data_id";
    return false;
  }
  if (document) {
    in.document = status;
    in.document_bytes = status.size;
    if (document->ours && document->header.format > 1) {
      in.memory_only =
          path + " was written by a newer version (format " + std::to_string(document->header.format) + "); update cacherator, or choose another directory";
      return false;
    }
    if (!document->damage.empty()) note_damage(in, *document);
  }
  fresh = Contents(document);
  in.read_journals = fresh.folded;
  const auto is_folded = [&](const std::string& id) { return !id.empty() && std::find(fresh.folded.begin(), fresh.folded.end(), id) != fresh.folded.end(); };
  if (old) sync_to_read(in, old);
  if (journal) sync_to_read(in, journal);
  const bool has_old = old && !(journal && journal.identity() == old.identity()) && old.read_new(old_lines) == 0;
  const bool has_journal = journal && journal.read_new(lines) == 0;
  if (journal.header().format > 1 || old.header().format > 1) {
    in.memory_only = directory_ + "/" + (journal.header().format > 1 ? in.journal_name : in.old_name) + " was written by a newer version; update cacherator";
    fresh = Contents();
    return false;
  }
  if (has_old && old_lines && !is_folded(old.header().id)) {
    fresh.apply(*old_lines, old_lines);
    in.read_journals.push_back(old.header().id);
  }
  if (has_journal) {
    const auto& id = journal.header().id;
    in.journal_is_old = is_folded(id) || (old && !id.empty() && id == old.header().id && !(journal.identity() == old.identity()));
    if (lines && !is_folded(id)) fresh.apply(*lines, lines);
    in.read_journals.push_back(id);
    in.journal = std::move(journal);
    note_descriptor(shared_from_this());
  }
  in.journal_bytes = in.journal ? in.journal.read_to() : 0;
  if ((journal_error < 0 && journal_error != -ENOENT) || (old_error < 0 && old_error != -ENOENT)) {
    in.memory_only = directory_ + "/" + in.journal_name +
                     " cannot be opened: " + platform::reason(journal_error < 0 && journal_error != -ENOENT ? journal_error : old_error);
  }
  return true;
}

void LocalStore::note_damage(Inner& in, const Document& document) {
  {
    std::lock_guard lock(in.index);
    ++in.damaged_documents;
  }
  const auto& first = document.damage.front();
  notice(in, directory_ + "/" + in.document_name + " is damaged (" + std::to_string(document.damage.size()) + " places, the first at byte " +
                 std::to_string(first.offset) + ": " + first.what + "); the rest of it is used, and a copy will be kept aside");
}

void LocalStore::adopt(Inner& in, Contents fresh) {
  if (!in.pending.empty()) {
    const auto lines = std::make_shared<const std::string>(in.pending);
    fresh.apply(*lines, lines);
    dirty(in, 0);  // so that it is written soon
  }
  std::lock_guard lock(in.index);
  const auto change = fresh.inherit(in.contents);
  in.contents = std::move(fresh);
  changed(change.known);
}

}  // namespace cacherator::engine
