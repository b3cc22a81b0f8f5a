#include "cacherator/detail/cache.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "temporary_folder.hpp"

namespace cacherator::engine {
namespace {

using namespace std::chrono_literals;

struct CacheTest : testing::Test {
  TemporaryFolder folder;
  std::shared_ptr<Cache> cache = open("calc");

  std::shared_ptr<Cache> open(std::string data_id) {
    auto opened = Cache::open({.data_id = std::move(data_id), .directory = folder.str()});
    if (!opened) throw std::runtime_error(opened.fault().message);
    return *opened;
  }

  static Lead lead(Cache& cache, const Call& call) {
    auto answer = cache.ask(call);
    EXPECT_TRUE(std::holds_alternative<Lead>(answer)) << call.signature << " is not to be computed";
    return std::get<Lead>(std::move(answer));
  }

  static std::string hit(Cache& cache, const Call& call) {
    auto answer = cache.ask(call);
    if (!std::holds_alternative<Entry>(answer)) return "(no hit)";
    return std::string(std::get<Entry>(answer).value);
  }

  static Kept compute(Cache& cache, std::string_view signature, std::string_view value, double ttl = 999) {
    Lead leading = lead(cache, {.signature = signature, .ttl = ttl});
    Kept kept = cache.keep(leading, signature, {}, value, ttl);
    leading.land();
    return kept;
  }
};

TEST_F(CacheTest, One_hit_by_way_of_the_store_is_enough_for_memories_to_hold_again_for_a_while) {
  compute(*cache, "f(1,){}", "1");
  std::this_thread::sleep_for(150ms);
  EXPECT_FALSE(cache->freshness().current(now())) << "the files are to be looked at again";
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}"}), "1");
  EXPECT_TRUE(cache->freshness().current(now()));
}

TEST_F(CacheTest, What_was_kept_is_a_hit_for_every_object_of_the_same_cache) {
  compute(*cache, "f(1,){}", "[1,2]");
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}"}), "[1,2]");
  EXPECT_EQ(hit(*open("calc"), {.signature = "f(1,){}"}), "[1,2]");
  EXPECT_EQ(hit(*open("other"), {.signature = "f(1,){}"}), "(no hit)");
}

TEST_F(CacheTest, The_ttl_in_force_when_it_is_read_decides) {
  compute(*cache, "f(1,){}", "1", 0.25);
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}", .ttl = 999}), "1");
  std::this_thread::sleep_for(20ms);  // the clock that judges a ttl has steps of 4 ms
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}", .ttl = 1e-9}), "(no hit)");
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}", .ttl = 30}), "1") << "a longer ttl revives it";
}

TEST_F(CacheTest, A_ttl_of_nothing_or_less_never_hits) {
  compute(*cache, "f(1,){}", "1");
  for (double ttl : {0.0, -1.0, std::nan("")}) EXPECT_EQ(hit(*cache, {.signature = "f(1,){}", .ttl = ttl}), "(no hit)");
}

TEST_F(CacheTest, A_call_under_its_old_spelling_is_found_where_the_canonical_one_is_not) {
  compute(*cache, "get(1,){'b': 2}", "\"old\"");
  EXPECT_EQ(hit(*cache, {.signature = "get(1, 2){}", .old_signature = "get(1,){'b': 2}"}), "\"old\"");
  compute(*cache, "get(1, 2){}", "\"new\"");
  EXPECT_EQ(hit(*cache, {.signature = "get(1, 2){}", .old_signature = "get(1,){'b': 2}"}), "\"new\"");
}

TEST_F(CacheTest, A_call_that_recomputes_ignores_what_is_stored_and_replaces_it) {
  compute(*cache, "f(1,){}", "1");
  Lead leading = lead(*cache, {.signature = "f(1,){}", .recompute = true});
  EXPECT_TRUE(cache->keep(leading, "f(1,){}", {}, "2", 999).serial);
  leading.land();
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}"}), "2");
}

