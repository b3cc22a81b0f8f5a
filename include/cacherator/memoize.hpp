// memoize: a function of no object, remembered.
#pragma once

#include <string_view>
#include <type_traits>
#include <utility>

#include "cacherator/cached.hpp"

namespace cacherator {
namespace detail {

template <class F>
struct FunctionType : FunctionType<decltype(&F::operator())> {};
template <class R, class... P>
struct FunctionType<R (*)(P...)> {
  using type = R(P...);
};
template <class R, class... P>
struct FunctionType<R (*)(P...) noexcept> {
  using type = R(P...);
};
template <class C, class R, class... P>
struct FunctionType<R (C::*)(P...) const> {
  using type = R(P...);
};
template <class C, class R, class... P>
struct FunctionType<R (C::*)(P...)> {
  using type = R(P...);
};
template <class C, class R, class... P>
struct FunctionType<R (C::*)(P...) const noexcept> {
  using type = R(P...);
};

}  // namespace detail

/// The cache of functions that belong to no object: data_id "functions", in data/cache under the current folder.
inline const JSONCache& functions() {
  static const JSONCache cache{Options{.data_id = "functions"}};
  return cache;
}

/// `static auto twice = memoize("twice", fn, {.ttl = 6h});` The types are those of the function pointer or lambda.
template <class F>
auto memoize(const JSONCache& cache, std::string_view name, F function, CallOptions options = {}) {
  return Cached<typename detail::FunctionType<std::decay_t<F>>::type>(&cache, name, std::move(function), options);
}
template <class F>
  requires(!std::same_as<F, CallOptions>)
auto memoize(std::string_view name, F function, CallOptions options = {}) {
  return memoize(functions(), name, std::move(function), options);
}
template <class F>
auto memoize(std::string_view name, CallOptions options, F function) {
  return memoize(functions(), name, std::move(function), options);
}

}  // namespace cacherator
