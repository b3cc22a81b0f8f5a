// A keyword-only parameter, as Python spells it: f(1){'k': 2.5}.
#pragma once

#include <cstddef>
#include <string_view>
#include <utility>

namespace cacherator {

template <std::size_t N>
struct FixedName {
  char text[N];
  constexpr FixedName(const char (&name)[N]) {
    for (std::size_t i = 0; i < N; ++i) text[i] = name[i];
  }
};

/// As a parameter of a cached function's type: `Cached<double(int, Kw<"k", double>)>`. The function receives the T.
template <FixedName Name, class T>
struct Kw {
  T value;
  constexpr Kw(T v) : value(std::move(v)) {}
  constexpr operator const T&() const { return value; }
  static constexpr std::string_view name{Name.text, sizeof(Name.text) - 1};
};

}  // namespace cacherator
