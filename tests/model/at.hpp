// For the steps' sources only: one step's place, and its words for a trace.
#pragma once

#include "storage.hpp"

namespace cacherator::model {

struct Storage::At {
  State& state;
  Process& me;
  Byte self;
  std::string* note;

  Files& files() const { return state.files; }
  template <class... Parts>
  void say(const Parts&... parts) const {
    if (note) (note->clear(), (note->append(parts), ...));
  }
  Fault go(Step step) const {
    me.step = step;
    return {};
  }
};

[[nodiscard]] inline std::string journal_name(Byte journal) { return journal == kNone ? "nothing" : "journal " + std::to_string(journal); }
[[nodiscard]] inline std::string number(std::size_t value) { return std::to_string(value); }

[[nodiscard]] std::string text_of(const Op& op);
[[nodiscard]] std::string text_of(const Record& record);
[[nodiscard]] std::string text_of(const Contents& contents);

}  // namespace cacherator::model
