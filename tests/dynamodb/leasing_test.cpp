// One computation among machines (single_flight="fleet").
#include "dynamodb/machine.hpp"
#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

class LeasingTest : public testing::Test {
 protected:
  std::shared_ptr<MemoryServer> server = std::make_shared<MemoryServer>();
  std::atomic<int> bodies{0};

  static CacheOptions fleet(std::chrono::nanoseconds wait = 20s) { return {.single_flight_wait = wait, .fleet = true}; }
  Answered slow_call(Machine& machine, std::chrono::milliseconds takes = 300ms) {
    return machine.call("f(1,){}", [&] {
      ++bodies;
      std::this_thread::sleep_for(takes);
      return std::string("7");
    });
  }
  [[nodiscard]] std::string lead() const { return value("lead"); }
  [[nodiscard]] std::string value(const std::string& name) const {
    const auto item = server->get(key_of("f(1,){}"));
    return item && item->contains(name) ? item->at(name).value : "";
  }
  void put_lease(double seconds) const {
    server->put({{"cache_id", text_attribute(key_of("f(1,){}"))},
                 {"lead", text_attribute("somebody")},
                 {"until", seconds_attribute(now() + static_cast<Time>(seconds * 1e9))}});
  }
  template <class Do>
  static std::chrono::milliseconds time_of(Do what) {
    const auto began = std::chrono::steady_clock::now();
    what();
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  }
};

TEST_F(LeasingTest, Two_machines_compute_once_and_the_other_one_gets_it_as_l2) {
  Machine a(server, fleet()), b(server, fleet()), c(server, fleet());
  std::vector<Answered> answers(3);
  std::vector<std::thread> threads;
  Machine* machines[] = {&a, &b, &c};
  for (std::size_t i = 0; i < 3; ++i) threads.emplace_back([&, i] { answers[i] = slow_call(*machines[i]); });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(bodies, 1);
  EXPECT_EQ(std::count(answers.begin(), answers.end(), (Answered{"7", "l2"})), 2);
  EXPECT_EQ(lead(), "");
}

TEST_F(LeasingTest, Without_fleet_each_machine_computes_and_no_lease_is_written) {
  Machine a(server), b(server);
  std::thread other([&] { slow_call(b); });
  slow_call(a);
  other.join();
  EXPECT_EQ(bodies, 2);
  EXPECT_EQ(a.table->count(What::update), 0u);
}

TEST_F(LeasingTest, A_dead_leaders_lease_is_taken_over_when_it_has_ended) {
  Machine a(server, fleet());
  put_lease(0.5);
  const auto took = time_of([&] { EXPECT_EQ(slow_call(a, 0ms).from, "computed"); });
  EXPECT_GE(took, 450ms);
  EXPECT_LT(took, 5s);
}

TEST_F(LeasingTest, A_lease_of_a_clock_that_is_wrong_stops_nobody) {
  Machine a(server, fleet());
  put_lease(3600);
  EXPECT_LT(time_of([&] { slow_call(a, 0ms); }), 1s);
}

TEST_F(LeasingTest, Leases_go_by_the_servers_clock) {
  Machine a(server, fleet());
  a.table->set_clock([] { return now() - 3600 * kSecond; });
  a.look_up("f(1,){}");
  EXPECT_NEAR(std::stod(value("until")), static_cast<double>(now() / kSecond) - 3590, 5);
}

TEST_F(LeasingTest, A_wait_ends_with_single_flight_wait_and_then_the_machine_computes) {
  Machine a(server, fleet(700ms));
  put_lease(9);
  const auto took = time_of([&] { EXPECT_EQ(slow_call(a, 0ms).from, "computed"); });
  EXPECT_LT(took, 2s);
  Machine b(server, fleet(0s));
  put_lease(9);
  EXPECT_LT(time_of([&] { b.call("g(1,){}"); }), 500ms);
}

