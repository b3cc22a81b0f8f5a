#include "local/dates.hpp"

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace cacherator::engine {
namespace {

/// Takes `digits` digits and then `after` ('\0': nothing) from the front.
bool take(std::string_view& text, std::size_t digits, char after, int& number) {
  if (text.size() < digits + (after ? 1 : 0)) return false;
  number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    number = number * 10 + (text[i] - '0');
  }
  if (after && text[digits] != after) return false;
  text.remove_prefix(digits + (after ? 1 : 0));
  return true;
}

bool take_fraction(std::string_view text, std::int64_t& micros) {
  micros = 0;
  if (text.empty()) return true;
  if (text[0] != '.' || text.size() < 2 || text.size() > 7) return false;
  std::int64_t unit = 100'000;
  for (char c : text.substr(1)) {
    if (c < '0' || c > '9') return false;
    micros += (c - '0') * unit;
    unit /= 10;
  }
  return true;
}

/// The first time whose local form this is, found as Python's datetime does (PEP 495); one that a clock change leaves out is taken by the
/// clock before it. Not mktime(): where a time is repeated, its answer depends on what it was asked before.
time_t first_time(std::tm& local) {
  const time_t utc = timegm(&local);
  const auto offset_at = [](time_t moment) {
    std::tm there{};
    localtime_r(&moment, &there);
    return there.tm_gmtoff;
  };
  const long before = offset_at(utc - 86400), after = offset_at(utc + 86400);
  for (const long offset : {std::max(before, after), std::min(before, after)}) {
    if (offset_at(utc - offset) == offset) return utc - offset;
  }
  return utc - before;
}

}  // namespace

void append_local_date(std::string& out, Time utc) {
  std::int64_t micros = utc / 1000;
  std::int64_t seconds = micros / 1'000'000;
  if (micros % 1'000'000 < 0) --seconds;
  const auto moment = static_cast<time_t>(seconds);
  std::tm local{};
  localtime_r(&moment, &local);
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06d", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
                                   local.tm_hour, local.tm_min, local.tm_sec, static_cast<int>(micros - seconds * 1'000'000));
  out.append(text, static_cast<std::size_t>(length));
}

std::optional<Time> parse_local_date(std::string_view text) {
  std::tm local{};
  std::int64_t micros = 0;
  int year = 0, month = 0;
  if (!take(text, 4, '-', year) || !take(text, 2, '-', month) || !take(text, 2, '\0', local.tm_mday)) return std::nullopt;
  if (text.empty() || (text[0] != 'T' && text[0] != ' ')) return std::nullopt;
  text.remove_prefix(1);
  if (!take(text, 2, ':', local.tm_hour) || !take(text, 2, ':', local.tm_min) || !take(text, 2, '\0', local.tm_sec) || !take_fraction(text, micros)) {
    return std::nullopt;
  }
  if (month < 1 || month > 12 || local.tm_mday < 1 || local.tm_mday > 31 || local.tm_hour > 23 || local.tm_min > 59 || local.tm_sec > 60) {
    return std::nullopt;
  }
  local.tm_year = year - 1900;
  local.tm_mon = month - 1;
  const int day = local.tm_mday;
  const time_t moment = first_time(local);
  if (local.tm_mday != day || moment > 9'000'000'000 || moment < -9'000'000'000) return std::nullopt;  // 30 February
  return (moment * 1'000'000 + micros) * 1000;
}

}  // namespace cacherator::engine
