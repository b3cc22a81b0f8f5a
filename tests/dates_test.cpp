#include "local/dates.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

namespace cacherator::engine {
namespace {

constexpr Time kHour = 3600 * kSecond;

/// Local time is that of Berlin, said in a way that needs no time zone files.
class DatesTest : public testing::Test {
 protected:
  DatesTest() {
    if (const char* zone = getenv("TZ")) before_ = zone;
    in_zone("CET-1CEST,M3.5.0,M10.5.0/3");
  }
  ~DatesTest() override {
    before_ ? setenv("TZ", before_->c_str(), 1) : unsetenv("TZ");
    tzset();
  }
  static void in_zone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  static std::string written(Time utc) {
    std::string text;
    append_local_date(text, utc);
    return text;
  }

 private:
  std::optional<std::string> before_;
};

constexpr Time kNovember = 1795419278 * kSecond;      // 2026-11-23T07:34:38 UTC
constexpr Time kTwoInMarch = 1774746000 * kSecond;    // 2026-03-29T01:00:00 UTC: clocks go on
constexpr Time kTwoInOctober = 1792890000 * kSecond;  // 2026-10-25T01:00:00 UTC: clocks go back

TEST_F(DatesTest, A_date_is_local_time_with_six_digits_always) {
  EXPECT_EQ(written(kNovember + 123456000), "2026-11-23T08:34:38.123456");
  EXPECT_EQ(written(kNovember), "2026-11-23T08:34:38.000000");
  EXPECT_EQ(written(kNovember + 1000), "2026-11-23T08:34:38.000001");
  EXPECT_EQ(written(0), "1970-01-01T01:00:00.000000");
  in_zone("UTC0");
  EXPECT_EQ(written(kNovember + 999999999), "2026-11-23T07:34:38.999999") << "nanoseconds are cut, never rounded into the future";
}

TEST_F(DatesTest, What_is_written_is_read_to_the_microsecond) {
  for (const Time utc : {kNovember + 123456000, kTwoInMarch - 1000, kTwoInMarch, kTwoInMarch + kHour / 2, kTwoInOctober + kHour, Time{0}, Time{1000},
                         Time{-1000}, -kHour + 999999000, -25 * 365 * 24 * kHour + 1000, 4102444800 * kSecond}) {
    EXPECT_EQ(parse_local_date(written(utc)), utc) << written(utc);
  }
}

TEST_F(DatesTest, What_another_machine_dated_may_be_as_old_as_its_zone_can_make_it) {
  EXPECT_EQ(earliest_of_that_date(kNovember), kNovember - 14 * kHour);
  in_zone("UTC0");
  EXPECT_EQ(earliest_of_that_date(kNovember), kNovember - 15 * kHour);
  in_zone("XXX12");  // the last zone of all
  EXPECT_EQ(earliest_of_that_date(kNovember), kNovember - 27 * kHour);
}

TEST_F(DatesTest, A_fraction_has_one_to_six_digits_or_is_not_there) {
  EXPECT_EQ(parse_local_date("2026-11-23T08:34:38"), kNovember);
  EXPECT_EQ(parse_local_date("2026-11-23T08:34:38.5"), kNovember + kSecond / 2);
  EXPECT_EQ(parse_local_date("2026-11-23T08:34:38.000001"), kNovember + 1000);
  EXPECT_EQ(parse_local_date("2026-11-23 08:34:38.25"), kNovember + kSecond / 4);
  for (const char* text : {"2026-11-23T08:34:38.", "2026-11-23T08:34:38.1234567", "2026-11-23T08:34:38,5", "2026-11-23T08:34:38.12x"}) {
    EXPECT_EQ(parse_local_date(text), std::nullopt) << text;
  }
}

TEST_F(DatesTest, What_is_no_date_is_none) {
  for (const char* text : {"",
                           "2026",
                           "2026-11-23",
                           "2026-11-23T",
                           "2026-11-23T08:34",
                           "2026-11-23T08:34:38Z",
                           "2026-11-23T08:34:38+01:00",
                           "26-11-23T08:34:38",
                           "2026-1-23T08:34:38",
                           "2026/11/23T08:34:38",
                           "2026-11-23x08:34:38",
                           " 2026-11-23T08:34:38",
                           "2026-11-23T08:34:38 ",
                           "-026-11-23T08:34:38",
                           "2026-00-23T08:34:38",
                           "2026-13-23T08:34:38",
                           "2026-11-00T08:34:38",
                           "2026-11-31T08:34:38",
                           "2026-02-29T08:34:38",
                           "2026-11-23T24:34:38",
                           "2026-11-23T08:60:38",
                           "2026-11-23T08:34:61",
                           "9999-12-31T23:59:59",
                           "1795419278",
                           "None"}) {
    EXPECT_EQ(parse_local_date(text), std::nullopt) << text;
  }
  EXPECT_TRUE(parse_local_date("2028-02-29T08:34:38"));
}

TEST_F(DatesTest, The_second_before_1970_is_a_date) {
  in_zone("UTC0");
  EXPECT_EQ(parse_local_date("1969-12-31T23:59:59"), -kSecond) << "mktime says -1 for it, as for mistakes";
}

TEST_F(DatesTest, An_hour_that_comes_twice_is_its_first_whatever_was_read_before) {
  const Time first = kTwoInOctober - kHour / 2;  // 02:30 in summer time
  ASSERT_EQ(written(first), "2026-10-25T02:30:00.000000");
  ASSERT_EQ(written(first + kHour), "2026-10-25T02:30:00.000000");
  for (const char* before : {"2026-07-01T12:00:00", "2026-12-01T12:00:00", "2026-10-25T04:00:00", "2026-10-24T04:00:00"}) {
    (void)parse_local_date(before);
    EXPECT_EQ(parse_local_date("2026-10-25T02:30:00"), first) << "after " << before;
  }
}

TEST_F(DatesTest, An_hour_that_is_left_out_is_near_to_where_it_would_be) {
  for (const char* before : {"2026-07-01T12:00:00", "2026-12-01T12:00:00"}) {
    (void)parse_local_date(before);
    const auto read = parse_local_date("2026-03-29T02:30:00");
    ASSERT_TRUE(read);
    EXPECT_LE(std::abs(*read - kTwoInMarch), kHour / 2) << "after " << before;
  }
}

TEST_F(DatesTest, A_stamp_is_in_UTC_and_rounded_down) {
  EXPECT_EQ(utc_stamp(0), "19700101T000000Z");
  EXPECT_EQ(utc_stamp(-1), "19691231T235959Z");
  EXPECT_EQ(utc_stamp(1795487654 * kSecond + 999'999'999), "20261124T023414Z");
  EXPECT_EQ(utc_stamp(1709164799 * kSecond), "20240228T235959Z");
}

}  // namespace
}  // namespace cacherator::engine
