// Begin and end of every operation, and what an observer makes of them.
#include "storage.hpp"

#include <algorithm>

#include "at.hpp"

namespace cacherator::model {
namespace {

constexpr std::string_view kLost = "an acknowledged put is missing";
constexpr std::string_view kCleared = "a cleared entry is returned";
constexpr std::string_view kDropped = "a dropped entry comes back";
constexpr std::string_view kOlder = "an older value of a key returns";

}  // namespace

// ---- the whole

Storage::State Storage::initial() const {
  State state{};
  state.files.old = kNone;
  state.files.range = kNone;
  state.files.word = 1;
  state.files.document.inode = 1;
  state.files.journals[0].in_use = 1;
  state.files.journals[0].after = kNone;
  for (std::size_t i = 0; i < kProcesses; ++i) {
    const bool has_opened = i < actors() && scenario_.programs[i].ops.front().kind < Kind::checkpoint;
    state.processes[i].journal = has_opened ? Byte{0} : kNone;
    state.processes[i].seen = has_opened ? Byte{1} : Byte{0};
    state.processes[i].old = kNone;
  }
  return state;
}

const Op& Storage::op(const At& at) const { return scenario_.programs[at.self].ops[at.me.op]; }

bool Storage::may(const State& state, Move move) const {
  const Process& me = state.processes[move.actor];
  const Program& program = scenario_.programs[move.actor];
  if (me.dead || me.op >= program.ops.size()) return false;
  if (move.fate == Fate::step) return true;
  return move.fate == Fate::crash && program.may_die && me.step != Step::begin;
}

bool Storage::finished(const State& state) const {
  for (std::size_t i = 0; i < actors(); ++i) {
    if (!state.processes[i].dead && state.processes[i].op < scenario_.programs[i].ops.size()) return false;
  }
  return true;
}

Fault Storage::apply(State& state, Move move, std::string* note) const {
  const At at{state, state.processes[move.actor], move.actor, note};
  const std::string what = note ? text_of(op(at)) + ": " : "";
  const Fault fault = move.fate == Fate::crash ? crash(at) : at.me.step == Step::begin ? begin(at) : step(at);
  if (note) note->insert(0, what);
  simplify(state, !note);  // a trace keeps the numbers as they are
  return fault;
}

Fault Storage::step(const At& at) const {
  if (at.me.step <= Step::open_late_word) return open(at);
  if (at.me.step <= Step::tail_late_word) return tail(at);
  if (at.me.step <= Step::write_word) return append(at);
  return checkpoint(at);
}

/// Forgets what belongs to one operation, or what the process needs no more, so that states that differ in nothing else are one.
void Storage::end_operation(const At& at) const {
  Process& me = at.me;
  const auto& ops = scenario_.programs[at.self].ops;
  Process fresh{};
  fresh.op = byte(me.op + 1u);
  fresh.journal = fresh.old = kNone;
  if (fresh.op < ops.size() && ops[fresh.op].kind != Kind::checkpoint && ops[fresh.op].kind != Kind::open) {
    fresh.journal = me.journal;
    fresh.read_to = me.read_to;
    fresh.seen = me.seen;
    fresh.memory = me.memory;
  }
  me = fresh;
}

/// The kernel frees the range. What the operation wrote stays; as far as anybody knows it may still be going on.
Fault Storage::crash(const At& at) const {
  at.say("is killed");
  if (at.files().range == at.self) at.files().range = kNone;
  const bool another_goes_on = op(at).kind == Kind::checkpoint;
  const Step step = at.me.step;
  end_operation(at);
  if (another_goes_on) return {};
  at.me.journal = kNone;
  at.me.op = byte(at.me.op - 1u);
  at.me.step = step;
  at.me.dead = 1;
  return {};
}

/// The first step of an operation, at which it has begun.
Fault Storage::begin(const At& at) const {
  const Op& what = op(at);
  const Observed& seen = at.state.observed;
  switch (what.kind) {
    case Kind::checkpoint: return begin_checkpoint(at);
    case Kind::open:
      at.me.gone = byte(seen.cleared | seen.dropped | seen.replaced);
      at.me.required = byte(seen.acknowledged & ~(seen.maybe_void | seen.maybe_replaced));
      at.go(Step::open_word);
      break;
    case Kind::hit:
      at.me.gone = byte(seen.cleared | seen.dropped);
      at.me.goal = Goal::hit;
      if (at.files().word == at.me.seen) {
        at.say("the word is ", number(at.me.seen), " as remembered: returns from memory ", text_of(at.me.memory));
        return tailed(at);
      }
      at.go(Step::tail_word);
      break;
    case Kind::put:
      begin_call(at);
      at.me.goal = Goal::compute;
      at.go(is(Change::as_the_code) ? Step::short_look_word : Step::tail_word);
      break;
    default: begin_removal(at);
  }
  return step(at);
}

/// A clear or a drop: what it removes, if it is acknowledged, and what it may remove already.
void Storage::begin_removal(const At& at) const {
  Observed& seen = at.state.observed;
  const Op& what = op(at);
  const bool clears = what.kind == Kind::clear;
  for_each_put([&](const Op& put) {
    const bool same = clears ? (what.functions & bit(put.key)) != 0 : what.key == put.key;
    if (!same) return;
    if (clears) seen.maybe_void |= byte(seen.called & bit(put.value));
    if (!clears) seen.maybe_replaced |= byte(seen.begun & bit(put.value));
    at.me.before |= byte((clears ? seen.begun : seen.acknowledged) & bit(put.value));
  });
  const bool at_once = !clears || is(Change::clear_number_without_tail);
  at.me.goal = clears ? Goal::number : Goal::write;
  at.me.number = byte(at.me.memory.clock + 1u);
  at.go(!at_once ? Step::tail_word : is(Change::path_check_before_write) ? Step::check_before_write : Step::write);
}

template <class Use>
void Storage::for_each_going_on(const At& at, Use use) const {
  for (std::size_t i = 0; i < actors(); ++i) {
    const Process& other = at.state.processes[i];
    const auto& ops = scenario_.programs[i].ops;
    if (i != at.self && other.op < ops.size() && other.step != Step::begin) use(ops[other.op]);
  }
}

/// A call that misses. A clear that has not returned yet may void what it computes.
void Storage::begin_call(const At& at) const {
  Observed& seen = at.state.observed;
  const Op& what = op(at);
  seen.called |= bit(what.value);
  for_each_going_on(at, [&](const Op& theirs) {
    if (theirs.kind == Kind::clear && (theirs.functions & bit(what.key))) seen.maybe_void |= bit(what.value);
  });
}

/// The tail is done, and there is no entry: the function runs. What is cleared from now on voids its value.
void Storage::compute(const At& at) const {
  Observed& seen = at.state.observed;
  const Op& what = op(at);
  at.me.number = at.me.memory.clock;
  seen.begun |= bit(what.value);
  for_each_going_on(at, [&](const Op& theirs) {
    const bool replaces = theirs.kind == Kind::drop || (theirs.kind == Kind::put && !(seen.cleared & bit(theirs.value)));
    if (replaces && theirs.key == what.key) seen.maybe_replaced |= bit(what.value);
  });
  for_each_put([&](const Op& put) {
    if (put.key != what.key || put.value == what.value) return;
    seen.maybe_replaced |= byte(seen.begun & bit(put.value));
    at.me.before |= byte(seen.acknowledged & bit(put.value));
  });
}

/// The operation returns to its caller: from now on its effect is certain.
Fault Storage::finish(const At& at) const {
  Observed& seen = at.state.observed;
  const Op& what = op(at);
  if (what.kind == Kind::put) {
    seen.acknowledged |= bit(what.value);
    if (!(seen.maybe_void & bit(what.value))) seen.replaced |= at.me.before;
  }
  if (what.kind == Kind::drop) seen.dropped |= at.me.before;
  if (what.kind == Kind::clear) seen.cleared |= at.me.before;
  end_operation(at);
  return {};
}

void Storage::apply_record(const Record& record, Contents& contents) const {
  contents.clock = std::max(contents.clock, record.number);
  if (record.kind == Kind::clear) {
    for (std::size_t key = 0; key < kKeys; ++key) {
      if (record.key & bit(key)) contents.cleared[key] = std::max(contents.cleared[key], record.number);
    }
    return;
  }
  if (record.kind == Kind::drop) {
    contents.entries[record.key] = {};
  } else if (record.number >= contents.cleared[record.key] || is(Change::void_puts_overwrite)) {
    contents.entries[record.key] = {record.value, record.number};
  }
}

Byte Storage::values(const Contents& contents) const {
  Byte found = 0;
  for (std::size_t key = 0; key < kKeys; ++key) {
    const Entry entry = contents.entries[key];
    if (entry.value && entry.under >= contents.cleared[key]) found |= bit(entry.value);
  }
  return found;
}

/// What is in memory now, against what was known when the opening or the call began.
Fault Storage::judge(const At& at, bool opening) const {
  const Observed& seen = at.state.observed;
  const Byte found = values(at.me.memory), back = byte(found & at.me.gone);
  if (back & seen.cleared) return kCleared;
  if (back & seen.dropped) return kDropped;
  if (back) return kOlder;
  const unsigned excused = static_cast<unsigned>(seen.maybe_void | seen.maybe_replaced);
  if (opening && (at.me.required & ~excused & ~found) != 0) return kLost;
  return {};
}

}  // namespace cacherator::model
