// A breadth-first search of all states that a few actors can reach, in every interleaving of their steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace cacherator::model {

using Byte = std::uint8_t;

[[nodiscard]] constexpr Byte byte(std::size_t value) { return static_cast<Byte>(value); }
[[nodiscard]] constexpr Byte bit(std::size_t place) { return static_cast<Byte>(1u << place); }

/// What an actor does next: its step, or what befalls it before that step. `other`: how its step may end as well. `look`: what a
/// wait does between its tries.
enum class Fate : Byte { step, other, look, crash, stop };

struct Move {
  Byte actor;
  Fate fate;
};

/// The property that a step broke; empty: none.
using Fault = std::string_view;

struct Outcome {
  std::size_t states = 0;
  std::string fault{};        ///< the property that was violated; empty: none
  std::vector<Move> path{};   ///< a shortest way to the violation
  bool beyond_limit = false;  ///< too many states: not searched to the end
};

/// The states that were met, each once, in the order of their meeting; with the way that led there.
template <class State>
class Met {
 public:
  static_assert(std::has_unique_object_representations_v<State>, "states are compared as bytes");

  [[nodiscard]] std::size_t size() const { return parents_.size(); }
  [[nodiscard]] const State& at(std::size_t index) const { return chunks_[index / kChunk][index % kChunk]; }

  void add(const State& state, std::size_t parent, Move move) {
    if (2 * size() >= table_.size()) grow();
    const std::uint32_t hash = hash_of(state);
    std::size_t at = hash & (table_.size() - 1);
    for (; table_[at].index != kNone; at = (at + 1) & (table_.size() - 1)) {
      if (table_[at].hash == hash && std::memcmp(&this->at(table_[at].index), &state, sizeof state) == 0) return;
    }
    table_[at] = {static_cast<std::uint32_t>(size()), hash};
    if (size() % kChunk == 0) chunks_.push_back(std::make_unique<State[]>(kChunk));
    chunks_.back()[size() % kChunk] = state;
    parents_.push_back({static_cast<std::uint32_t>(parent), move});
  }

  [[nodiscard]] std::vector<Move> path_to(std::size_t index) const {
    std::vector<Move> path;
    for (; index != 0; index = parents_[index].index) path.insert(path.begin(), parents_[index].move);
    return path;
  }

 private:
  static constexpr std::size_t kChunk = 4096;
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Parent {
    std::uint32_t index;
    Move move;
  };

  struct Place {
    std::uint32_t index, hash;
  };

  static std::uint32_t hash_of(const State& state) {
    const std::size_t hash = std::hash<std::string_view>()({reinterpret_cast<const char*>(&state), sizeof state});
    return static_cast<std::uint32_t>(hash ^ (hash >> 32));
  }

  void grow() {
    std::vector<Place> before(table_.empty() ? 1024 : 2 * table_.size(), Place{kNone, 0});
    before.swap(table_);
    for (const Place place : before) {
      if (place.index == kNone) continue;
      std::size_t at = place.hash & (table_.size() - 1);
      while (table_[at].index != kNone) at = (at + 1) & (table_.size() - 1);
      table_[at] = place;
    }
  }

  std::vector<std::unique_ptr<State[]>> chunks_;
  std::vector<Parent> parents_;
  std::vector<Place> table_;
};

/// Model: State; initial(); actors(); may(state, move); apply(state, move, note) -> Fault; finished(state).
/// A step that changes nothing is a wait. A state in which all wait, and not all have finished, is a deadlock; so there may be no
/// way round in a circle.
template <class Model>
[[nodiscard]] Outcome search(const Model& model, std::size_t limit) {
  Met<typename Model::State> met;
  met.add(model.initial(), 0, {});
  Outcome outcome;
  const auto violated = [&](std::size_t index, Fault fault) {
    outcome.fault = fault;
    outcome.path = met.path_to(index);
  };
  for (std::size_t i = 0; i < met.size() && outcome.fault.empty(); ++i) {
    const typename Model::State state = met.at(i);
    bool moved = false;
    for (Byte actor = 0; actor < model.actors(); ++actor) {
      for (const Fate fate : {Fate::step, Fate::other, Fate::look, Fate::crash, Fate::stop}) {
        if (!model.may(state, {actor, fate})) continue;
        typename Model::State next = state;
        if (const Fault fault = model.apply(next, {actor, fate}, nullptr); !fault.empty()) {
          violated(i, fault);
          outcome.path.push_back({actor, fate});
          break;
        }
        if (std::memcmp(&next, &state, sizeof state) == 0) continue;
        moved |= fate < Fate::crash;
        met.add(next, i, {actor, fate});
      }
    }
    if (!moved && outcome.fault.empty() && !model.finished(state)) violated(i, "somebody waits for ever");
    outcome.beyond_limit = met.size() > limit;
    if (outcome.beyond_limit) break;
  }
  outcome.states = met.size();
  return outcome;
}

/// The same way again, told: one line for each step.
template <class Model>
[[nodiscard]] std::vector<std::string> tell(const Model& model, const std::vector<Move>& path) {
  std::vector<std::string> lines;
  typename Model::State state = model.initial();
  for (const Move move : path) {
    std::string note;
    const Fault fault = model.apply(state, move, &note);
    lines.push_back(std::string(model.name(move.actor)) + ": " + note);
    if (!fault.empty()) lines.push_back("=> " + std::string(fault));
  }
  return lines;
}

}  // namespace cacherator::model
