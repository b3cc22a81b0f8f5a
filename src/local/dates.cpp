#include "local/dates.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>

#include "cacherator/detail/fork_safe.hpp"

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

/// About the C library's own lock, which would stay closed in a child that was forked while another thread is inside.
constinit detail::ForkSafeMutex zone;

std::tm local_time(time_t utc) {
  std::lock_guard lock(zone);
  std::tm local{};
  localtime_r(&utc, &local);
  return local;
}

/// The first time whose local form this is (given as seconds as if it were UTC), found as Python's datetime does (PEP 495); one that a clock change leaves out
/// is taken by the clock before it. Not mktime(): where a time is repeated, its answer depends on what it was asked before.
time_t first_time(time_t local) {
  const auto offset_at = [](time_t utc) { return local_time(utc).tm_gmtoff; };
  const long before = offset_at(local - 86400), after = offset_at(local + 86400);
  for (const long offset : {std::max(before, after), std::min(before, after)}) {
    if (offset_at(local - offset) == offset) return local - offset;
  }
  return local - before;
}

}  // namespace

void append_local_date(std::string& out, Time utc) {
  std::int64_t micros = utc / 1000;
  std::int64_t seconds = micros / 1'000'000;
  if (micros % 1'000'000 < 0) --seconds;
  const auto moment = static_cast<time_t>(seconds);
  const std::tm local = local_time(moment);
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06d", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
                                   local.tm_hour, local.tm_min, local.tm_sec, static_cast<int>(micros - seconds * 1'000'000));
  out.append(text, static_cast<std::size_t>(length));
}

Time earliest_of_that_date(Time utc) { return utc + (local_time(utc / kSecond).tm_gmtoff - 15 * 3600) * kSecond; }

std::string utc_stamp(Time utc) {
  namespace c = std::chrono;
  const c::sys_seconds moment(c::floor<c::seconds>(c::nanoseconds(utc)));
  const auto day = c::floor<c::days>(moment);
  const c::year_month_day date(day);
  const c::hh_mm_ss time(moment - day);
  char text[64];
  const int length = std::snprintf(text, sizeof text, "%04d%02u%02uT%02d%02d%02dZ", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                                   static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                                   static_cast<int>(time.seconds().count()));
  return {text, static_cast<std::size_t>(length)};
}

std::optional<Time> parse_local_date(std::string_view text) {
  std::int64_t micros = 0;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take(text, 4, '-', year) || !take(text, 2, '-', month) || !take(text, 2, '\0', day)) return std::nullopt;
  if (text.empty() || (text[0] != 'T' && text[0] != ' ')) return std::nullopt;
  text.remove_prefix(1);
  if (!take(text, 2, ':', hour) || !take(text, 2, ':', minute) || !take(text, 2, '\0', second) || !take_fraction(text, micros)) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const time_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const time_t moment = first_time(((days * 24 + hour) * 60 + minute) * 60 + second);
  if (moment > 9'000'000'000 || moment < -9'000'000'000) return std::nullopt;
  return (moment * 1'000'000 + micros) * 1000;
}

}  // namespace cacherator::engine
