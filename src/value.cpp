#include "cacherator/value.hpp"

#include "cacherator/detail/entry.hpp"
#include "local/json_scanner.hpp"

namespace cacherator::detail {
namespace {

constexpr int kMaxDepth = 512;

/// The path to the first text that is not UTF-8; empty: none.
std::string bad_text(const json& value) {
  if (value.is_string() && !engine::is_utf8(value.get_ref<const std::string&>())) return " ";
  if (value.is_array()) {
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (auto inner = bad_text(value[i]); !inner.empty()) return '[' + std::to_string(i) + ']' + inner;
    }
  }
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      if (!engine::is_utf8(key)) return ".keys() ";
      if (auto inner = bad_text(item); !inner.empty()) return "['" + key + "']" + inner;
    }
  }
  return {};
}

int depth_of(const json& value) {
  int deepest = 0;
  if (value.is_structured()) {
    for (const auto& item : value) deepest = std::max(deepest, depth_of(item));
  }
  return deepest + value.is_structured();
}

}  // namespace

json wrapped(const json& value) {
  if (value.is_number_float()) return to_value(value.get<double>());
  if (value.is_binary()) throw ValueError("result: binary JSON has no text; use std::vector<std::uint8_t>");
  if (!value.is_structured()) return value;
  json made = value.is_array() ? json::array() : json::object();
  if (value.is_array()) {
    for (const auto& item : value) made.push_back(wrapped(item));
    return made;
  }
  for (const auto& [key, item] : value.items()) made[key] = wrapped(item);
  return made.contains(kTag) ? tagged("object", std::move(made)) : made;
}

json unwrapped(const json& value, bool plain) {
  if (!value.is_structured()) return value;
  if (value.is_array()) {
    json made = json::array();
    for (const auto& item : value) made.push_back(unwrapped(item, plain));
    return made;
  }
  const auto tag = value.find(kTag);
  const auto held = value.find("value");
  if (tag != value.end() && held != value.end() && tag->is_string()) {
    const auto& name = tag->get_ref<const std::string&>();
    if (name == "float" && held->is_string()) return json(float_of(held->get_ref<const std::string&>()));
    if (!plain && (name == "tuple" || name == "set" || name == "frozenset" || name == "dict")) return unwrapped(*held, false);
    if (!plain && name == "object" && held->is_object()) {
      json made = json::object();
      for (const auto& [key, item] : held->items()) made[key] = unwrapped(item, false);
      return made;
    }
  }
  json made = json::object();
  for (const auto& [key, item] : value.items()) made[key] = unwrapped(item, plain);
  return made;
}

std::string text_of(const json& value) {
  if (depth_of(value) > kMaxDepth) throw ValueError("result: it is nested deeper than 512 levels");
  try {
    std::string text = value.dump();
    if (text.size() > engine::kMaxValue) throw ValueError("result: it is larger than 256 MiB as JSON");
    return text;
  } catch (const json::type_error&) {
    throw ValueError("result" + bad_text(value) + "is not UTF-8 text; use std::vector<std::uint8_t> for bytes");
  }
}

json parsed(std::string_view text) {
  constexpr const char* kRefused = "it is no JSON that this library reads, which is at most 512 levels deep";
  if (!engine::is_json(text)) throw ValueError(kRefused);
  json value = json::parse(text, nullptr, false);
  if (value.is_discarded()) value = json::parse(engine::to_strict(text), nullptr, false);
  if (value.is_discarded()) throw ValueError(kRefused);
  return value;
}

}  // namespace cacherator::detail
