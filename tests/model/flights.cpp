#include "flights.hpp"

namespace cacherator::model {
namespace {

constexpr Byte kNobody = 0xff;
constexpr std::string_view kTwice = "the function runs twice";
constexpr std::string_view kConvoy = "a caller waits for more than one leader";
constexpr std::string_view kNoValue = "a caller gets no value";

}  // namespace

struct Flights::At {
  State& state;
  FlightProcess& me;
  Call& call;
  Byte self;
  std::string* note;

  [[nodiscard]] Byte mask() const { return bit(call.signature); }
  Byte& range() const { return state.range[call.signature]; }
  template <class... Parts>
  void say(const Parts&... parts) const {
    if (note) (note->append(parts), ...);
  }
  Fault go(FlightStep to) const {
    call.step = to;
    return {};
  }
};

Flights::State Flights::initial() const {
  State state{};
  state.range.fill(kNobody);
  for (std::size_t i = 0; i < kCallers; ++i) {
    FlightProcess& process = state.processes[i];
    const bool is_there = i < actors();
    process.calls[0].step = FlightStep::done;
    if (!is_there) continue;
    const Caller& caller = scenario_.callers[i];
    process.calls[0].step = caller.rotates ? FlightStep::rename_journal : caller.opens ? FlightStep::open : FlightStep::ask;
    process.calls[0].signature = caller.signature;
  }
  return state;
}

bool Flights::may(const State& state, Move move) const {
  const FlightProcess& me = state.processes[move.actor];
  const Caller& caller = scenario_.callers[move.actor];
  const Call& call = me.calls[me.depth];
  if (me.gone || call.step == FlightStep::done) return false;
  switch (move.fate) {
    case Fate::step: return true;
    case Fate::look: return call.step == FlightStep::poll;
    case Fate::crash: return scenario_.may_crash && call.step > FlightStep::ask;
    case Fate::stop: return scenario_.may_stop && call.step > FlightStep::ask;
    case Fate::other: break;
  }
  if (call.step == FlightStep::poll) return scenario_.bounded && !is(FlightChange::wait_without_bound);
  return call.step == FlightStep::compute && caller.may_fail;
}

bool Flights::finished(const State& state) const {
  for (const auto& process : state.processes) {
    if (!process.gone && process.calls[0].step != FlightStep::done) return false;
  }
  return true;
}

Fault Flights::apply(State& state, Move move, std::string* note) const {
  FlightProcess& me = state.processes[move.actor];
  const At at{state, me, me.calls[me.depth], move.actor, note};
  if (!scenario_.callers[move.actor].rotates) at.say("call ", at.call.signature ? "y" : "x", ": ");
  switch (move.fate) {
    case Fate::crash:
    case Fate::stop: return disappear(at, move.fate == Fate::crash), Fault();
    case Fate::other:
      if (at.call.step == FlightStep::compute) return fail(at);
      at.say("has waited long enough");
      return compute_alone(at);
    case Fate::look: return wait(at);
    case Fate::step: break;
  }
  return step(at);
}

/// Killed: the kernel frees the ranges. Stopped, or killed with a child that was forked: they stay taken.
void Flights::disappear(const At& at, bool killed) const {
  at.say(killed ? "is killed" : "is stopped for ever");
  if (killed) {
    for (auto& range : at.state.range) range = range == at.self ? kNobody : range;
  }
  at.me = {};
  at.me.gone = 1;
}

/// In one step: what happens between its parts is the storage model's.
Fault Flights::open(const At& at) const {
  at.me.seen = at.state.word;
  at.me.journal = at.state.journal;
  at.me.read_to = at.state.count[at.me.journal];
  at.me.known = byte(at.state.records[0] | at.state.records[1]);
  at.say("opens the cache, with journal ", std::to_string(at.me.journal));
  return at.go(FlightStep::ask);
}

Fault Flights::step(const At& at) const {
  State& state = at.state;
  switch (at.call.step) {
    case FlightStep::ask:
      at.say(at.me.known & at.mask() ? "is in memory" : "is not in memory");
      return at.me.known & at.mask() ? answer(at) : at.go(FlightStep::try_range);
    case FlightStep::open: return open(at);
    case FlightStep::try_range:
    case FlightStep::poll: return try_range(at);
    case FlightStep::look_word:
    case FlightStep::look_read:
    case FlightStep::look_check: return look(at);
    case FlightStep::compute: return compute(at);
    case FlightStep::write:
    case FlightStep::check_path: return keep(at);
    case FlightStep::free_range: return free_range(at);
    case FlightStep::rename_journal:
      state.journal = 1;
      at.say("rotates the journal");
      return at.go(FlightStep::touch_word);
    case FlightStep::touch_word:
      ++state.word;
      at.say("writes the word");
      return at.go(FlightStep::done);
    case FlightStep::done: break;
  }
  return {};
}

// ---- the range, and the wait for who has it

Fault Flights::try_range(const At& at) const {
  const Byte lease = at.state.lease[at.call.signature];
  if (at.range() == kNobody) {
    at.range() = at.self;
    at.state.lease[at.call.signature] = byte(lease + 1u);
    at.call.leads = 1;
    at.say("takes the range");
    return at.go(is(FlightChange::no_second_look) ? FlightStep::compute : FlightStep::look_word);
  }
  at.say("the range is taken");
  const bool inside_another = at.me.depth > 0;
  if (inside_another && !is(FlightChange::nested_calls_wait)) {
    at.say(", and this call is inside another");
    return compute_alone(at);
  }
  if (at.call.leaders && at.call.lease != lease && !is(FlightChange::every_leader_waited_for)) {
    at.say(" by another leader");
    return compute_alone(at);
  }
  if (at.call.lease != lease) ++at.call.leaders;
  at.call.lease = lease;
  if (at.call.leaders > 1) return kConvoy;
  return at.go(FlightStep::poll);
}

/// Not before one more look: the first leader may have kept its value, and another have the range only to look.
Fault Flights::compute_alone(const At& at) const {
  at.call.alone = 1;
  return at.go(is(FlightChange::no_look_before_computing_alone) ? FlightStep::compute : FlightStep::look_word);
}

/// Between two tries of the range: what came into its journal. (A rotation shows in the look, with the range.)
Fault Flights::wait(const At& at) const {
  read(at);
  at.say("waits, and reads journal ", std::to_string(at.me.journal), at.me.known & at.mask() ? ": it is there" : "");
  return at.me.known & at.mask() ? answer(at) : at.go(FlightStep::poll);
}

// ---- the look of who leads

void Flights::read(const At& at) const {
  at.me.known |= at.state.records[at.me.journal];
  at.me.read_to = at.state.count[at.me.journal];
}

Fault Flights::look(const At& at) const {
  FlightProcess& me = at.me;
  switch (at.call.step) {
    case FlightStep::look_word:
      me.word = at.state.word;
      at.say("loads the word");
      if (is(FlightChange::second_look_by_word_and_size) && !at.call.wrote && me.word == me.seen && me.read_to == at.state.count[me.journal]) {
        at.say(", as remembered; its journal has no more");
        return looked(at);
      }
      return at.go(FlightStep::look_read);
    case FlightStep::look_read:
      read(at);
      at.say("reads journal ", std::to_string(me.journal));
      return at.go(FlightStep::look_check);
    default: break;
  }
  at.say("J is ", me.journal == at.state.journal ? "the same" : "another: reads the old one to its end, follows");
  if (me.journal != at.state.journal) {
    read(at);
    me.journal = at.state.journal;
    me.read_to = 0;
    return at.go(FlightStep::look_word);
  }
  me.seen = me.word;
  return looked(at);
}

Fault Flights::looked(const At& at) const {
  if (at.call.wrote) return at.go(FlightStep::write);
  if (!(at.me.known & at.mask())) return at.go(FlightStep::compute);
  at.say(": it is there");
  return at.call.leads ? at.go(FlightStep::free_range) : answer(at);
}

// ---- the function, and what it returns

Fault Flights::compute(const At& at) const {
  Byte& runs = at.state.runs[at.call.signature];
  const bool calls_another = at.me.depth == 0 && scenario_.callers[at.self].nested;
  at.say("the function runs");
  if (++runs > 1 && scenario_.once) return kTwice;
  at.go(is(FlightChange::range_freed_before_append) && at.call.leads ? FlightStep::free_range : FlightStep::write);
  if (!calls_another) return {};
  at.say(" and calls the other");
  Call& inner = at.me.calls[++at.me.depth];
  inner = {};
  inner.signature = byte(1u - at.call.signature);
  return {};
}

/// Nothing is kept, and the exception goes to who called.
Fault Flights::fail(const At& at) const {
  at.say("the function fails");
  at.me.failed |= at.mask();
  ++at.state.runs[at.call.signature];
  return at.call.leads ? at.go(FlightStep::free_range) : answer(at);
}

Fault Flights::keep(const At& at) const {
  State& state = at.state;
  FlightProcess& me = at.me;
  if (at.call.step == FlightStep::write) {
    state.records[me.journal] |= at.mask();
    ++state.count[me.journal];
    at.call.wrote = 1;
    at.say("writes to journal ", std::to_string(me.journal));
    return at.go(FlightStep::check_path);
  }
  at.say("J is ", me.journal == state.journal ? "the same: the record counts" : "another: once more");
  if (me.journal != state.journal) return at.go(FlightStep::look_word);
  if (state.count[me.journal] == me.read_to + 1) me.read_to = state.count[me.journal];
  me.known |= at.mask();
  return at.call.leads ? at.go(FlightStep::free_range) : answer(at);
}

Fault Flights::free_range(const At& at) const {
  at.range() = kNobody;
  at.call.leads = 0;
  at.say("frees the range");
  const bool kept = ((at.me.known | at.me.failed) & at.mask()) != 0;
  return kept ? answer(at) : at.go(FlightStep::write);
}

Fault Flights::answer(const At& at) const {
  if (!((at.me.known | at.me.failed) & at.mask())) return kNoValue;
  at.say("; returns");
  if (at.me.depth > 0) {
    --at.me.depth;
    at.call = {};
    return {};
  }
  FlightProcess over{};
  over.calls[0].step = FlightStep::done;
  at.me = over;
  return {};
}

// ---- what is searched

const std::vector<FlightScenario>& flight_scenarios() {
  const Caller first{.name = "first"}, second{.name = "second"}, third{.name = "third"}, fourth{.name = "fourth"};
  const Caller rotates{.name = "checkpointer", .rotates = true};
  const Caller opener{.name = "opener", .opens = true};
  const auto fails = [](Caller caller) { return caller.may_fail = true, caller; };
  const auto nests = [](Caller caller, Byte signature) { return caller.nested = true, caller.signature = signature, caller; };
  static const std::vector<FlightScenario> list = {
      {.name = "two callers", .callers = {first, second}, .once = true},
      {.name = "three callers", .callers = {first, second, third}, .once = true},
      {.name = "two callers | rotation", .callers = {first, second, rotates}, .once = true},
      {.name = "three callers | rotation", .callers = {first, second, third, rotates}, .once = true},
      {.name = "two callers, one that opens | rotation", .callers = {first, second, opener, rotates}, .once = true},
      {.name = "three callers, killed", .callers = {first, second, third}, .may_crash = true},
      {.name = "three callers, stopped or killed, waits bounded", .callers = {first, second, third}, .may_crash = true, .may_stop = true, .bounded = true},
      {.name = "three callers, failing", .callers = {fails(first), fails(second), fails(third)}},
      {.name = "four callers, failing or stopped, waits bounded",
       .callers = {fails(first), fails(second), fails(third), fourth},
       .may_stop = true,
       .bounded = true,
       .large = true},
      {.name = "x calls y, y calls x", .callers = {nests(first, 0), nests(second, 1)}},
      {.name = "x calls y, y calls x, and x", .callers = {nests(first, 0), nests(second, 1), third}},
      {.name = "x calls y, y calls x, stopped or killed, waits bounded",
       .callers = {nests(first, 0), nests(second, 1), third},
       .may_crash = true,
       .may_stop = true,
       .bounded = true},
  };
  return list;
}

const std::vector<FlightVariant>& flight_variants() {
  static const std::vector<FlightVariant> list = {
      {FlightChange::no_second_look, "no second look after taking the lead", true},
      {FlightChange::second_look_by_word_and_size, "second look at word and size alone", true},
      {FlightChange::range_freed_before_append, "range freed before the append", true},
      {FlightChange::nested_calls_wait, "a call inside another waits", true},
      {FlightChange::wait_without_bound, "wait without a bound", true},
      {FlightChange::every_leader_waited_for, "every leader is waited for", true},
      {FlightChange::no_look_before_computing_alone, "no look before computing beside another leader", true},
  };
  return list;
}

}  // namespace cacherator::model
