// Step U of the protocol: what people, other programs and 1.2.9 did to the files while they were open here. And what a
// store tells about itself.
#include <algorithm>

#include "local/local_store.hpp"

namespace cacherator::engine {
void LocalStore::refresh() {
  Inner& in = inner();
  const bool due = fresh_.due(now());
  const auto* const word = fresh_.word.load();
  if (word != &kAsk && !due && word->load(std::memory_order_acquire) == fresh_.seen.load()) return;
  std::lock_guard lock(in.append);
  if (!due && !told(in)) return;
  if (due) look(in);
  tail(in);
}

void LocalStore::look_now() {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  look(in);
  tail(in);
}

void LocalStore::look(Inner& in) {
  return_to_folder(in);
  fresh_.check_at = now() + kLookEvery;
  const auto folder = platform::status(directory_);
  const bool folder_is_there = folder && folder->directory;
  if (!in.folder ? folder_is_there : !folder_is_there || folder->identity != in.folder->identity()) return load(in);
  if (!in.folder) return;
  if (!in.memory_only.empty()) return load(in);  // what stood in the way may be gone
  if (!in.folder->lock_file_is_current()) in.folder->open_lock_file();
  watch(in);  // another cache of the folder may have opened another lock file
  const bool journal_gone = in.journal.identity() && !platform::identity(in.folder->fd(), in.journal_name.c_str());
  if (journal_gone) return load(in);
  const auto there = platform::status(in.folder->fd(), in.document_name.c_str());
  if (there != in.document) document_changed(in, there);
}

void LocalStore::document_changed(Inner& in, const std::optional<platform::Status>& there) {
  if (!there) return load(in);
  platform::Status status;
  int error = 0;
  const auto document = read_document_file(in, *in.folder, status, error);
  if (!document) return load(in);
  if (!document->damage.empty()) {
    if (now() - status.modified < kStill) return;  // it is perhaps just being written: looked at again in a moment
    note_damage(in, *document);
    return merge(in, document, status);
  }
  if (!document->ours) return merge(in, document, status);
  tail(in);
  if (is_known_checkpoint(in, document->header.folded)) {
    std::lock_guard lock(in.index);
    in.contents.folded = document->header.folded;
    in.document = status;
    in.document_bytes = status.size;
  } else {
    load(in);
  }
}

/// True for a document that says no more than what was read here in journals: the one known here, and folded since. One that was edited
/// by hand has the same `folded` as before; an older one that was brought back lacks the last of them.
bool LocalStore::is_known_checkpoint(Inner& in, const std::vector<std::string>& folded) {
  const auto has = [](const auto& ids, const std::string& id) { return std::find(ids.begin(), ids.end(), id) != ids.end(); };
  std::lock_guard lock(in.index);
  const auto& known = in.contents.folded;
  return folded != known && (known.empty() || has(folded, known.back())) &&
         std::all_of(folded.begin(), folded.end(), [&](const auto& id) { return has(in.read_journals, id); });
}

/// 1.2.9 wrote the document, or it was damaged: the newer date wins, what was cleared here stays so, and what it dropped is appended again.
void LocalStore::merge(Inner& in, const std::shared_ptr<const Document>& document, const platform::Status& status) {
  std::string again;
  {
    std::lock_guard lock(in.index);
    const Contents theirs(document);
    Contents::Change change;
    for (const auto& entry : document->entries) {
      const auto mine = in.contents.find(entry.signature, {});
      if (mine && mine->utc >= entry.utc) continue;
      change.known |= in.contents.take(entry, document).known;
    }
    changed(change.known);
    for (const auto& mine : in.contents.all()) {
      const auto found = theirs.find(mine.signature, {});
      if (found && found->utc / 1000 >= mine.utc / 1000) continue;  // files keep microseconds
      encode(again, mine);
    }
    if (document->saved > in.contents.saved) {
      for (const auto& variable : document->state) {
        auto& mine = in.contents.state[variable.name];
        if (mine.value != variable.value) mine = variable;
      }
      in.contents.saved = document->saved;
    }
    for (const auto& [name, variable] : in.contents.state) {
      const auto found = theirs.state.find(name);
      if (found != theirs.state.end() && found->second.value == variable.value) continue;
      encode(again, StateRecord{name, variable.value, variable.utc, false, variable.plain});
    }
    for (const auto& [table, known] : in.contents.tables) encode(again, TokensRecord{table, known.tokens, known.pending});
  }
  in.document = status;
  in.document_bytes = status.size;
  if (!again.empty()) append(in, again);
  dirty(in, 0);  // so that the document is ours again soon
}

// ---- what a store tells

std::uint64_t LocalStore::clock() const noexcept {
  const Inner& in = inner();
  std::lock_guard lock(in.index);
  return in.contents.clock;
}

bool LocalStore::holds(std::string_view function, std::uint64_t under) const {
  const Inner& in = inner();
  std::lock_guard lock(in.index);
  return in.contents.holds(function, under);
}

std::vector<std::pair<std::string, Entry>> LocalStore::entries() {
  refresh();
  Inner& in = inner();
  std::lock_guard lock(in.index);
  return in.contents.sorted();
}

std::vector<Variable> LocalStore::state() {
  refresh();
  Inner& in = inner();
  std::lock_guard lock(in.index);
  std::vector<Variable> variables;
  variables.reserve(in.contents.state.size());
  for (const auto& [name, variable] : in.contents.state) variables.push_back(variable);
  return variables;
}

Time LocalStore::state_saved() {
  Inner& in = inner();
  std::lock_guard lock(in.index);
  return in.contents.saved;
}

Info LocalStore::info() {
  Inner& in = inner();
  std::scoped_lock lock(in.append, in.index);
  Info info{.data_id = data_id_, .directory = directory_, .document = directory_ + (directory_.ends_with('/') ? "" : "/") + in.document_name};
  info.entries = in.contents.size();
  info.variables = in.contents.state.size();
  info.document_bytes = in.document_bytes;
  info.journal_bytes = in.journal_bytes;
  info.appended = in.appended;
  info.checkpoints = in.checkpoints;
  info.damaged_records = in.contents.damaged_records;
  info.damaged_documents = in.damaged_documents;
  info.write_faults = in.write_faults;
  info.other_faults = in.other_faults;
  info.memory_only = !in.memory_only.empty();
  info.reason = in.memory_only;
  return info;
}

void LocalStore::notice(Inner& in, std::string text, std::string_view once) {
  std::lock_guard lock(in.index);
  notice_locked(in, std::move(text), once);
}

void LocalStore::notice_locked(Inner& in, std::string text, std::string_view once) {
  constexpr std::size_t kMost = 256;  // after so many others a warning may be repeated; of more that nobody takes, the oldest go
  std::string key(once.empty() ? text : once);
  if (std::find(in.said.begin(), in.said.end(), key) != in.said.end()) return;
  in.said.push_back(std::move(key));
  in.notices.push_back(std::move(text));
  if (in.said.size() > kMost) in.said.erase(in.said.begin());
  if (in.notices.size() > kMost) in.notices.erase(in.notices.begin());
}

std::vector<std::string> LocalStore::take_notices() {
  Inner& in = inner();
  std::lock_guard lock(in.index);
  return std::exchange(in.notices, {});
}

const std::shared_ptr<Flights>& LocalStore::flights() const noexcept { return inner().flights; }

}  // namespace cacherator::engine