TEST_F(LeasingTest, A_computation_that_fails_gives_its_lease_back_at_once) {
  Machine a(server, fleet()), b(server, fleet());
  a.look_up("f(1,){}");
  Lease lease = a.layer->lease("f(1,){}");
  ASSERT_TRUE(lease);
  EXPECT_FALSE(a.layer->lease("f(1,){}")) << "once";
  EXPECT_NE(lead(), "");
  lease = nullptr;
  EXPECT_TRUE(eventually([&] { return lead().empty(); }));
  EXPECT_LT(time_of([&] { slow_call(b, 0ms); }), 1s);
}

TEST_F(LeasingTest, A_lease_is_not_given_back_before_the_result_is_there) {
  Machine a(server, fleet()), b(server, fleet());
  a.table->decide([](What what, const std::string&) { return Fate{.before = what == What::put ? 500ms : 0ms}; });
  slow_call(a, 0ms);
  EXPECT_EQ(slow_call(b), (Answered{"7", "l2"}));
  EXPECT_EQ(bodies, 1);
}

TEST_F(LeasingTest, A_result_that_the_table_cannot_have_gives_it_back) {
  Machine a(server, fleet());
  a.call("f(1,){}", [&] {
    std::string value = "\"";
    while (value.size() < 1'000'000) value += platform::random_hex(64);
    return value + '"';
  });
  EXPECT_TRUE(eventually([&] { return lead().empty(); }));
}

TEST_F(LeasingTest, A_lease_that_nobody_asks_for_goes_back_after_five_seconds) {
  Machine a(server, fleet());
  a.look_up("f(1,){}");
  EXPECT_NE(lead(), "");
  std::this_thread::sleep_for(4500ms);
  EXPECT_NE(lead(), "");
  EXPECT_TRUE(eventually([&] { return lead().empty(); }));
}

TEST_F(LeasingTest, A_lease_is_renewed_while_it_is_held) {
  Machine a(server, fleet());
  a.look_up("f(1,){}");
  const Lease lease = a.layer->lease("f(1,){}");
  const double first = std::stod(value("until"));
  std::this_thread::sleep_for(3500ms);
  EXPECT_GT(std::stod(value("until")), first + 2);
}

// Trap 2: the leader has stored its result while the request for a lease was on its way.
TEST_F(LeasingTest, A_lease_that_comes_after_the_result_is_none_and_leaves_it_whole) {
  Machine a(server, fleet()), b(server);
  b.look_up("h(1,){}");
  a.table->decide([](What what, const std::string&) { return Fate{.before = what == What::update ? 300ms : 0ms}; });
  std::thread other([&] {
    std::this_thread::sleep_for(100ms);
    b.call("f(1,){}", "5");
    EXPECT_TRUE(b.flush());
  });
  EXPECT_EQ(slow_call(a), (Answered{"5", "l2"}));
  other.join();
  EXPECT_EQ(bodies, 0);
}

// Trap 3: a request whose answer was lost is sent again, and finds itself.
TEST_F(LeasingTest, A_request_for_a_lease_that_is_carried_out_twice_recognises_itself) {
  server->repeat_updates();
  Machine a(server, fleet());
  EXPECT_LT(time_of([&] { EXPECT_EQ(slow_call(a, 0ms).from, "computed"); }), 1s);
}

TEST_F(LeasingTest, A_result_outdated_by_the_ttl_in_force_here_does_not_stop_a_lease) {
  Clock clock;
  Machine a(server, fleet()), b(server, fleet());
  a.call("f(1,){}", "1", 10);
  ASSERT_TRUE(a.flush());
  clock.move(2 * 86400);
  b.look_up("f(1,){}", 1);
  EXPECT_TRUE(b.layer->lease("f(1,){}"));
  EXPECT_EQ(value("data"), "1");
}

TEST_F(LeasingTest, After_a_clear_the_old_result_does_not_stop_a_lease) {
  Machine a(server, fleet()), b(server, fleet());
  a.call("f(1,){}", "1");
  ASSERT_TRUE(a.flush());
  a.clear("f");
  b.look_up("f(1,){}");
  EXPECT_TRUE(b.layer->lease("f(1,){}"));
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
