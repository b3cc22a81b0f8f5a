// How C++ arguments are named: in Python's grammar, so that both languages mean the same entries.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "cacherator/detail/text.hpp"
#include "cacherator/kw.hpp"

namespace cacherator {

/// Appends the text that names a value. Types: bool (True), integers, floating point (by its double), text (UTF-8, else
/// std::invalid_argument), enums (by their number), optional (None), tuple and pair, ranges (lists), sets and maps in the
/// order of their elements' texts. A type of your own takes part by a function found by argument-dependent lookup:
/// `void cacherator_signature(std::string& out, const T& value)`; append what tells one value from all others.
template <class T>
void append_signature(std::string& out, const T& value);

namespace detail {

template <class T>
concept OwnSignature = requires(std::string& out, const T& value) { cacherator_signature(out, value); };
template <class T>
concept Text = std::convertible_to<const T&, std::string_view>;
template <class T>
concept Range = requires(const T& range) {
  range.begin();
  range.end();
} && !std::is_same_v<std::decay_t<decltype(*std::declval<const T&>().begin())>, T>;  // what consists of itself (a path, nlohmann::json) is no list
template <class T>
concept MapLike = Range<T> && requires { typename T::mapped_type; };
template <class T>
concept SetLike = Range<T> && requires { typename T::key_type; } && !MapLike<T>;
template <class T>
inline constexpr bool is_tuple = false;
template <class... T>
inline constexpr bool is_tuple<std::tuple<T...>> = true;
template <class A, class B>
inline constexpr bool is_tuple<std::pair<A, B>> = true;
template <class T>
inline constexpr bool is_optional = false;
template <class T>
inline constexpr bool is_optional<std::optional<T>> = true;
template <class T>
inline constexpr bool is_kw = false;
template <FixedName N, class T>
inline constexpr bool is_kw<Kw<N, T>> = true;
template <class>
inline constexpr bool never = false;

inline void append_checked_text(std::string& out, std::string_view text) {
  if (!engine::is_utf8(text)) {
    throw std::invalid_argument("cacherator: an argument's text is not UTF-8; encode it as UTF-8, or pass bytes as std::vector<std::uint8_t>");
  }
  engine::append_text(out, text);
}

inline void append_joined(std::string& out, std::vector<std::string> parts) {
  std::sort(parts.begin(), parts.end());
  for (std::size_t i = 0; i < parts.size(); ++i) (out += i ? ", " : "") += parts[i];
}

template <class T>
void append_tuple(std::string& out, const T& tuple) {
  out += '(';
  std::size_t count = 0;
  std::apply([&](const auto&... part) { ((out += count++ ? ", " : "", append_signature(out, part)), ...); }, tuple);
  out += count == 1 ? ",)" : ")";
}

template <class T>
void append_unordered(std::string& out, const T& range) {
  std::vector<std::string> parts;
  for (const auto& element : range) {
    auto& part = parts.emplace_back();
    if constexpr (MapLike<T>) {
      append_signature(part, element.first);
      part += ": ";
      append_signature(part, element.second);
    } else {
      append_signature(part, element);
    }
  }
  if (SetLike<T> && parts.empty()) return void(out += "set()");
  out += '{';
  append_joined(out, std::move(parts));
  out += '}';
}

}  // namespace detail

template <class T>
void append_signature(std::string& out, const T& value) {
  using namespace detail;
  if constexpr (OwnSignature<T>) {
    cacherator_signature(out, value);
  } else if constexpr (is_kw<T>) {
    append_signature(out, value.value);
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? "True" : "False";
  } else if constexpr (std::is_same_v<T, char>) {
    append_checked_text(out, std::string_view(&value, 1));
  } else if constexpr (std::is_floating_point_v<T>) {
    engine::append_float(out, static_cast<double>(value));
  } else if constexpr (std::is_enum_v<T>) {
    append_signature(out, static_cast<std::underlying_type_t<T>>(value));
  } else if constexpr (std::is_integral_v<T> && std::is_signed_v<T>) {
    engine::append_int(out, value);
  } else if constexpr (std::is_integral_v<T>) {
    engine::append_uint(out, value);
  } else if constexpr (Text<T>) {
    append_checked_text(out, std::string_view(value));
  } else if constexpr (is_optional<T>) {
    if (value) {
      append_signature(out, *value);
    } else {
      out += "None";
    }
  } else if constexpr (std::is_same_v<T, std::nullopt_t> || std::is_same_v<T, std::nullptr_t>) {
    out += "None";
  } else if constexpr (is_tuple<T>) {
    append_tuple(out, value);
  } else if constexpr (MapLike<T> || SetLike<T>) {
    append_unordered(out, value);
  } else if constexpr (Range<T>) {
    out += '[';
    bool first = true;
    for (const auto& element : value) {
      if (!std::exchange(first, false)) out += ", ";
      append_signature(out, static_cast<const std::decay_t<decltype(element)>&>(element));
    }
    out += ']';
  } else {
    static_assert(never<T>, "cacherator: this argument's type has no signature; write void cacherator_signature(std::string& out, const T& value) beside it");
  }
}

}  // namespace cacherator
