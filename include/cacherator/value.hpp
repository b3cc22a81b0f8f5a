// How C++ values become JSON and come back: nlohmann-json's conversions, and tags for what JSON cannot say (docs/format.md).
// What a call returned and what a restart returns are equal in value and type; Python reads tuples as tuples, sets as sets.
#pragma once

#include <cmath>
#include <concepts>
#include <initializer_list>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cacherator/detail/json.hpp"
#include "cacherator/signature.hpp"

namespace cacherator {

/// A value that cannot be written, or a text that is no value of the type asked for. The message names the place.
struct ValueError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

namespace detail {

using nlohmann::json;
inline constexpr const char* kTag = "$cacherator";

template <class T>
inline constexpr bool is_shared = false;
template <class T>
inline constexpr bool is_shared<std::shared_ptr<T>> = true;
template <class T>
inline constexpr bool is_view = std::is_same_v<T, std::string_view> || std::is_pointer_v<T>;
template <class T, std::size_t N>
inline constexpr bool is_view<std::span<T, N>> = true;
template <class T>
concept Growing = Range<T> && requires(T& range, typename T::value_type value) { range.insert(range.end(), std::move(value)); };
template <class T>
concept FixedArray = Range<T> && requires { std::tuple_size<T>::value; };
template <class T>
concept Json = std::same_as<T, json> || std::same_as<T, nlohmann::ordered_json>;
template <class T>
concept Convertible = requires(const T& value, const json& from) {
  json(value);
  from.get<T>();
};

inline json tagged(const char* tag, json value) { return json{{kTag, tag}, {"value", std::move(value)}}; }

/// The inside of a value with this tag, or the value itself (`plain`, or without a tag).
inline const json& inside(const json& value, std::string_view tag) {
  if (!value.is_object()) return value;
  const auto found = value.find(kTag);
  const auto held = value.find("value");
  return found != value.end() && held != value.end() && *found == tag ? *held : value;
}

/// The same for any of several tags.
inline const json& inside_any(const json& value, std::initializer_list<const char*> tags) {
  for (const char* tag : tags) {
    if (const json& held = inside(value, tag); &held != &value) return held;
  }
  return value;
}

inline double float_of(std::string_view name) {
  const double infinite = std::numeric_limits<double>::infinity();
  return name == "inf" ? infinite : name == "-inf" ? -infinite : std::numeric_limits<double>::quiet_NaN();
}

[[noreturn]] inline void no_value(const char* wanted, const json& found) {
  std::string shown = found.dump(-1, ' ', false, json::error_handler_t::replace);
  if (shown.size() > 60) shown = shown.substr(0, 60) + "...";
  throw ValueError(std::string("it is not ") + wanted + ": " + shown);
}

/// JSON of the user's own making: objects that hold our tag are wrapped, floats that JSON lacks are tagged.
json wrapped(const json& value);
/// The reverse, for who takes JSON as it is: tuples, sets and pairs of dicts as arrays, floats as numbers. Other tags stay.
json unwrapped(const json& value, bool plain);
/// As one line. Throws ValueError naming the path to a text that is not UTF-8, or to what is nested too deeply.
std::string text_of(const json& value);
/// Throws ValueError.
json parsed(std::string_view text);

template <class T>
json to_value(const T& value) {
  if constexpr (Json<T>) {
    return wrapped(json(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    const auto number = static_cast<double>(value);
    return std::isfinite(number) ? json(number) : tagged("float", std::isnan(number) ? "nan" : number < 0 ? "-inf" : "inf");
  } else if constexpr (std::is_same_v<T, char>) {
    return json(std::string(1, value));
  } else if constexpr (std::is_arithmetic_v<T>) {
    return json(value);
  } else if constexpr (Text<T>) {
    return json(std::string(std::string_view(value)));
  } else if constexpr (is_optional<T> || is_shared<T>) {
    return value ? to_value(*value) : json(nullptr);
  } else if constexpr (is_tuple<T>) {
    json items = json::array();
    std::apply([&](const auto&... item) { (items.push_back(to_value(item)), ...); }, value);
    return tagged("tuple", std::move(items));
  } else if constexpr (MapLike<T>) {
    if constexpr (Text<typename T::key_type>) {
      json object = json::object();
      for (const auto& [key, item] : value) object[std::string(std::string_view(key))] = to_value(item);
      return object.contains(kTag) ? tagged("object", std::move(object)) : object;
    } else {
      json pairs = json::array();
      for (const auto& [key, item] : value) pairs.push_back(json::array({to_value(key), to_value(item)}));
      return tagged("dict", std::move(pairs));
    }
  } else if constexpr (Range<T> && !std::is_class_v<T>) {
    static_assert(never<T>, "cacherator: an array's elements must be owned; use std::array or std::vector");
  } else if constexpr (SetLike<T> || Growing<T> || FixedArray<T>) {
    json items = json::array();
    for (const auto& item : value) items.push_back(to_value(static_cast<const typename T::value_type&>(item)));
    return SetLike<T> ? tagged("set", std::move(items)) : items;
  } else {
    static_assert(Convertible<T>, "cacherator: this type has no JSON form; write to_json and from_json beside it (nlohmann-json's way)");
    return wrapped(json(value));
  }
}

template <class T>
T from_value(const json& value, bool plain);

template <class T>
T number_from(const json& value) {
  if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) no_value("a bool", value);
    return value.get<bool>();
  } else if constexpr (std::is_floating_point_v<T>) {
    const json& number = inside(value, "float");
    if (number.is_string()) return static_cast<T>(float_of(number.get_ref<const std::string&>()));
    if (!number.is_number()) no_value("a number", value);
    return number.get<T>();
  } else {
    const bool in_range = value.is_number_unsigned()  ? std::in_range<T>(value.get<std::uint64_t>())
                          : value.is_number_integer() ? std::in_range<T>(value.get<std::int64_t>())
                                                      : false;
    if (!in_range) no_value("an integer of the type's range", value);
    return value.get<T>();
  }
}

template <class T, std::size_t... I>
T tuple_from(const json& items, bool plain, std::index_sequence<I...>) {
  return T{from_value<std::tuple_element_t<I, T>>(items[I], plain)...};
}

template <class T>
T map_from(const json& value, bool plain) {
  T made;
  static_assert(!is_view<typename T::key_type>, "cacherator: a cached view would dangle; let the keys be std::string");
  constexpr bool named = Text<typename T::key_type>;
  const json& in = plain ? value : inside_any(value, {"OrderedDict", "Counter", "defaultdict", "dataclass"});
  const json& held = plain ? in : inside(in, named ? "object" : "dict");
  if constexpr (Text<typename T::key_type>) {
    if (!held.is_object()) no_value("an object", value);
    for (const auto& [key, item] : held.items()) made.emplace(key, from_value<typename T::mapped_type>(item, plain));
  } else {
    if (!held.is_array()) no_value("a dict's list of pairs", value);
    for (const auto& pair : held) {
      if (!pair.is_array() || pair.size() != 2) no_value("a pair", pair);
      made.emplace(from_value<typename T::key_type>(pair[0], plain), from_value<typename T::mapped_type>(pair[1], plain));
    }
  }
  return made;
}

template <class T>
T items_from(const json& value, bool plain) {
  const json& items = plain ? value : inside_any(value, {"tuple", "set", "frozenset", "namedtuple", "deque", "timedelta", "complex"});
  if (!items.is_array()) no_value("a list", value);
  T made{};
  if constexpr (FixedArray<T>) {
    if (items.size() != made.size()) no_value("a list of the array's length", value);
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = from_value<typename T::value_type>(items[i], plain);
  } else {
    for (const auto& item : items) made.insert(made.end(), from_value<typename T::value_type>(item, plain));
  }
  return made;
}

template <class T>
T from_value(const json& value, bool plain) {
  if constexpr (Json<T>) {
    return T(unwrapped(value, plain));
  } else if constexpr (std::is_same_v<T, char>) {
    if (!value.is_string() || value.get_ref<const std::string&>().size() != 1) no_value("a text of one character", value);
    return value.get_ref<const std::string&>()[0];
  } else if constexpr (std::is_arithmetic_v<T>) {
    return number_from<T>(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    const json& text = plain ? value : inside_any(value, {"datetime", "date", "time", "Decimal", "UUID", "Path", "Enum"});
    if (!text.is_string()) no_value("a text", value);
    return text.get<std::string>();
  } else if constexpr (is_view<T>) {
    static_assert(never<T>, "cacherator: a cached view would dangle; return what owns its text or elements, such as std::string or std::vector");
  } else if constexpr (is_optional<T>) {
    static_assert(!is_optional<typename T::value_type>, "cacherator: JSON has one null, an optional of an optional would need two");
    if (value.is_null()) return std::nullopt;
    return from_value<typename T::value_type>(value, plain);
  } else if constexpr (is_shared<T>) {
    if (value.is_null()) return nullptr;
    using Held = std::remove_const_t<typename T::element_type>;
    return std::make_shared<Held>(from_value<Held>(value, plain));
  } else if constexpr (is_tuple<T>) {
    const json& items = plain ? value : inside(value, "tuple");
    if (!items.is_array() || items.size() != std::tuple_size_v<T>) no_value("a tuple of the type's length", value);
    return tuple_from<T>(items, plain, std::make_index_sequence<std::tuple_size_v<T>>());
  } else if constexpr (MapLike<T>) {
    return map_from<T>(value, plain);
  } else if constexpr (SetLike<T> || Growing<T> || FixedArray<T>) {
    return items_from<T>(value, plain);
  } else {
    return unwrapped(value, plain).template get<T>();
  }
}

}  // namespace detail

/// A value's JSON text, as files hold it. Throws ValueError, or what a user's to_json throws.
template <class T>
std::string to_text(const T& value) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isfinite(value)) {
      std::string text;
      engine::append_float(text, static_cast<double>(value));
      return text;
    }
  }
  return detail::text_of(detail::to_value(value));
}

/// The value of a JSON text. `plain`: the incumbent wrote it, tags mean nothing. Throws ValueError, or what a user's from_json
/// throws.
template <class T>
T from_text(std::string_view text, bool plain = false) {
  return detail::from_value<T>(detail::parsed(text), plain);
}

}  // namespace cacherator
