// What a JSONCache and its members share, and what outlives it while one of them lives.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "cacherator/detail/cache.hpp"
#include "cacherator/detail/fork_safe.hpp"
#include "cacherator/detail/reclaim.hpp"
#include "cacherator/options.hpp"

namespace cacherator {
class JSONCache;
}

namespace cacherator::detail {

enum class Status : std::uint8_t { none, l1, l2, miss };
[[nodiscard]] std::string_view name_of(Status status) noexcept;

class FunctionBase;

/// A variable of the state, as the core sees it.
class StateMember {
 public:
  virtual ~StateMember() = default;
  /// name and JSON text. Throws where the value cannot be written.
  virtual std::string text() const = 0;
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

 protected:
  explicit StateMember(std::string name) : name_(std::move(name)) {}

 private:
  const std::string name_;
};

/// Thread-safe.
class Core : public std::enable_shared_from_this<Core> {
 public:
  /// Opens the cache if a data_id is given. Throws std::invalid_argument where an option cannot be used.
  explicit Core(Options options);
  ~Core();

  /// The cache. Opens it where the data_id is the class's name, which is only known now.
  /// Throws std::logic_error where it was opened under the name of a base class that was still being built.
  engine::Cache& cache();
  [[nodiscard]] const Options& options() const noexcept { return options_; }
  [[nodiscard]] std::string data_id();

  void set_owner(const JSONCache* owner);  ///< null: it is gone

  void add(FunctionBase* function);
  void remove(FunctionBase* function);
  [[nodiscard]] std::vector<std::shared_ptr<FunctionBase>> functions();

  // -- state
  void add(StateMember* member);
  /// The member goes: its text is handed over, if it differs from `known`.
  void remove(StateMember* member, const std::optional<std::string>& text);
  /// The stored text of a variable and whether it stands without tags; absent: none, or outdated.
  std::optional<engine::Variable> stored(std::string_view name);
  /// Writes the members' texts, and those handed over, that differ from what is stored; `share`: into the table too.
  void save_state(bool touch, bool share);

  // -- statuses
  void note(Reader& reader, Status status) noexcept {
    auto& last = last_[reader.slot % last_.size()];
    const std::uint32_t now = reader.mark | static_cast<std::uint32_t>(status);
    if (last.load(std::memory_order_relaxed) != now) last.store(now, std::memory_order_relaxed);
  }
  [[nodiscard]] Status last_here();

 private:
  void open_locked(std::string data_id);
  void load_state_locked(engine::Cache& cache);

  const Options options_;
  const std::string directory_;  ///< absolute
  ForkSafeMutex mutex_;
  std::atomic<engine::Cache*> opened_{nullptr};
  std::shared_ptr<engine::Cache> cache_;
  const JSONCache* owner_ = nullptr;
  const std::type_info* named_by_ = nullptr;
  std::vector<FunctionBase*> functions_;
  std::vector<StateMember*> members_;
  std::map<std::string, std::string, std::less<>> handed_over_;
  std::optional<std::map<std::string, engine::Variable, std::less<>>> state_;
  /// Of each thread, by its slot; a value carries the thread's mark, so that nobody takes another's for its own.
  std::array<std::atomic<std::uint32_t>, 256> last_{};
};

}  // namespace cacherator::detail
