// Persistent<T>: a variable of an object that survives restarts.
#pragma once

#include <concepts>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "cacherator/detail/core.hpp"
#include "cacherator/detail/fork_safe.hpp"
#include "cacherator/json_cache.hpp"
#include "cacherator/value.hpp"

namespace cacherator {

/// A member of a JSONCache:
///
///     Persistent<int> score{this, "score", 0};
///
/// Python's attribute of that name in a cache of the same data_id is the same variable. Read when it is first looked at (when it
/// is made, if the cache has a data_id; throws ValueError, or what a user's to_json throws, where `initial` cannot be written); written by json_cache_save(),
/// and, if it was changed, when it goes. Thread-safe: values come and go by copy, and update() holds the lock for a whole change.
template <class T>
class Persistent final : private detail::StateMember {
 public:
  Persistent(const JSONCache* owner, std::string_view name, T initial = {}) : StateMember(std::string(name)), core_(owner->core()), value_(std::move(initial)) {
    core_->add(this);
    try {
      if (!core_->options().data_id.empty()) load();
    } catch (...) {
      core_->remove(this, {});
      throw;
    }
  }
  ~Persistent() override {
    std::optional<std::string> changed;
    try {
      if (loaded_ && (changed = to_text(value_)) == known_) changed.reset();
    } catch (const std::exception&) {
      changed.reset();  // json_cache_save() has said why, or nobody asked
    }
    core_->remove(this, changed);
  }
  Persistent(const Persistent&) = delete;
  Persistent& operator=(const Persistent&) = delete;

  [[nodiscard]] T get() const {
    std::lock_guard lock(mutex_);
    load();
    return value_;
  }
  operator T() const { return get(); }
  /// True if the value was found in the cache; else it began as the initial one.
  [[nodiscard]] bool restored() const {
    std::lock_guard lock(mutex_);
    load();
    return restored_;
  }

  /// Changes it in place: `change(T&)`, which must not touch this variable in another way.
  template <std::invocable<T&> Change>
  Persistent& update(Change change) {
    std::lock_guard lock(mutex_);
    load();
    change(value_);
    return *this;
  }
  Persistent& operator=(T value) {
    return update([&](T& own) { own = std::move(value); });
  }
  template <class D>
  Persistent& operator+=(const D& by) {
    return update([&](T& own) { own += by; });
  }
  template <class D>
  Persistent& operator-=(const D& by) {
    return update([&](T& own) { own -= by; });
  }
  Persistent& operator++() {
    return update([](T& own) { ++own; });
  }
  Persistent& operator--() {
    return update([](T& own) { --own; });
  }

 private:
  std::string text() const override {
    std::lock_guard lock(mutex_);
    return to_text(value_);
  }

  void load() const {
    if (loaded_) return;
    if (const auto stored = core_->stored(name())) {
      try {
        value_ = from_text<T>(stored->value, stored->plain);
        restored_ = true;
      } catch (const std::exception& error) {
        core_->cache().warn("the variable '" + name() + "' cannot be restored: " + error.what());
      }
    }
    loaded_ = true;
    known_ = to_text(value_);
  }

  const std::shared_ptr<detail::Core> core_;
  mutable detail::ForkSafeMutex mutex_;
  mutable T value_;
  mutable std::string known_{};  ///< its text when it was loaded
  mutable bool loaded_ = false, restored_ = false;
};

}  // namespace cacherator
