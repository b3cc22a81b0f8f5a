// Dates: any text is refused or means one time, always the same; a time that is written is read again, in several time zones.
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "fuzz.hpp"
#include "local/dates.hpp"
#include "local/json_text.hpp"

using namespace cacherator;
using fuzz::check;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static constexpr const char* kZones[] = {"UTC0",           "Europe/Berlin", "America/New_York", "Australia/Lord_Howe",
                                           "Asia/Kathmandu", "Pacific/Apia",  "Africa/Monrovia"};
  static std::size_t zone = std::size(kZones);
  if (size < 1) return 0;
  if (const std::size_t wanted = data[0] % std::size(kZones); wanted != zone) {
    setenv("TZ", kZones[zone = wanted], 1);
    tzset();
  }
  const auto text = fuzz::text_of(data + 1, size - 1);
  const auto found = engine::parse_local_date(text);
  if (found) {
    constexpr engine::Time kEdge = 9'001'000'000 * engine::kSecond;
    check(*found <= kEdge && *found >= -kEdge, "a date is within the sensible range");
    std::string winter;
    engine::append_local_date(winter, *found - 4000 * 3600 * engine::kSecond);
    (void)engine::parse_local_date(winter);
    check(engine::parse_local_date(text) == found, "a date means the same time, whatever was read before");
  }
  if (size < 1 + sizeof(double)) return 0;
  double seconds;
  std::memcpy(&seconds, data + 1, sizeof seconds);
  const auto time = engine::time_of(seconds);
  if (!time) return 0;
  std::string written, number;
  engine::append_local_date(written, *time);
  check(written.size() == 26, "a written date has 26 characters");
  const auto read = engine::parse_local_date(written);
  check(read.has_value(), "a date that was written is read");
  check(*read % engine::kSecond == *time % engine::kSecond, "to the microsecond");
  check(zone != 0 || *read == *time, "in UTC it is the same time");
  // Where clocks are set back, an hour (by a half, by a day) is met twice.
  check(std::abs(*read - *time) <= 24 * 3600 * engine::kSecond, "elsewhere the same but for a repeated hour");
  engine::append_seconds(number, *time);
  if (std::abs(seconds) > 4e9) return 0;  // from 2106 on a double does not tell one microsecond from the next
  check(engine::time_of(std::strtod(number.c_str(), nullptr)) == *time, "seconds that were written are read");
  return 0;
}
