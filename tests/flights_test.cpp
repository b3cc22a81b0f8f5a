#include "flights.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace cacherator::engine {
namespace {

using namespace std::chrono_literals;

struct FlightsTest : testing::Test {
  std::shared_ptr<Flights> flights = std::make_shared<Flights>();

  Lead lead(std::string_view signature, const LineagePtr& lineage = nullptr) {
    auto seat = flights->join(signature, lineage);
    EXPECT_TRUE(std::holds_alternative<Lead>(seat)) << signature << " has a leader already";
    return std::get<Lead>(std::move(seat));
  }
  Wait wait(std::string_view signature, const LineagePtr& lineage = nullptr) {
    auto seat = flights->join(signature, lineage);
    EXPECT_TRUE(std::holds_alternative<Wait>(seat)) << signature << " has no leader to wait for";
    return std::get<Wait>(std::move(seat));
  }
};

TEST_F(FlightsTest, The_first_leads_and_the_second_waits_until_it_lands) {
  Lead first = lead("f(1,){}");
  Wait second = wait("f(1,){}");
  EXPECT_FALSE(second.flight().wait_for(1ms)) << "ended before the leader landed";
  std::thread leader([&] { first.land(); });
  EXPECT_EQ(second.flight().wait_for(10s), Flight::End::kept);
  leader.join();
}

TEST_F(FlightsTest, Different_signatures_do_not_wait_for_each_other) {
  Lead one = lead("f(1,){}");
  Lead two = lead("f(2,){}");
}

TEST_F(FlightsTest, After_landing_the_next_caller_leads_anew) {
  lead("f(1,){}").land();
  lead("f(1,){}").land();
}

TEST_F(FlightsTest, A_lead_that_is_destroyed_abandons_its_flight) {
  std::optional<Wait> waiting;
  {
    Lead first = lead("f(1,){}");
    waiting = wait("f(1,){}");
  }
  EXPECT_EQ(waiting->flight().ended(), Flight::End::abandoned);
  lead("f(1,){}");
}

TEST_F(FlightsTest, Who_waits_gets_the_very_object_that_the_leader_failed_with) {
  Lead first = lead("f(1,){}");
  Wait waiting = wait("f(1,){}");
  auto exception = std::make_shared<int>(42);
  first.fail(exception);
  EXPECT_EQ(waiting.flight().ended(), Flight::End::failed);
  EXPECT_EQ(waiting.flight().failure(), exception);
}

TEST_F(FlightsTest, A_callback_runs_once_at_the_end_and_is_refused_after_it) {
  Lead first = lead("f(1,){}");
  Wait waiting = wait("f(1,){}");
  int called = 0;
  EXPECT_TRUE(waiting.flight().on_end([&] { ++called; }));
  first.land();
  EXPECT_EQ(called, 1);
  EXPECT_FALSE(waiting.flight().on_end([&] { ++called; }));
  EXPECT_EQ(called, 1);
}

TEST_F(FlightsTest, A_call_that_its_own_computation_makes_again_is_computed_not_waited_for) {
  Lead outer = lead("f(1,){}");
  Lead inner = lead("f(1,){}", outer.lineage);
  inner.land();
  wait("f(1,){}");  // the outer flight still runs
}

TEST_F(FlightsTest, Two_computations_that_need_each_other_do_not_both_wait) {
  Lead a = lead("a(){}");
  Lead b = lead("b(){}");
  Wait a_needs_b = wait("b(){}", a.lineage);
  Lead b_needs_a = lead("a(){}", b.lineage);
}

TEST_F(FlightsTest, A_cycle_through_three_computations_and_two_caches_is_seen) {
  auto others = std::make_shared<Flights>();
  Lead a = lead("a(){}");
  auto b = std::get<Lead>(others->join("b(){}", nullptr));
  Lead c = lead("c(){}");
  auto a_needs_b = others->join("b(){}", a.lineage);
  ASSERT_TRUE(std::holds_alternative<Wait>(a_needs_b));
  Wait b_needs_c = wait("c(){}", b.lineage);
  Lead c_needs_a = lead("a(){}", c.lineage);
}

TEST_F(FlightsTest, A_wait_that_has_ended_closes_no_cycle) {
  Lead a = lead("a(){}");
  Lead b = lead("b(){}");
  { Wait a_needs_b = wait("b(){}", a.lineage); }
  Wait b_needs_a = wait("a(){}", b.lineage);
}

TEST_F(FlightsTest, Of_two_waits_for_one_flight_the_second_still_closes_a_cycle_when_the_first_has_ended) {
  Lead a = lead("a(){}");
  Lead b = lead("b(){}");
  Wait one = wait("b(){}", a.lineage);
  { Wait other = wait("b(){}", a.lineage); }
  Lead b_needs_a = lead("a(){}", b.lineage);
}

TEST_F(FlightsTest, A_hundred_thousand_waits_take_no_longer_each_than_one) {
  const Lead running = lead("f(1,){}");
  const Lead outer = lead("f(2,){}");
  const auto begun = std::chrono::steady_clock::now();
  {
    std::vector<Wait> waits;
    for (int i = 0; i < 100'000; ++i) waits.push_back(wait("f(1,){}", i % 2 ? outer.lineage : nullptr));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s) << "were each looked at for each, it would be minutes";
}

TEST_F(FlightsTest, Eight_threads_compute_one_signature_once) {
  std::atomic<int> computed{0};
  std::atomic<bool> done{false};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      while (!done) {
        auto seat = flights->join("f(){}", nullptr);
        if (auto* waiting = std::get_if<Wait>(&seat)) {
          while (!waiting->flight().wait_for(1s)) {
          }
          continue;
        }
        if (done) return;  // the second look of who leads
        ++computed;
        done = true;
        std::get<Lead>(seat).land();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(computed, 1);
}

}  // namespace
}  // namespace cacherator::engine
