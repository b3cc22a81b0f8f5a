// Cached coroutines: any type that can be awaited and is a coroutine's return type.
#pragma once

#include <atomic>
#include <coroutine>
#include <exception>
#include <initializer_list>
#include <memory>
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cacherator/detail/typed_function.hpp"

namespace cacherator {

/// How a coroutine of type A waits for a flight. This one resumes on the thread on which the flight ends; specialise it where a
/// coroutine has an executor of its own (`<cacherator/asio.hpp>` does for Asio's), and name it `executor`. `on` answers what A's
/// coroutines can await. Only those with an executor wait for other processes; without one, a question to DynamoDB blocks the thread.
/// Where coroutines can be told to stop, `cancelled(co_await cancellation())` says whether the running one was: it then hands its lead over.
template <class A>
struct wait_in {
  class Awaiter {
   public:
    explicit Awaiter(engine::Flight& flight) : flight_(flight) {}
    Awaiter(const Awaiter&) = delete;
    Awaiter& operator=(const Awaiter&) = delete;
    ~Awaiter() { waits_->exchange(false); }  // a destroyed coroutine is not resumed
    bool await_ready() const { return flight_.ended().has_value(); }
    bool await_suspend(std::coroutine_handle<> waiter) {
      return flight_.on_end([waits = waits_, waiter] {
        if (waits->exchange(false)) waiter.resume();
      });
    }
    void await_resume() const noexcept {}

   private:
    engine::Flight& flight_;
    std::shared_ptr<std::atomic<bool>> waits_ = std::make_shared<std::atomic<bool>>(true);
  };
  static Awaiter on(engine::Flight& flight) { return Awaiter(flight); }
};

namespace detail {

/// True where wait_in<A> says `using executor = ...`: who waits is resumed there.
template <class A>
constexpr bool has_executor = requires { typename wait_in<A>::executor; };

/// True where wait_in<A> can tell whether a coroutine was told to stop: `cancelled(co_await cancellation())`. What it throws then is
/// its own end, not the function's failure.
template <class A>
constexpr bool has_cancellation = requires { wait_in<A>::cancellation(); };

template <class A>
decltype(auto) awaiter_of(A&& awaitable) {
  if constexpr (requires { std::forward<A>(awaitable).operator co_await(); }) {
    return std::forward<A>(awaitable).operator co_await();
  } else if constexpr (requires { operator co_await(std::forward<A>(awaitable)); }) {
    return operator co_await(std::forward<A>(awaitable));
  } else {
    return std::forward<A>(awaitable);
  }
}
template <class A>
using Awaited = std::remove_cvref_t<decltype(awaiter_of(std::declval<A>()).await_resume())>;

template <class A, class... P>
concept Awaitable = requires {
  typename std::coroutine_traits<A, P...>::promise_type;
  typename Awaited<A>;
};

/// True of what points to values that others own, as far as its type shows it.
template <class T>
inline constexpr bool points_elsewhere = [] {
  if constexpr (std::is_pointer_v<T> || std::ranges::borrowed_range<T> || std::ranges::enable_view<T>) {
    return true;
  } else if constexpr (std::ranges::range<T>) {
    using Element = std::ranges::range_value_t<T>;
    if constexpr (std::is_same_v<Element, T>) return false;
    else return points_elsewhere<Element>;
  } else {
    return std::is_reference_v<T>;
  }
}();
template <class T>
inline constexpr bool points_elsewhere<const T> = points_elsewhere<T>;
template <class T>
inline constexpr bool points_elsewhere<std::initializer_list<T>> = true;
template <class T>
inline constexpr bool points_elsewhere<std::optional<T>> = points_elsewhere<T>;
template <class... T>
inline constexpr bool points_elsewhere<std::tuple<T...>> = (points_elsewhere<T> || ...);
template <class T, class U>
inline constexpr bool points_elsewhere<std::pair<T, U>> = points_elsewhere<T> || points_elsewhere<U>;

/// What a coroutine keeps of an argument of type T, and how it shows that as a T.
template <class T>
struct Keeping {
  static_assert(!points_elsewhere<T>,
                "cacherator: a coroutine outlives the call, so it cannot take an argument that points to what others own; take what owns it, "
                "such as std::string or std::vector");
  static_assert(std::is_copy_constructible_v<T>, "cacherator: a coroutine outlives the call and keeps its arguments; one of this type cannot be copied");
  using Owned = T;
  static Owned own(const T& value) { return value; }
  static const T& show(const Owned& owned) { return owned; }
};
template <>
struct Keeping<std::string_view> {
  using Owned = std::string;
  static Owned own(std::string_view value) { return Owned(value); }
  static std::string_view show(const Owned& owned) { return owned; }
};
template <>
struct Keeping<const char*> {
  using Owned = std::string;
  static Owned own(const char* value) { return value; }
  static const char* show(const Owned& owned) { return owned.c_str(); }
};
template <class T, std::size_t N>
  requires(!points_elsewhere<T> && !std::is_same_v<std::remove_cv_t<T>, bool>)
struct Keeping<std::span<T, N>> {
  using Owned = std::vector<std::remove_cv_t<T>>;
  static Owned own(std::span<T, N> value) { return Owned(value.begin(), value.end()); }
  static std::span<T, N> show(Owned& owned) { return std::span<T, N>(owned.data(), owned.size()); }
};
template <class T>
  requires points_elsewhere<T>
struct Keeping<std::optional<T>> {
  using Owned = std::optional<typename Keeping<T>::Owned>;
  static Owned own(const std::optional<T>& value) { return value ? Owned(Keeping<T>::own(*value)) : std::nullopt; }
  static std::optional<T> show(Owned& owned) { return owned ? std::optional<T>(Keeping<T>::show(*owned)) : std::nullopt; }
};
template <class T>
  requires points_elsewhere<T>
struct Keeping<std::vector<T>> {
  using Owned = std::vector<typename Keeping<T>::Owned>;
  static Owned own(const std::vector<T>& values) {
    Owned owned;
    for (const T& value : values) owned.push_back(Keeping<T>::own(value));
    return owned;
  }
  static std::vector<T> show(Owned& owned) {
    std::vector<T> shown;
    for (auto& one : owned) shown.push_back(Keeping<T>::show(one));
    return shown;
  }
};
/// Of a parameter: every text is kept as one, whatever the function takes.
template <class P>
using Keep =
    Keeping<std::conditional_t<std::is_same_v<typename Argument<P>::View, std::string_view>, std::string_view, std::decay_t<typename Argument<P>::Given>>>;
template <class P>
using Shown = decltype(Keep<P>::show(std::declval<typename Keep<P>::Owned&>()));

template <class A, class... P>
class AsyncFace {
 public:
  using Result = Awaited<A>;
  static_assert(!std::is_void_v<Result>, "cacherator: there is nothing to cache in a coroutine that gives void; let it give a value");
  using Function = TypedFunction<A, Result, P...>;

