// The grammar is that of Python's configparser, as botocore uses it: "key = value" or "key: value", lines that start with '#' or ';' are
// comments, a line that is indented deeper than its setting goes on with it. A setting without a value of its own has nested ones.
#include <algorithm>
#include <cctype>
#include <sstream>
#include <utility>

#include "dynamodb/settings.hpp"
#include "dynamodb/small_file.hpp"
#include "dynamodb/words.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Sections = std::map<std::string, Profiles::Section, std::less<>>;

class IniReader {
 public:
  explicit IniReader(const std::string& text) {
    std::istringstream lines(text.starts_with("\xEF\xBB\xBF") ? text.substr(3) : text);
    for (std::string line; std::getline(lines, line);) take(line);
    for (auto& [name, section] : sections_) section.insert(defaults_.begin(), defaults_.end());
  }

  Sections sections() && { return std::move(sections_); }

 private:
  void take(const std::string& line) {
    const auto text = trimmed(line);
    if (text.empty()) ++blank_;
    if (text.empty() || text.front() == '#' || text.front() == ';') return;
    const auto indent = static_cast<std::size_t>(text.data() - line.data());
    if (section_ && !key_.empty() && indent > indent_) return go_on(text);
    indent_ = indent;
    blank_ = 0;
    key_.clear();
    if (text.front() == '[' && text.find(']') > 1 && text.find(']') != text.npos) {
      const std::string name(text.substr(1, text.find(']') - 1));
      section_ = name == "DEFAULT" ? &defaults_ : &sections_[name];
    } else if (const auto sign = text.find_first_of("=:"); section_ && sign != text.npos && sign > 0) {
      key_ = lower(trimmed(text.substr(0, sign)));
      (*section_)[key_] = trimmed(text.substr(sign + 1));
    }
  }

  void go_on(std::string_view text) {
    auto& value = (*section_)[key_];
    if (!value.empty()) {
      value.append(1 + std::exchange(blank_, 0), '\n').append(text);
    } else if (const auto sign = text.find('='); sign != text.npos && sign > 0) {
      (*section_)[key_ + '.' + std::string(trimmed(text.substr(0, sign)))] = trimmed(text.substr(sign + 1));
    }
  }

  Sections sections_;
  Profiles::Section defaults_;
  Profiles::Section* section_ = nullptr;
  std::string key_;
  std::size_t indent_ = 0;
  std::size_t blank_ = 0;  ///< lines since the last one that said something
};

Sections read_sections(const std::string& path) {
  const auto text = read_small_file(path);
  return text ? IniReader(*text).sections() : Sections{};
}

/// A section's name in the config file as it is known here: "profile 'my work'" is "my work"; empty: it is none of ours.
std::string known_as(const std::string& section) {
  if (section == "default") return section;
  const auto words = split_words(section);
  if (!words || words->size() != 2) return {};
  if (words->front() == "profile") return words->back();
  return words->front() == "services" || words->front() == "sso-session" ? words->front() + ' ' + words->back() : std::string();
}

const std::string* find(const Sections& sections, const std::string& section, const std::string& key) {
  const auto found = sections.find(section);
  if (found == sections.end()) return nullptr;
  const auto value = found->second.find(key);
  return value == found->second.end() || value->second.empty() ? nullptr : &value->second;
}

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value && *value ? std::optional<std::string>(value) : std::nullopt;
  };
}

Profiles Profiles::read(const Environment& environment) {
  Profiles profiles;
  for (const char* variable : {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}) profiles.name = environment(variable).value_or(profiles.name);
  profiles.config_path = expand_path(environment("AWS_CONFIG_FILE").value_or("~/.aws/config"), environment);
  profiles.credentials_path = expand_path(environment("AWS_SHARED_CREDENTIALS_FILE").value_or("~/.aws/credentials"), environment);
  for (auto& [section, settings] : read_sections(profiles.config_path)) {
    const auto name = known_as(section);
    if (name.empty()) continue;
    for (const auto& [key, value] : settings) profiles.config[name][key] = value;
  }
  profiles.credentials = read_sections(profiles.credentials_path);
  return profiles;
}

bool Profiles::has(const std::string& profile) const { return config.contains(profile) || credentials.contains(profile); }

std::optional<std::string> Profiles::get(const std::string& profile, const std::string& key) const {
  const auto* value = find(credentials, profile, key);
  if (!value) value = find(config, profile, key);
  return value ? std::optional(*value) : std::nullopt;
}

}  // namespace cacherator::engine::dynamodb
