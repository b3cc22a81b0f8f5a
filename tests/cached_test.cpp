#include "cacherator/cached.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <thread>

#include "cacherator/cached_method.hpp"
#include "cacherator/logging.hpp"
#include "temporary_folder.hpp"

namespace cacherator {
namespace {

using namespace std::chrono_literals;

struct Point {
  int x = 0, y = 0;
  bool operator==(const Point&) const = default;
};
void to_json(nlohmann::json& json, const Point& point) { json = {{"x", point.x}, {"y", point.y}}; }
void from_json(const nlohmann::json& json, Point& point) {
  json.at("x").get_to(point.x);
  json.at("y").get_to(point.y);
}
void cacherator_signature(std::string& out, const Point& point) { out += "Point(x=" + std::to_string(point.x) + ", y=" + std::to_string(point.y) + ")"; }

class Calculator : public JSONCache {
  double power_(double x, double y) {
    ++computed;
    return std::pow(x, y);
  }
  int negate_(int x) const noexcept { return -x; }

 public:
  explicit Calculator(const TemporaryFolder& folder, Options options = {}) : JSONCache(with(folder, std::move(options))) {}
  static Options with(const TemporaryFolder& folder, Options options) {
    options.directory = folder.path();
    if (options.data_id.empty()) options.data_id = "calc";
    return options;
  }

