// What the fuzz targets share: a check that stops libFuzzer, a folder in memory, lines with a right CRC.
#pragma once

#include <fuzzer/FuzzedDataProvider.h>
#include <stdlib.h>
#include <zlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace cacherator::fuzz {

/// A property that must hold for every input; named in the finding.
inline void check(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "PROPERTY VIOLATED: %s\n", property);
  std::abort();
}

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

/// Equal times (nanoseconds since 1970). Files keep seconds as decimals that are read as doubles: from 2106 on these do not tell one
/// microsecond from the next.
inline bool same_time(std::int64_t a, std::int64_t b) {
  constexpr std::int64_t kExact = 4'000'000'000'000'000'000;
  return a == b || ((a > kExact || a < -kExact) && a - b <= 2000 && b - a <= 2000);
}

/// Nesting outside of strings, of well-formed text.
inline int depth_of(std::string_view text) {
  int depth = 0, deepest = 0;
  bool inside = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (inside && text[i] == '\\') ++i;
    else if (text[i] == '"') inside = !inside;
    else if (!inside && (text[i] == '[' || text[i] == '{')) deepest = std::max(deepest, ++depth);
    else if (!inside && (text[i] == ']' || text[i] == '}')) --depth;
  }
  return deepest;
}

/// The part of the input up to a line "----"; `rest` becomes what is behind it.
inline std::string_view part(std::string_view& rest) {
  constexpr std::string_view kEnd = "\n----\n";
  const auto end = rest.find(kEnd);
  const auto found = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + kEnd.size());
  return found;
}

/// The line with a right CRC, whatever it is: else no fuzzer comes past the checksum.
inline std::string sealed(std::string_view line) {
  if (const auto at = line.rfind(",\"crc\":\""); at != std::string_view::npos) line = line.substr(0, at);
  if (line.ends_with('}')) line.remove_suffix(1);
  char end[32];
  const auto crc = crc32_z(0, reinterpret_cast<const unsigned char*>(line.data()), line.size());
  std::snprintf(end, sizeof end, ",\"crc\":\"%08lx\"}", static_cast<unsigned long>(crc));
  return std::string(line) + end;
}

/// All lines sealed, but those that begin with '!' (taken without it, as they are); a last line without newline stays so.
inline std::string sealed_lines(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    if (line.starts_with('!')) {
      out += line.substr(1);
    } else if (!line.empty()) {
      out += sealed(line);
    }
    if (end == std::string_view::npos) break;
    out += '\n';
    text.remove_prefix(end + 1);
  }
  return out;
}

/// A folder of this process's own, in memory where there is /dev/shm; removed at the end.
class Folder {
 public:
  Folder() {
    std::error_code none;
    const char* given = getenv("CACHERATOR_FUZZ_FOLDER");  // libFuzzer ends without destructors: who runs it removes what is left
    const std::string base = given ? given : std::filesystem::is_directory("/dev/shm", none) ? "/dev/shm" : std::filesystem::temp_directory_path().string();
    path_ = base + "/cacherator-fuzz-XXXXXX";
    if (!mkdtemp(path_.data())) throw std::runtime_error("mkdtemp " + path_);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string operator/(std::string_view name) const { return path_ + '/' + std::string(name); }
  /// Removes all but the lock file.
  void clear() const {
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      if (entry.path().extension() != ".lock") std::filesystem::remove_all(entry.path());
    }
  }
  void write(std::string_view name, std::string_view bytes) const {
    std::ofstream(*this / name, std::ios::binary | std::ios::trunc).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  [[nodiscard]] std::string read(std::string_view name) const {
    std::ostringstream text;
    text << std::ifstream(*this / name, std::ios::binary).rdbuf();
    return text.str();
  }

 private:
  std::string path_;
};

}  // namespace cacherator::fuzz
