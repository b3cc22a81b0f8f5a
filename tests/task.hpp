// A small lazy coroutine type of a test's own, with symmetric transfer; nothing of the library knows it.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace cacherator {

template <class T>
class Task {
 public:
  struct promise_type {
    std::optional<T> value;
    std::exception_ptr error;
    std::coroutine_handle<> continuation = std::noop_coroutine();

    Task get_return_object() { return Task(std::coroutine_handle<promise_type>::from_promise(*this)); }
    std::suspend_always initial_suspend() noexcept { return {}; }
    struct Final {
      bool await_ready() noexcept { return false; }
      std::coroutine_handle<> await_suspend(std::coroutine_handle<promise_type> done) noexcept { return done.promise().continuation; }
      void await_resume() noexcept {}
    };
    Final final_suspend() noexcept { return {}; }
    void return_value(T result) { value.emplace(std::move(result)); }
    void unhandled_exception() { error = std::current_exception(); }
  };

  explicit Task(std::coroutine_handle<promise_type> handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Task& operator=(Task&&) = delete;
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  std::coroutine_handle<> await_suspend(std::coroutine_handle<> awaiting) noexcept {
    handle_.promise().continuation = awaiting;
    return handle_;
  }
  T await_resume() {
    if (handle_.promise().error) std::rethrow_exception(handle_.promise().error);
    return std::move(*handle_.promise().value);
  }

  void begin() { handle_.resume(); }
  bool done() const { return handle_.done(); }

 private:
  std::coroutine_handle<promise_type> handle_;
};

/// A task that has been begun; it may be destroyed while it is suspended.
template <class T>
class Started {
 public:
  explicit Started(Task<T> task) : task_(std::move(task)) { task_.begin(); }
  /// Nothing: not done yet. Throws what the task threw.
  std::optional<T> result() {
    if (!task_.done()) return std::nullopt;
    return task_.await_resume();
  }

 private:
  Task<T> task_;
};
template <class T>
Started<T> start(Task<T> task) {
  return Started<T>(std::move(task));
}
/// Of a task that needs nothing from outside.
template <class T>
T run(Task<T> task) {
  return *start(std::move(task)).result();
}

}  // namespace cacherator