  mutable std::atomic<int> computed = 0;
  CachedMethod<&Calculator::power_> power{this, {.ttl = 6h}};
  CachedMethod<&Calculator::negate_> negate{this};
  Cached<std::string(std::string, Kw<"k", double>)> label{this, "label", [this](const std::string& text, double k) {
                                                            ++computed;
                                                            return text + ":" + std::to_string(k);
                                                          }};
  Cached<std::vector<int>(std::vector<int>)> doubled{this, "doubled", CallOptions{.ttl = Days{1}}, [this](std::vector<int> in) {
                                                       ++computed;
                                                       for (int& each : in) each *= 2;
                                                       return in;
                                                     }};
  Cached<int(int)> fails{this, "fails", [this](int x) -> int {
                           ++computed;
                           if (x < 0) throw std::domain_error("below zero");
                           return x;
                         }};
  Cached<Point(Point)> mirrored{this, "mirrored", [this](const Point& p) {
                                  ++computed;
                                  return Point{p.y, p.x};
                                }};
  Cached<std::string(int)> bytes{this, "bytes", [this](int n) {
                                   ++computed;
                                   return std::string(static_cast<std::size_t>(n), '\xff');
                                 }};
};

struct CachedTest : testing::Test {
  CachedTest() {
    set_log_sink([this](std::string_view message) {
      std::lock_guard lock(mutex);
      warnings.emplace_back(message);
    });
  }
  ~CachedTest() override { set_log_sink(nullptr); }
  TemporaryFolder folder;
  std::mutex mutex;
  std::vector<std::string> warnings;
};

TEST_F(CachedTest, The_second_call_does_not_compute_and_neither_does_another_object) {
  {
    Calculator calc(folder);
    EXPECT_EQ(calc.power(2, 10), 1024);
    EXPECT_EQ(calc.last_cache_status(), "miss");
    EXPECT_EQ(calc.power(2, 10), 1024);
    EXPECT_EQ(calc.last_cache_status(), "l1");
    EXPECT_EQ(calc.computed, 1);
  }
  Calculator again(folder);
  EXPECT_EQ(again.last_cache_status(), std::nullopt);
  EXPECT_EQ(again.power(2, 10), 1024);
  EXPECT_EQ(again.last_cache_status(), "l1");
  EXPECT_EQ(again.computed, 0);
}

TEST_F(CachedTest, A_call_is_named_as_Python_names_it) {
  Calculator calc(folder);
  calc.power(2, 10);
  calc.label("it's", 2.5);
  calc.mirrored(Point{1, 2});
  calc.negate(3);
  const auto status = calc.cache_status();
  EXPECT_TRUE(status.contains("power(2.0, 10.0){}"));
  EXPECT_TRUE(status.contains("label(\"it's\",){'k': 2.5}"));
  EXPECT_TRUE(status.contains("mirrored(Point(x=1, y=2),){}"));
  EXPECT_TRUE(status.contains("negate(3,){}"));
  EXPECT_EQ(status.size(), 4u);
}

TEST_F(CachedTest, Zero_and_minus_zero_are_two_calls_and_a_NaN_is_one) {
  Calculator calc(folder);
  calc.power(0.0, 1);
  calc.power(-0.0, 1);
  EXPECT_EQ(calc.computed, 2);
  calc.power(std::nan(""), 1);
  calc.power(std::nan(""), 1);
  EXPECT_EQ(calc.computed, 3);
}

TEST_F(CachedTest, A_NaN_comes_back_as_one) {
  Calculator(folder).power(std::nan(""), 1);
  Calculator again(folder);
  EXPECT_TRUE(std::isnan(again.power(std::nan(""), 1)));
  EXPECT_EQ(again.computed, 0);
}

TEST_F(CachedTest, What_a_function_throws_passes_and_is_not_cached) {
  Calculator calc(folder);
  EXPECT_THROW(calc.fails(-1), std::domain_error);
  EXPECT_THROW(calc.fails(-1), std::domain_error);
  EXPECT_EQ(calc.computed, 2);
  EXPECT_FALSE(calc.cache_status().contains("fails(-1,){}"));
}

TEST_F(CachedTest, Lists_and_own_types_come_back_as_they_were) {
  {
    Calculator calc(folder);
    EXPECT_EQ(calc.doubled({1, 2}), (std::vector{2, 4}));
    EXPECT_EQ(calc.mirrored({1, 2}), (Point{2, 1}));
  }
  Calculator again(folder);
  EXPECT_EQ(again.doubled({1, 2}), (std::vector{2, 4}));
  EXPECT_EQ(again.mirrored({1, 2}), (Point{2, 1}));
  EXPECT_EQ(again.computed, 0);
}

TEST_F(CachedTest, Shared_gives_the_memorys_own_value_and_peek_never_computes) {
  Calculator calc(folder);
  EXPECT_EQ(calc.doubled.peek({3}), std::nullopt);
  EXPECT_EQ(calc.computed, 0);
  const auto first = calc.doubled.shared({3});
  EXPECT_EQ(first.get(), calc.doubled.shared({3}).get());
  EXPECT_EQ(calc.doubled.peek({3}), (std::vector{6}));
  EXPECT_EQ(Calculator(folder).doubled.peek({3}), (std::vector{6})) << "what is in the files is found too";
}

TEST_F(CachedTest, What_has_no_text_is_kept_in_memory_and_said_once) {
  Calculator calc(folder);
  EXPECT_EQ(calc.bytes(2), "\xff\xff");
  EXPECT_EQ(calc.bytes(2), "\xff\xff");
  EXPECT_EQ(calc.computed, 1);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("bytes(2,){}"), std::string::npos) << warnings[0];
  EXPECT_NE(warnings[0].find("not UTF-8"), std::string::npos) << warnings[0];
  calc.json_cache_clear("bytes");
  calc.bytes(2);
  EXPECT_EQ(calc.computed, 2) << "a clear reaches what memory alone holds";
}

TEST_F(CachedTest, An_argument_that_is_not_UTF8_is_refused) {
  Calculator calc(folder);
  EXPECT_THROW(calc.label("\xff", 1.0), std::invalid_argument);
}

TEST_F(CachedTest, A_clear_in_one_object_is_seen_by_the_next_call_of_another) {
  Calculator one(folder), two(folder);
  one.power(1, 1);
  two.power(1, 1);
  EXPECT_EQ(two.computed, 0);
  one.json_cache_clear("power");
  two.power(1, 1);
  EXPECT_EQ(two.computed, 1);
  one.json_cache_clear("power(1.0, 1.0){}");
  two.power(1, 1);
  EXPECT_EQ(two.computed, 2);
  one.negate(5);
  one.json_cache_clear();
  EXPECT_EQ(one.json_cache_stats().total_entries, 0u);
  EXPECT_TRUE(one.cache_status().empty());
  one.negate(5);
  one.json_cache_clear("*");
  EXPECT_EQ(one.json_cache_stats().total_entries, 0u);
  EXPECT_TRUE(one.cache_status().empty());
}

TEST_F(CachedTest, The_ttl_of_a_function_is_its_own_or_the_caches) {
  Calculator calc(folder, {.ttl = 0s});
  calc.negate(1);
  calc.power(1, 1);
  EXPECT_EQ(calc.negate.peek(1), std::nullopt) << "a ttl of nothing never hits";
  EXPECT_EQ(calc.power.peek(1, 1), 1.0);
}

TEST_F(CachedTest, With_clear_cache_the_first_call_computes_and_later_ones_hit) {
  struct Fresh : JSONCache {
    explicit Fresh(const TemporaryFolder& folder) : JSONCache({.data_id = "fresh", .directory = folder.path()}) {}
    int computed = 0;
    Cached<int(int)> f{this, "f", {.clear_cache = true}, [this](int x) { return ++computed, x; }};
  };
  for (int run = 0; run < 2; ++run) {
    Fresh object(folder);
    object.f(1);
    object.f(1);
    EXPECT_EQ(object.computed, 1);
  }
}

TEST_F(CachedTest, Statistics_count_calls_of_this_object) {
  Calculator calc(folder);
  for (int i = 0; i < 10; ++i) calc.power(i % 2, 1);
  const auto info = calc.json_cache_info();
  EXPECT_EQ(info.functions.at("power").misses, 2u);
  EXPECT_EQ(info.functions.at("power").hits_l1, 8u);
  EXPECT_EQ(info.entries, 2u);
  const auto stats = calc.json_cache_stats();
  EXPECT_EQ(stats.total_entries, 2u);
  EXPECT_EQ(stats.functions.at("power"), 2u);
}

TEST_F(CachedTest, Eight_threads_compute_one_call_once) {
  Calculator calc(folder);
  struct Slow : JSONCache {
    explicit Slow(const TemporaryFolder& folder) : JSONCache({.data_id = "slow", .directory = folder.path()}) {}
    std::atomic<int> computed = 0;
    Cached<int(int)> f{this, "f", [this](int x) {
                         ++computed;
                         std::this_thread::sleep_for(50ms);
                         if (x < 0) throw std::runtime_error("no");
                         return x;
                       }};
  } slow(folder);
  std::vector<std::jthread> threads;
  std::atomic<int> sum = 0, thrown = 0;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      sum += slow.f(5);
      try {
        slow.f(-1);
      } catch (const std::runtime_error&) {
        ++thrown;
      }
    });
  }
  threads.clear();
  EXPECT_EQ(sum, 40);
  EXPECT_EQ(thrown, 8);
  EXPECT_LE(slow.computed, 1 + 8);
  EXPECT_GE(slow.computed, 2);
}