  /// Looks the call up now, so that views live long enough; what it answers may be awaited after the object is gone.
  /// Of several callers at once one computes, in its own coroutine, and the others wait. Thread-safe.
  A operator()(typename Argument<P>::View... views) const {
    if (auto known = function_->recall(views...)) return ready(*std::move(known));
    return run(function_, std::index_sequence_for<P...>(), Keep<P>::own(views)...);
  }

 protected:
  std::shared_ptr<Function> function_;

 private:
  static A ready(Held<Result> held) { co_return Result(value_of<Result>(held)); }

  template <std::size_t... I>
  static A run(std::shared_ptr<Function> function, std::index_sequence<I...>, typename Keep<P>::Owned... owned) {
    const std::tuple<Shown<P>...> shown{Keep<P>::show(owned)...};  // of what is owned here: nothing of the caller's is left
    const std::tuple<typename Argument<P>::View...> views{std::get<I>(shown)...};
    Story story(*function, function->signature(std::get<I>(views)...));
    for (;;) {
      if (auto known = function->recall_unwritten(story, std::get<I>(views)...)) co_return Result(value_of<Result>(*known));
      auto answer = story.ask(has_executor<A>);
      if (auto* entry = std::get_if<engine::Entry>(&answer)) {
        if (auto restored = function->take(story, *entry, std::get<I>(views)...)) co_return Result(value_of<Result>(*restored));
        continue;
      }
      if (auto* wait = std::get_if<engine::Wait>(&answer)) {
        if (!has_executor<A> && wait->outside()) {
          story.wait(std::move(*wait));  // it would be resumed on the engine's thread, and hold that up
        } else {
          co_await wait_in<A>::on(wait->flight());
          story.waited(wait->flight());
        }
        continue;
      }
      // A lead that is destroyed with this frame, before it landed or failed, is given up: one of those that wait takes it.
      auto& lead = std::get<engine::Lead>(answer);
      std::exception_ptr thrown;
      try {
        Result result = co_await function->user()(Argument<P>::give(std::get<I>(views))...);
        co_return Result(value_of<Result>(function->keep(story, lead, std::move(result), std::get<I>(views)...)));
      } catch (...) {
        thrown = std::current_exception();
      }
      bool cancelled = false;
      if constexpr (has_cancellation<A>) cancelled = wait_in<A>::cancelled(co_await wait_in<A>::cancellation());
      if (!cancelled) lead.fail(std::make_shared<std::exception_ptr>(thrown));
      std::rethrow_exception(thrown);
    }
  }
};

}  // namespace detail
}  // namespace cacherator
