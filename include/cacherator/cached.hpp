// Cached<R(A...)>: a function of an object that remembers its results.
#pragma once

#include <concepts>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "cacherator/coroutine.hpp"
#include "cacherator/detail/typed_function.hpp"
#include "cacherator/json_cache.hpp"

namespace cacherator {
namespace detail {

/// What Cached and CachedMethod are made of, for functions that return when they are done.
template <class R, class... P>
class SyncFace {
 public:
  using Result = R;
  using Function = TypedFunction<R, R, P...>;

  /// The remembered result, or a computed one. Throws what the function throws; nothing is cached then. Of several callers
  /// at once one computes and the others wait. Thread-safe.
  R operator()(typename Argument<P>::View... views) const { return value_of<R>(held(views...)); }

  /// The same without a copy: shared with the memory, and never changed.
  std::shared_ptr<const R> shared(typename Argument<P>::View... views) const { return shared_of<R>(held(views...)); }

 protected:
  std::shared_ptr<Function> function_;

 private:
  Held<R> held(const typename Argument<P>::View&... views) const {
    if (auto known = function_->recall(views...)) return *std::move(known);
    return told(views...);
  }

  Held<R> told(const typename Argument<P>::View&... views) const {
    const auto function = function_;  // the function may destroy what holds it
    Story story(*function, function->signature(views...));
    for (;;) {
      if (auto known = function->recall_unwritten(story, views...)) return *std::move(known);
      auto answer = story.ask();
      if (auto* entry = std::get_if<engine::Entry>(&answer)) {
        if (auto restored = function->take(story, *entry, views...)) return *std::move(restored);
      } else if (auto* wait = std::get_if<engine::Wait>(&answer)) {
        story.wait(std::move(*wait));
      } else {
        return compute(*function, story, std::get<engine::Lead>(answer), views...);
      }
    }
  }

  static Held<R> compute(Function& function, Story& story, engine::Lead& lead, const typename Argument<P>::View&... views) {
    try {
      R result = [&]() -> R {
        const LineageScope leading(lead.lineage);
        return function.user()(Argument<P>::give(views)...);
      }();
      return function.keep(story, lead, std::move(result), views...);
    } catch (...) {
      lead.fail(std::make_shared<std::exception_ptr>(std::current_exception()));
      throw;
    }
  }
};

template <class F>
struct FaceOf;
template <class R, class... P>
struct FaceOf<R(P...)> {
  using type = SyncFace<R, P...>;
};
template <class R, class... P>
  requires Awaitable<R, P...>
struct FaceOf<R(P...)> {
  using type = AsyncFace<R, P...>;
};

}  // namespace detail

template <class F>
class Cached {
  static_assert(detail::never<F>, "cacherator: write the function's type, such as Cached<double(double, double)>");
};

/// A member of a JSONCache, or of any object that has one:
///
///     Cached<double(double, double)> power{this, "power", [](double x, double y) { return std::pow(x, y); }};
///
/// R is a value with a JSON form, or a coroutine (any type that can be awaited) that gives one. Kept under `name` and the
/// arguments, as Python's @Cached keeps it. Thread-safe, and const: a cached result changes nothing that can be seen.
template <class R, class... P>
class Cached<R(P...)> : public detail::FaceOf<R(P...)>::type {
  static_assert(!std::is_reference_v<R>, "cacherator: a cached reference would dangle; return by value, or std::shared_ptr<const T>");
  static_assert(!std::is_void_v<R>, "cacherator: there is nothing to cache in void; return a value");
  using Face = typename detail::FaceOf<R(P...)>::type;
  using Function = typename Face::Function;

 public:
  /// `owner` may be destroyed before this. Throws std::invalid_argument for a bad name or ttl.
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, CallOptions>)
  Cached(const JSONCache* owner, std::string_view name, F function, CallOptions options = {}) {
    constexpr bool fits = std::is_invocable_r_v<R, F&, typename detail::Argument<P>::Given...>;
    static_assert(fits, "cacherator: this function cannot be called with the parameters that Cached<R(A...)> names, or returns something else");
    if constexpr (fits) {
      this->function_ = std::make_shared<Function>(owner->core(), std::string(name), options, typename Function::User(std::move(function)));
    }
  }
  /// The options first, as in Python's decorator.
  template <class F>
  Cached(const JSONCache* owner, std::string_view name, CallOptions options, F function) : Cached(owner, name, std::move(function), options) {}

  // A copy would be a second function of the same name.
  Cached(const Cached&) = delete;
  Cached& operator=(const Cached&) = delete;

  /// What is remembered in memory or in the files; never computes.
  std::optional<typename Face::Result> peek(typename detail::Argument<P>::View... views) const {
    auto held = this->function_->peek(views...);
    if (!held) return std::nullopt;
    return detail::value_of<typename Face::Result>(*held);
  }

  [[nodiscard]] const std::string& name() const noexcept { return this->function_->name(); }
};

}  // namespace cacherator
