// Flights between processes: who computes, who waits for whom. The files are as much of the storage protocol as a call meets:
// a journal that is appended to and may be rotated, the slot word, and one range for each signature.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "search.hpp"

namespace cacherator::model {

inline constexpr std::size_t kSignatures = 2;  ///< x and y
inline constexpr std::size_t kCallers = 4;

/// As Change of the storage's model.
enum class FlightChange : Byte {
  none,
  no_second_look,
  second_look_by_word_and_size,
  range_freed_before_append,
  nested_calls_wait,
  wait_without_bound,
  every_leader_waited_for,
  no_look_before_computing_alone,
};

struct Caller {
  std::string name;
  Byte signature = 0;     ///< what it calls
  bool nested = false;    ///< whose function calls the other signature
  bool may_fail = false;  ///< whose function may fail
  bool opens = false;     ///< opens the cache first; the others have it open
  bool rotates = false;   ///< no caller: a checkpointer, which rotates the journal once
};

struct FlightScenario {
  std::string name;
  std::vector<Caller> callers;
  bool may_crash = false;
  bool may_stop = false;
  bool bounded = false;  ///< a wait may reach its bound; else every function is quick
  bool once = false;     ///< the function must run once
  bool large = false;
};

enum class FlightStep : Byte {
  open,
  ask,
  try_range,
  poll,
  look_word,
  look_read,
  look_check,
  compute,
  write,
  check_path,
  free_range,
  rename_journal,
  touch_word,
  done,
};

struct Call {
  FlightStep step;
  Byte signature;
  Byte lease;    ///< which lead of the range it waits for
  Byte leaders;  ///< that it waited for
  Byte leads;    ///< has the range
  Byte wrote;
  Byte alone;  ///< waits for nobody any more: one last look, then computes
};

struct FlightProcess {
  std::array<Call, 2> calls;  ///< the call, and one inside its function
  Byte depth;                 ///< which of them runs
  Byte gone;                  ///< killed or stopped
  Byte journal, read_to, known;
  Byte seen, word;
  Byte failed;
};

class Flights {
 public:
  struct State {
    std::array<Byte, kSignatures> range, lease, runs;  ///< who has it; how often it was taken; runs of the function
    std::array<Byte, 2> records, count;                ///< of each journal: values (a bit for each signature), and how many
    Byte journal;                                      ///< what the path J names
    Byte word;
    std::array<FlightProcess, kCallers> processes;
  };

  Flights(const FlightScenario& scenario, FlightChange change) : scenario_(scenario), change_(change) {}

  [[nodiscard]] State initial() const;
  [[nodiscard]] std::size_t actors() const { return scenario_.callers.size(); }
  [[nodiscard]] std::string_view name(std::size_t actor) const { return scenario_.callers[actor].name; }
  [[nodiscard]] bool may(const State& state, Move move) const;
  [[nodiscard]] Fault apply(State& state, Move move, std::string* note) const;
  [[nodiscard]] bool finished(const State& state) const;

 private:
  struct At;

  [[nodiscard]] bool is(FlightChange change) const { return change_ == change; }

  void disappear(const At& at, bool killed) const;
  Fault step(const At& at) const;
  Fault try_range(const At& at) const;
  Fault compute_alone(const At& at) const;
  Fault open(const At& at) const;
  Fault wait(const At& at) const;
  Fault look(const At& at) const;
  Fault looked(const At& at) const;
  Fault compute(const At& at) const;
  Fault fail(const At& at) const;
  Fault keep(const At& at) const;
  Fault free_range(const At& at) const;
  Fault answer(const At& at) const;
  void read(const At& at) const;

  const FlightScenario& scenario_;
  const FlightChange change_;
};

[[nodiscard]] const std::vector<FlightScenario>& flight_scenarios();

struct FlightVariant {
  FlightChange change;
  std::string name;
  bool wrong;
  bool large = false;
};
[[nodiscard]] const std::vector<FlightVariant>& flight_variants();

}  // namespace cacherator::model