TEST_F(CachedTest, Recursion_and_calls_of_each_other_over_threads_end) {
  struct Recursive : JSONCache {
    explicit Recursive(const TemporaryFolder& folder) : JSONCache({.data_id = "recursive", .directory = folder.path()}) {}
    Cached<std::uint64_t(int)> fib{this, "fib", [this](int n) -> std::uint64_t { return n < 2 ? static_cast<std::uint64_t>(n) : fib(n - 1) + fib(n - 2); }};
    std::atomic<int> depth = 0;
    Cached<int(int)> a{this, "a", [this](int x) { return depth++ < 6 ? b(x) : x; }};
    Cached<int(int)> b{this, "b", [this](int x) { return depth++ < 6 ? a(x) : x; }};
  } r(folder);
  EXPECT_EQ(r.fib(80), 23416728348467685u);
  std::jthread other([&] { EXPECT_EQ(r.a(1), 1); });
  EXPECT_EQ(r.b(1), 1);
}

TEST_F(CachedTest, Readers_never_see_a_value_that_was_replaced_wrongly) {
  Calculator calc(folder);
  std::atomic<bool> stop = false;
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> readers;
  for (int i = 0; i < 2; ++i) {
    readers.emplace_back([&] {
      for (int k = 0; !stop; k = (k + 1) % 50) {
        if (*calc.doubled.shared({k}) != std::vector{2 * k}) ++wrong;
      }
    });
  }
  for (int i = 0; i < 200; ++i) calc.json_cache_clear("doubled");
  stop = true;
  readers.clear();
  EXPECT_EQ(wrong, 0);
}

