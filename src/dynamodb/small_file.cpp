#include "dynamodb/small_file.hpp"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cctype>

#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::uint64_t kLargest = 1 << 20;

std::string home(const std::string& user, const Environment& environment) {
  if (user.empty()) {
    if (const auto set = environment("HOME")) return *set;
  }
  char buffer[4096];
  passwd entry{}, *found = nullptr;
  if (user.empty()) {
    ::getpwuid_r(::getuid(), &entry, buffer, sizeof buffer, &found);
  } else {
    ::getpwnam_r(user.c_str(), &entry, buffer, sizeof buffer, &found);
  }
  return found ? found->pw_dir : "~" + user;
}

/// "$NAME" and "${NAME}"; one that is not set stays as it is.
std::string expand_variables(const std::string& text, const Environment& environment) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const bool braces = text.compare(at, 2, "${") == 0;
    const std::size_t begin = at + (braces ? 2 : 1);
    std::size_t end = begin;
    if (braces) {
      end = text.find('}', begin);
    } else if (text[at] == '$') {
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) ++end;
    }
    const auto value = text[at] == '$' && end != std::string::npos && end > begin ? environment(text.substr(begin, end - begin)) : std::nullopt;
    if (value) {
      out += *value;
      at = end + (braces ? 1 : 0);
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace

std::string expand_path(const std::string& path, const Environment& environment) {
  std::string full = expand_variables(path, environment);
  if (!full.starts_with('~')) return full;
  const std::size_t slash = std::min(full.find('/'), full.size());
  return home(full.substr(1, slash - 1), environment) + full.substr(slash);
}

std::optional<std::string> read_small_file(const std::string& path) {
  const platform::Descriptor file(platform::open_file(AT_FDCWD, path.c_str(), platform::Open::read));
  if (!file) return std::nullopt;
  const auto status = platform::status(file.get());
  std::string text;
  if (!status || !status->regular || status->size > kLargest || platform::read_rest(file.get(), text) < 0) return std::nullopt;
  return text;
}

}  // namespace cacherator::engine::dynamodb
