#include "cacherator/detail/json.hpp"

#include <cctype>

namespace cacherator::engine {
namespace {

bool is_surrogate(std::string_view json, std::size_t at, char low, char high) {
  return at + 6 <= json.size() && json[at] == '\\' && json[at + 1] == 'u' && (json[at + 2] | 0x20) == 'd' &&
         std::tolower(static_cast<unsigned char>(json[at + 3])) >= low && std::tolower(static_cast<unsigned char>(json[at + 3])) <= high;
}

/// Copies a string from its opening quote on; answers the place behind its closing one.
std::size_t copy_string(std::string& out, std::string_view json, std::size_t at) {
  out += json[at++];
  while (at < json.size() && json[at] != '"') {
    if (json[at] != '\\') {
      out += json[at++];
    } else if (is_surrogate(json, at, '8', 'b') && is_surrogate(json, at + 6, 'c', 'f')) {
      out += json.substr(at, 12);
      at += 12;
    } else if (is_surrogate(json, at, '8', 'f')) {
      out += "\\ufffd";
      at += 6;
    } else {
      out += json.substr(at, 2);
      at += 2;
    }
  }
  if (at < json.size()) out += json[at++];
  return at;
}

}  // namespace

std::string to_strict(std::string_view json) {
  static constexpr struct {
    std::string_view word, name;
  } kWords[] = {{"NaN", "nan"}, {"-Infinity", "-inf"}, {"Infinity", "inf"}};
  std::string out;
  out.reserve(json.size());
  for (std::size_t at = 0; at < json.size();) {
    if (json[at] == '"') {
      at = copy_string(out, json, at);
      continue;
    }
    bool found = false;
    for (const auto& [word, name] : kWords) {
      if (json.substr(at, word.size()) != word) continue;
      ((out += R"({"$cacherator":"float","value":")") += name) += "\"}";
      at += word.size();
      found = true;
      break;
    }
    if (!found) out += json[at++];
  }
  return out;
}

}  // namespace cacherator::engine