TEST_F(CachedTest, The_last_status_is_each_threads_own) {
  Calculator calc(folder);
  calc.power(1, 1);
  std::jthread([&] {
    EXPECT_EQ(calc.last_cache_status(), std::nullopt);
    calc.power(1, 1);
    EXPECT_EQ(calc.last_cache_status(), "l1");
  }).join();
  EXPECT_EQ(calc.last_cache_status(), "miss");
}

TEST_F(CachedTest, A_stored_value_of_another_type_is_computed_anew_with_a_warning) {
  struct Text : JSONCache {
    explicit Text(const TemporaryFolder& folder) : JSONCache({.data_id = "calc", .directory = folder.path()}) {}
    Cached<std::string(double, double)> power{this, "power", [](double, double) { return std::string("text"); }};
  };
  Calculator(folder).power(2, 2);
  Text other(folder);
  EXPECT_EQ(other.power(2, 2), "text");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_NE(warnings[0].find("power(2.0, 2.0){} cannot be restored"), std::string::npos) << warnings[0];
}

TEST_F(CachedTest, Bad_names_and_ttls_throw_at_construction) {
  Calculator calc(folder);
  const auto make = [&](std::string_view name, CallOptions options) {
    Cached<int(int)>(
        &calc, name, [](int x) { return x; }, options);
  };
  EXPECT_THROW(make("", {}), std::invalid_argument);
  EXPECT_THROW(make("f(", {}), std::invalid_argument);
  EXPECT_THROW(make("f", {.ttl = Days{NAN}}), std::invalid_argument);
  EXPECT_THROW(Calculator(folder, {.ttl = Days{NAN}}), std::invalid_argument);
  EXPECT_THROW(Calculator(folder, {.data_id = std::string("a\0b", 3)}), std::invalid_argument);
}

TEST_F(CachedTest, A_timeout_in_which_nothing_can_be_answered_throws_without_a_table_too) {
  EXPECT_THROW(Calculator(folder, {.dynamodb_timeout = 0s}), std::invalid_argument);
  EXPECT_THROW(Calculator(folder, {.dynamodb_connect_timeout = -1s}), std::invalid_argument);
}

TEST_F(CachedTest, Objects_live_in_containers_that_do_not_move_them) {
  std::deque<Calculator> many;
  for (int i = 0; i < 3; ++i) many.emplace_back(folder, Options{.data_id = "calc" + std::to_string(i)});
  for (auto& each : many) each.power(2, 2);
  EXPECT_EQ(many[2].computed, 1);
}

struct Base : JSONCache {
  explicit Base(const TemporaryFolder& folder) : JSONCache({.directory = folder.path()}) {}
  Cached<int(int)> f{this, "f", [](int x) { return x; }};
};
struct Derived : Base {
  using Base::Base;
};
struct HastyBase : JSONCache {
  explicit HastyBase(const TemporaryFolder& folder) : JSONCache({.directory = folder.path()}) { f(1); }
  Cached<int(int)> f{this, "f", [](int x) { return x; }};
};
struct OfHasty : HastyBase {
  using HastyBase::HastyBase;
};

TEST_F(CachedTest, Without_a_data_id_the_class_names_the_cache) {
  Derived derived(folder);
  derived.f(1);
  EXPECT_EQ(derived.data_id(), "Derived");
  derived.json_cache_save();
  EXPECT_TRUE(std::filesystem::exists(folder / "derived.json"));
}

TEST_F(CachedTest, A_name_that_changes_while_the_object_is_built_is_an_error_that_says_so) {
  OfHasty object(folder);
  try {
    object.f(2);
    FAIL() << "it went on under the base's name";
  } catch (const std::logic_error& error) {
    EXPECT_NE(std::string(error.what()).find("give a data_id"), std::string::npos) << error.what();
  }
}

TEST_F(CachedTest, A_cached_function_may_outlive_its_object) {
  std::unique_ptr<Cached<int(int)>> survivor;
  {
    Base object(folder);
    survivor = std::make_unique<Cached<int(int)>>(&object, "g", [](int x) { return x + 1; });
    EXPECT_EQ((*survivor)(1), 2);
  }
  EXPECT_EQ((*survivor)(1), 2);
  EXPECT_EQ((*survivor)(5), 6);
}

}  // namespace
}  // namespace cacherator