TEST_F(CacheTest, A_second_caller_waits_and_then_finds_the_value) {
  Lead leading = lead(*cache, {.signature = "f(1,){}"});
  auto second = cache->ask({.signature = "f(1,){}"});
  ASSERT_TRUE(std::holds_alternative<Wait>(second));
  (void)cache->keep(leading, "f(1,){}", {}, "1", 999);
  leading.land();
  EXPECT_EQ(std::get<Wait>(second).flight().ended(), Flight::End::kept);
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}"}), "1");
}

TEST_F(CacheTest, Objects_of_one_cache_share_its_flights) {
  auto other = open("calc");
  Lead leading = lead(*cache, {.signature = "f(1,){}"});
  EXPECT_TRUE(std::holds_alternative<Wait>(other->ask({.signature = "f(1,){}"})));
}

TEST_F(CacheTest, A_value_computed_while_its_function_was_cleared_is_kept_nowhere) {
  Lead leading = lead(*cache, {.signature = "f(1,){}"});
  ASSERT_TRUE(cache->clear("f"));
  EXPECT_TRUE(cache->keep(leading, "f(1,){}", {}, "1", 999).cleared);
  leading.land();
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}"}), "(no hit)");
}

TEST_F(CacheTest, A_value_that_cannot_be_encoded_learns_of_a_clear_too) {
  Lead before = lead(*cache, {.signature = "f(1,){}"});
  EXPECT_FALSE(cache->keep(before, "f(1,){}", {}, "", 999).cleared);
  ASSERT_TRUE(cache->clear("*"));
  EXPECT_TRUE(cache->keep(before, "f(1,){}", {}, "", 999).cleared);
}

TEST_F(CacheTest, Clearing_a_function_leaves_the_others_and_moves_the_generation) {
  compute(*cache, "f(1,){}", "1");
  compute(*cache, "ff(1,){}", "2");
  const auto generation = cache->freshness().generation.load();
  ASSERT_TRUE(cache->clear("f"));
  EXPECT_NE(cache->freshness().generation.load(), generation);
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}"}), "(no hit)");
  EXPECT_EQ(hit(*cache, {.signature = "ff(1,){}"}), "2");
}

TEST_F(CacheTest, Dropping_one_call_leaves_the_others_of_its_function) {
  compute(*cache, "f(1,){}", "1");
  compute(*cache, "f(2,){}", "2");
  ASSERT_TRUE(cache->drop("f(1,){}"));
  EXPECT_EQ(hit(*cache, {.signature = "f(1,){}"}), "(no hit)");
  EXPECT_EQ(hit(*cache, {.signature = "f(2,){}"}), "2");
}

TEST_F(CacheTest, A_data_id_with_NUL_is_the_callers_mistake) {
  auto opened = Cache::open({.data_id = std::string("a\0b", 3), .directory = folder.str()});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.fault().kind, Fault::Kind::misuse);
  EXPECT_NE(opened.fault().message.find("data_id"), std::string::npos);
}

TEST_F(CacheTest, Sixteen_threads_compute_each_of_a_hundred_calls_once) {
  std::atomic<int> computed{0};
  auto call = [&](int i) {
    const std::string signature = "f(" + std::to_string(i) + ",){}";
    for (;;) {
      auto answer = cache->ask({.signature = signature});
      if (auto* entry = std::get_if<Entry>(&answer)) return std::string(entry->value);
      if (auto* wait = std::get_if<Wait>(&answer)) {
        while (!wait->flight().wait_for(1s)) {
        }
        continue;
      }
      Lead& leading = std::get<Lead>(answer);
      ++computed;
      (void)cache->keep(leading, signature, {}, std::to_string(i * i), 999);
      leading.land();
    }
  };
  std::vector<std::thread> threads;
  for (int t = 0; t < 16; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) EXPECT_EQ(call(i), std::to_string(i * i));
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(computed, 100);
}

}  // namespace
}  // namespace cacherator::engine
