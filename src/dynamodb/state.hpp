// The variables of the objects of one cache, in one item: of each the newest counts.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "cacherator/detail/entry.hpp"
#include "dynamodb/table.hpp"

namespace cacherator::engine::dynamodb {

class Core;
template <class T>
class Awaited;

/// Thread-safe.
class State {
 public:
  explicit State(Core& core) : core_(core) {}

  /// Layer::load_state and Layer::save_state.
  void load();
  void save(std::vector<Variable> variables);
  /// Sends what waits. On the thread of requests.
  void pump();
  /// Variables that wait.
  [[nodiscard]] std::size_t waiting();

 private:
  using Loaded = std::shared_ptr<Awaited<bool>>;

  void send_load(const Loaded& loaded);
  void came(const std::vector<Item>& items, bool with_legacy);
  void read();
  void write(const Item& item);
  struct Waiting {
    Variable variable{};
    std::uint64_t order = 0;  ///< tells it from an older one of the same date: our clock has steps of milliseconds
  };

  void wrote(const std::vector<Waiting>& sent, const Outcome<Item>& outcome);
  void give_up(const std::vector<Waiting>& given_up);
  void pause();

  Core& core_;
  std::mutex mutex_;
  std::map<std::string, Waiting> waiting_;
  std::uint64_t last_ = 0;
  bool busy_ = false, primed_ = false;
  int refused_ = 0;  ///< conditions that did not hold, one after the other
  Loaded loading_;   ///< null: no read is on its way
};

}  // namespace cacherator::engine::dynamodb
