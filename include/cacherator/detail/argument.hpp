// How an argument is passed on a call (a view: no allocation on a hit), owned in a key, hashed and compared.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cacherator/detail/hash.hpp"
#include "cacherator/signature.hpp"

namespace cacherator::detail {

template <class T>
std::uint64_t bits_of(T number) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<std::uint64_t>(static_cast<double>(number));  // 0.0 and -0.0 differ, a NaN is itself
  } else {
    return static_cast<std::uint64_t>(number);
  }
}

/// What a parameter of type T means on a call.
///   View   how the call operator takes it        Given  what the user's function takes
///   Owned  what a table keeps to compare with
template <class T>
struct Argument {
  using Plain = std::decay_t<T>;
  static_assert(!std::is_pointer_v<Plain>, "cacherator: a pointer names an address, not a value; take it by value, std::string or std::span");
  static_assert(!std::is_reference_v<T> || std::is_const_v<std::remove_reference_t<T>>,
                "cacherator: a cached function cannot change its arguments: take them by value or by const reference");
  static constexpr bool is_number = std::is_arithmetic_v<Plain> || std::is_enum_v<Plain>;
  static constexpr bool by_value = sizeof(Plain) <= 16 && std::is_trivially_copyable_v<Plain>;

  using View = std::conditional_t<by_value, Plain, const Plain&>;
  using Owned = std::conditional_t<is_number, Plain, std::string>;  ///< what is no number is known by its text
  using Given = T;

  static std::string text(const Plain& value) {
    std::string out;
    append_signature(out, value);
    return out;
  }
  static Owned own(const Plain& value) {
    if constexpr (is_number) return value;
    else return text(value);
  }
  static std::uint64_t hash(const Plain& value) {
    if constexpr (is_number) return bits_of(value);
    else {
      const std::string shown = text(value);
      return hash_bytes(shown.data(), shown.size());
    }
  }
  static bool same(const Owned& owned, const Plain& value) {
    if constexpr (is_number) return bits_of(owned) == bits_of(value);
    else return owned == text(value);
  }
  static View give(View view) { return view; }
};

template <class T>
struct TextArgument {
  using View = std::string_view;
  using Owned = std::string;
  using Given = T;
  static Owned own(View value) { return Owned(value); }
  static std::uint64_t hash(View value) noexcept { return hash_bytes(value.data(), value.size()); }
  static bool same(const Owned& owned, View value) noexcept { return owned == value; }
  static std::string give(View view) { return std::string(view); }
};
template <>
struct Argument<std::string> : TextArgument<std::string> {};
template <>
struct Argument<const std::string> : TextArgument<const std::string> {};
template <>
struct Argument<const std::string&> : TextArgument<const std::string&> {};
template <>
struct Argument<std::string_view> : TextArgument<std::string_view> {
  static View give(View view) { return view; }
};
/// The function gets a text that ends with a NUL, for the time of the call.
struct EndedText {
  std::string text;
  operator const char*() const noexcept { return text.c_str(); }
};
template <>
struct Argument<const char*> : TextArgument<const char*> {
  static EndedText give(View view) { return {std::string(view)}; }
};

template <class Element, class Passed, class T>
struct NumbersArgument {
  using View = Passed;
  using Owned = std::vector<Element>;
  using Given = T;
  static Owned own(View value) { return Owned(value.begin(), value.end()); }
  static std::uint64_t hash(View value) noexcept { return hash_bytes(value.data(), value.size() * sizeof(Element)); }
  static bool same(const Owned& owned, View value) noexcept {
    return owned.size() == value.size() && (owned.empty() || std::memcmp(owned.data(), value.data(), owned.size() * sizeof(Element)) == 0);
  }
  static View give(View view) { return view; }
};
/// Numbers whose bytes are all that tells them apart.
template <class T>
concept PlainNumber = std::is_arithmetic_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, long double>;
template <PlainNumber E>
struct Argument<std::vector<E>> : NumbersArgument<E, const std::vector<E>&, std::vector<E>> {};
template <PlainNumber E>
struct Argument<const std::vector<E>&> : NumbersArgument<E, const std::vector<E>&, const std::vector<E>&> {};
template <PlainNumber E>
struct Argument<std::span<const E>> : NumbersArgument<E, std::span<const E>, std::span<const E>> {};

/// A keyword-only parameter: the function takes its T.
template <FixedName Name, class T>
struct Argument<Kw<Name, T>> : Argument<T> {};

template <class... P>
std::uint64_t hash_of(const typename Argument<P>::View&... views) {
  std::uint64_t hash = sizeof...(P);
  ((hash = mix(hash + Argument<P>::hash(views))), ...);
  return hash;
}

template <class T>
constexpr std::string_view keyword_of() {
  if constexpr (is_kw<T>) return T::name;
  else return {};
}
template <class... P>
constexpr bool keywords_differ() {
  const std::initializer_list<std::string_view> names{std::string_view(), keyword_of<P>()...};
  for (const auto* one = names.begin(); one != names.end(); ++one) {
    for (const auto* other = names.begin(); other != one; ++other) {
      if (!one->empty() && *one == *other) return false;
    }
  }
  return true;
}

/// The whole text of a call: what has a position in the tuple, Kw parameters in the dict, sorted by name.
template <class... P>
std::string signature_of(std::string_view name, const typename Argument<P>::View&... views) {
  static_assert(keywords_differ<P...>(), "cacherator: two parameters are Kw of one name");
  std::string out(name);
  out += '(';
  std::size_t positional = 0;
  std::map<std::string_view, std::string> keywords;
  [[maybe_unused]] const auto add = [&]<class T>(std::type_identity<T>, const auto& view) {
    if constexpr (is_kw<T>) {
      append_signature(keywords[T::name], view);
    } else {
      if (positional++) out += ", ";
      append_signature(out, view);
    }
  };
  (add(std::type_identity<P>(), views), ...);
  out += positional == 1 ? ",){" : "){";
  bool first = true;
  for (const auto& [key, text] : keywords) {
    if (!std::exchange(first, false)) out += ", ";
    engine::append_text(out, key);
    (out += ": ") += text;
  }
  out += '}';
  return out;
}

}  // namespace cacherator::detail
