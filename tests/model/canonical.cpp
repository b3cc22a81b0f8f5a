// States that differ in nothing that counts become one.
#include <algorithm>

#include "at.hpp"

namespace cacherator::model {
namespace {

/// A journal that nobody has open and no path names.
void forget_unreachable(Storage::State& state) {
  Files& files = state.files;
  for (Byte i = 0; i < kJournals; ++i) {
    bool reachable = files.journal == i || files.old == i;
    for (const auto& process : state.processes) reachable |= process.journal == i || process.old == i;
    if (reachable) continue;
    files.journals[i] = {};
    files.document.folded &= static_cast<Byte>(~bit(i));
    for (auto& process : state.processes) process.folded &= static_cast<Byte>(~bit(i));
    for (auto& journal : files.journals) {
      if (journal.after == i) journal.after = kNone;
    }
  }
}

/// Which number a journal has says nothing: J is 0, the others as they are met.
void renumber_journals(Storage::State& state) {
  Files& files = state.files;
  std::array<Byte, kJournals> numbers{};
  numbers.fill(kNone);
  Byte next = 0;
  const auto meet = [&](Byte journal) {
    if (journal != kNone && numbers[journal] == kNone) numbers[journal] = next++;
  };
  const auto renumber = [&](Byte& journal) { journal = journal == kNone ? kNone : numbers[journal]; };
  const auto renumber_all = [&](Byte& folded) {
    Byte renumbered = 0;
    for (std::size_t i = 0; i < kJournals; ++i) {
      if ((folded & bit(i)) && numbers[i] != kNone) renumbered |= bit(numbers[i]);
    }
    folded = renumbered;
  };
  meet(files.journal);
  meet(files.old);
  for (const auto& process : state.processes) meet(process.journal), meet(process.old);
  bool as_they_are = files.document.inode == 1;
  for (std::size_t i = 0; i < kJournals; ++i) as_they_are &= numbers[i] == kNone || numbers[i] == i;
  if (as_they_are) return;
  const auto before = files.journals;
  files.journals = {};
  for (std::size_t i = 0; i < kJournals; ++i) {
    if (numbers[i] == kNone) continue;
    files.journals[numbers[i]] = before[i];
    renumber(files.journals[numbers[i]].after);
  }
  renumber(files.journal);
  renumber(files.old);
  renumber_all(files.document.folded);
  for (auto& process : state.processes) {
    renumber(process.journal);
    renumber(process.old);
    renumber_all(process.folded);
    if (process.document) process.document = process.document == files.document.inode ? 1 : 2;
  }
  files.document.inode = 1;
}

/// Only which words are equal counts: the word is 1, the others are numbered as they are met.
template <class Uses>
void renumber_words(Storage::State& state, Uses uses) {
  std::array<Byte, 16> numbers{};
  Byte last = 0;
  const auto renumber = [&](Byte& word) {
    if (word == 0) return;
    if (numbers[word] == 0) numbers[word] = ++last;
    word = numbers[word];
  };
  renumber(state.files.word);
  for (std::size_t i = 0; i < kProcesses; ++i) {
    Process& process = state.processes[i];
    if (!uses(i)) process.seen = process.word = 0;
    renumber(process.seen);
    renumber(process.word);
  }
}

}  // namespace

/// Whether a process will yet compare the word with what it remembers.
bool Storage::uses_word(const State& state, std::size_t process) const {
  if (process >= actors()) return false;
  const auto& ops = scenario_.programs[process].ops;
  for (std::size_t i = state.processes[process].op; i < ops.size(); ++i) {
    if (ops[i].kind == Kind::hit || (ops[i].kind == Kind::put && is(Change::as_the_code))) return !state.processes[process].dead;
  }
  return false;
}

/// A word that nobody remembers.
Byte Storage::fresh_word(const State& state) const {
  Byte largest = state.files.word;
  if (is(Change::word_incremented)) return byte(largest + 1u);
  for (const auto& process : state.processes) largest = std::max({largest, process.seen, process.word});
  return byte(largest + 1u);
}

void Storage::simplify(State& state, bool renumbers) const {
  forget_unreachable(state);
  if (!renumbers) return;
  renumber_journals(state);
  if (!is(Change::word_incremented)) renumber_words(state, [&](std::size_t process) { return uses_word(state, process); });
}

}  // namespace cacherator::model
