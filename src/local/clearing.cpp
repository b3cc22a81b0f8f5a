// What is forgotten, and what is state: clear, drop, save_state.
#include "local/local_store.hpp"

namespace cacherator::engine {

Result<void> LocalStore::clear(std::string_view function) {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  if (ensure_folder(in) == 0) tail(in);
  ClearRecord record{.function = std::string(function), .utc = now(), .l2 = pending_id(in)};
  int error = 0;
  for (;;) {
    {
      std::lock_guard index(in.index);
      record.number = in.contents.clock + 1;
    }
    const auto journal = in.journal.identity();
    std::string text;
    encode(text, record);
    error = append(in, text);
    if (error < 0 || !journal || journal == in.journal.identity()) break;
    // Written again in another journal: the number must be larger than all that was seen on the way.
    std::lock_guard index(in.index);
    if (in.contents.clock < record.number) break;
  }
  // What 1.2.9 wrote is void by its date, which another time zone may have set ahead: such entries are dropped one by one.
  std::vector<std::string> ahead;
  {
    std::lock_guard index(in.index);
    ahead = in.contents.plain_after(function, record.utc);
  }
  for (auto& signature : ahead) {
    const DropRecord drop{std::move(signature), record.utc, {}};
    std::string text;
    encode(text, drop);
    append(in, text);
    std::lock_guard index(in.index);
    in.contents.apply(drop, nullptr);
  }
  {
    std::lock_guard index(in.index);
    changed(in.contents.apply(record, nullptr).known);
    fresh_.generation.fetch_add(1);  // memories may hold what was never in the store
  }
  if (in.folder) in.folder->touch(in.stem);
  if (error < 0 && in.memory_only.empty()) {
    return Fault{Fault::Kind::io, "the clear of '" + std::string(function) + "' could not be written to " + directory_ + ": " + platform::reason(error)};
  }
  return {};
}

Result<void> LocalStore::drop(std::string_view signature) {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  if (ensure_folder(in) == 0) tail(in);
  std::vector<DropRecord> records{{std::string(signature), now(), pending_id(in)}};
  {
    std::lock_guard index(in.index);
    for (auto& other : in.contents.other_spellings(signature)) records.push_back({std::move(other), records.front().utc, {}});
  }
  std::string text;
  for (const auto& record : records) encode(text, record);
  const int error = append(in, text);
  {
    std::lock_guard index(in.index);
    for (const auto& record : records) in.contents.apply(record, nullptr);
    ++drops_;
    fresh_.generation.fetch_add(1);
  }
  if (in.folder) in.folder->touch(in.stem);
  if (error < 0 && in.memory_only.empty()) {
    return Fault{Fault::Kind::io, "forgetting '" + std::string(signature) + "' could not be written to " + directory_ + ": " + platform::reason(error)};
  }
  return {};
}

Result<void> LocalStore::save_state(std::span<const Variable> changed_ones, bool touch) {
  Inner& in = inner();
  std::lock_guard lock(in.append);
  const Time at = now();
  std::string text;
  for (const auto& variable : changed_ones) encode(text, StateRecord{variable.name, variable.value, at, variable.gone});
  if (touch) encode(text, SavedRecord{at});
  if (text.empty()) return {};
  const int error = append(in, text);
  {
    std::lock_guard index(in.index);
    for (const auto& variable : changed_ones) in.contents.apply(StateRecord{variable.name, variable.value, at, variable.gone}, nullptr);
    if (touch) in.contents.saved = at;
  }
  if (error < 0 && in.memory_only.empty()) {
    return Fault{Fault::Kind::io, "state could not be written to " + directory_ + ": " + platform::reason(error)};
  }
  return {};
}

void LocalStore::forget_all() {
  std::vector<Variable> gone = state();
  for (auto& variable : gone) variable.gone = true;
  if (!gone.empty()) (void)save_state(gone, false);
  bool any;
  {
    Inner& in = inner();
    std::lock_guard lock(in.index);
    any = in.contents.size() > 0;
  }
  if (any) (void)clear("*");
}

}  // namespace cacherator::engine
