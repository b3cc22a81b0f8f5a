// The second layer over a table in memory: two folders are two machines.
#include "dynamodb/machine.hpp"

#include "dynamodb/gzip.hpp"
#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

class LayerTest : public testing::Test {
 protected:
  std::shared_ptr<MemoryServer> server = std::make_shared<MemoryServer>();

  [[nodiscard]] bool has(const std::string& signature) const { return server->get(key_of(signature)).has_value(); }
  [[nodiscard]] std::string attribute(const std::string& key, const std::string& name) const {
    const auto item = server->get(key);
    return item && item->contains(name) ? item->at(name).value : "";
  }
};

TEST_F(LayerTest, A_value_computed_on_one_machine_is_an_l2_hit_on_the_other_and_an_l1_hit_from_then_on) {
  Machine a(server), b(server);
  EXPECT_EQ(a.call("f(1,){}", "[1, 2]"), (Answered{"[1, 2]", "computed"}));
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(b.call("f(1,){}", "0"), (Answered{"[1, 2]", "l2"}));
  EXPECT_EQ(b.call("f(1,){}", "0"), (Answered{"[1, 2]", "l1"}));
  const auto info = b.layer->info();
  EXPECT_EQ(info.hits, 1u);
  EXPECT_EQ(info.misses, 0u);
  EXPECT_EQ(a.layer->info().written, 1u);
  EXPECT_EQ(a.layer->info().misses, 1u);
}

TEST_F(LayerTest, A_hit_costs_one_read_and_is_not_written_back) {
  Machine a(server), b(server);
  a.call("f(1,){}");
  ASSERT_TRUE(a.flush());
  b.call("f(1,){}");
  b.call("f(1,){}");
  ASSERT_TRUE(b.flush());
  EXPECT_EQ(b.table->count(What::get), 1u);
  EXPECT_EQ(b.table->count(What::put) + b.table->count(What::write) + b.table->count(What::update), 0u);
}

TEST_F(LayerTest, What_one_machine_had_before_is_written_there_when_it_is_returned_and_only_once) {
  Machine a(server), b(server);
  a.table->set_reachable(false);
  a.call("f(1,){}", "7");
  a.restart();
  EXPECT_EQ(a.call("f(1,){}", "0"), (Answered{"7", "l1"}));
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.layer->info().backfilled, 1u);
  EXPECT_EQ(b.call("f(1,){}", "0"), (Answered{"7", "l2"}));
  a.restart();
  EXPECT_EQ(a.call("f(1,){}", "0"), (Answered{"7", "l1"}));
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.layer->info().backfilled, 0u);
}

TEST_F(LayerTest, A_backfill_does_not_replace_a_newer_result) {
  Machine a(server), b(server);
  a.look_up("f(1,){}");
  a.table->set_reachable(false);
  a.call("f(1,){}", "1");
  std::this_thread::sleep_for(20ms);
  b.call("f(1,){}", "2");
  ASSERT_TRUE(b.flush());
  a.restart();
  a.call("f(1,){}");
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(attribute(key_of("f(1,){}"), "data"), "2");
  EXPECT_EQ(a.store->find("f(1,){}", {})->in, a.layer->table());
}

TEST_F(LayerTest, Large_values_are_packed_and_come_back_as_they_were) {
  Machine a(server), b(server);
  const std::string value = '"' + std::string(3'000'000, 'x') + '"';
  a.call("f(1,){}", value);
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(attribute(key_of("f(1,){}"), "data"), "");
  EXPECT_LT(attribute(key_of("f(1,){}"), "gz").size(), 100'000u);
  EXPECT_EQ(b.call("f(1,){}", "0"), (Answered{value, "l2"}));
}

TEST_F(LayerTest, A_result_that_no_item_can_hold_stays_local_and_is_said_once_with_its_function) {
  Machine a(server);
  std::string value = "\"";
  while (value.size() < 1'000'000) value += platform::random_hex(64);
  a.call("big(1,){}", value + '"');
  a.call("small(1,){}");
  ASSERT_TRUE(a.flush());
  EXPECT_FALSE(has("big(1,){}"));
  EXPECT_TRUE(has("small(1,){}"));
  EXPECT_EQ(a.layer->info().too_large, 1u);
  EXPECT_NE(a.notes().find("'big'"), std::string::npos) << a.notes();
  EXPECT_NE(a.notes().find("400 KiB"), std::string::npos);
  a.call("big(1,){}");
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.layer->info().too_large, 1u);
  const std::string notes = a.notes();
  a.call("big(2,){}", value + "0\"");
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.layer->info().too_large, 2u);
  EXPECT_EQ(a.notes(), notes) << "it is another size, and nothing new";
  a.call("other(1,){}", value + '"');
  ASSERT_TRUE(a.flush());
  EXPECT_NE(a.notes().find("'other'"), std::string::npos);
}

TEST_F(LayerTest, A_bomb_is_said_and_is_a_miss) {
  Machine a(server), b(server);
  a.call("f(1,){}", "1");
  ASSERT_TRUE(a.flush());
  auto item = *server->get(key_of("f(1,){}"));
  item.erase("data");
  const std::string bomb = *gzip(std::string(kMaxValue + 1, ' '), kLargestItem);
  ASSERT_LT(bomb.size(), kLargestItem);
  item["gz"] = bytes_attribute(bomb);
  server->put(item);
  EXPECT_EQ(b.call("f(1,){}", "2"), (Answered{"2", "computed"}));
  EXPECT_NE(b.notes().find("an entry of 'f'"), std::string::npos) << b.notes();
}

TEST_F(LayerTest, What_is_no_JSON_never_reaches_the_files) {
  Machine a(server), b(server);
  a.call("f(1,){}", "1");
  ASSERT_TRUE(a.flush());
  auto item = *server->get(key_of("f(1,){}"));
  item["data"] = text_attribute("1}, \"x\": {");
  server->put(item);
  EXPECT_EQ(b.call("f(1,){}", "2"), (Answered{"2", "computed"}));
}

TEST_F(LayerTest, Entries_that_have_ended_are_never_hits) {
  Clock clock;
  Machine a(server), b(server);
  a.call("f(1,){}", "1", 0.001);
  a.call("g(1,){}", "1", 10);
  ASSERT_TRUE(a.flush());
  clock.move(0.001 * 86400 + 1);
  EXPECT_EQ(b.call("f(1,){}", "2", 10).from, "computed");
  EXPECT_EQ(b.call("g(1,){}", "2", 0.001).from, "computed") << "the ttl in force here is shorter";
  Machine c(server);
  clock.move(-3 * 86400);
  EXPECT_EQ(c.call("g(1,){}", "3", 10).from, "computed") << "dated more than a day ahead";
}

TEST_F(LayerTest, Results_of_a_ttl_of_nothing_are_not_written) {
  Machine a(server);
  a.keep("f(1,){}", "1", 0, a.store->clock(), "");
  a.look_up("g(1,){}");
  ASSERT_TRUE(a.flush());
  EXPECT_FALSE(has("f(1,){}"));
  EXPECT_FALSE(a.look_up("f(1,){}", 0));
}

TEST_F(LayerTest, A_lost_item_of_tokens_is_made_again_and_is_no_clear) {
  Machine a(server), b(server);
  a.call("f(1,){}", "1");
  a.clear("g");
  ASSERT_TRUE(a.flush());
  const auto before = *server->get(kKeys.tokens);
  server->erase(kKeys.tokens);
  a.look_up("h(1,){}");
  EXPECT_EQ(read_tokens(*server->get(kKeys.tokens)), read_tokens(before));
  EXPECT_EQ(b.call("f(1,){}", "0"), (Answered{"1", "l2"}));
}

TEST_F(LayerTest, Where_nobody_knows_the_tokens_that_were_lost_nothing_counts) {
  Machine a(server), b(server);
  a.call("f(1,){}", "1");
  ASSERT_TRUE(a.flush());
  server->erase(kKeys.tokens);
  EXPECT_EQ(b.call("f(1,){}", "2").from, "computed");
}

TEST_F(LayerTest, Machines_that_begin_at_once_agree_on_the_tokens) {
  std::vector<std::unique_ptr<Machine>> machines;
  for (int i = 0; i < 4; ++i) machines.push_back(std::make_unique<Machine>(server));
  std::vector<std::thread> threads;
  for (auto& machine : machines) threads.emplace_back([&machine] { machine->look_up("f(1,){}"); });
  for (auto& thread : threads) thread.join();
  const auto there = read_tokens(*server->get(kKeys.tokens));
  for (auto& machine : machines) EXPECT_EQ(machine->store->tokens(machine->layer->table()), there);
}

TEST_F(LayerTest, A_table_out_of_reach_costs_a_call_nothing) {
  Machine a(server);
  a.table->set_reachable(false);
  EXPECT_FALSE(a.look_up("f(1,){}"));
  EXPECT_EQ(a.call("f(1,){}", "1").from, "computed");
  EXPECT_EQ(a.table->count(What::get), 0u);
}

TEST_F(LayerTest, What_was_computed_while_the_table_was_out_of_reach_reaches_it_later) {
  Machine a(server), b(server);
  a.table->set_reachable(false);
  a.call("f(1,){}", "1");
  a.call("f(2,){}", "2");
  a.table->set_reachable(true);
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(b.call("f(1,){}", "0"), (Answered{"1", "l2"}));
  EXPECT_EQ(b.call("f(2,){}", "0"), (Answered{"2", "l2"}));
}

TEST_F(LayerTest, Without_a_flush_it_reaches_the_table_too) {
  Machine a(server);
  a.table->set_reachable(false);
  a.call("f(1,){}", "1");
  a.table->set_reachable(true);
  EXPECT_TRUE(eventually([&] { return has("f(1,){}"); }, 10s));
}

TEST_F(LayerTest, What_is_returned_from_the_files_while_the_table_is_out_of_reach_reaches_it_later_at_no_request) {
  Machine a(server);
  a.table->set_reachable(false);
  a.call("f(1,){}", "1");
  a.restart();
  a.table->set_reachable(false);
  EXPECT_EQ(a.call("f(1,){}"), (Answered{"1", "l1"}));
  EXPECT_EQ(a.layer->info().queued, 1u);
  EXPECT_EQ(a.table->count(What::put), 0u);
  a.table->set_reachable(true);
  EXPECT_TRUE(eventually([&] { return has("f(1,){}"); }, 10s));
}

TEST_F(LayerTest, Of_a_call_that_is_computed_again_and_again_the_last_result_is_in_the_table_and_requests_never_cross) {
  Machine a(server);
  a.look_up("f(0,){}");
  a.table->decide(
      [](What, const std::string&) { return Fate{.before = std::chrono::milliseconds(std::rand() % 3), .after = std::chrono::milliseconds(std::rand() % 3)}; });
  for (int round = 0; round < 200; ++round) {
    const std::string signature = "f(" + std::to_string(round % 5) + ",){}";
    a.keep(signature, std::to_string(round), 1, a.store->clock(), a.store->tokens_of(a.layer->table(), signature, {}));
  }
  ASSERT_TRUE(a.flush());
  EXPECT_FALSE(a.table->crossed());
  for (int i = 0; i < 5; ++i) EXPECT_EQ(attribute(key_of("f(" + std::to_string(i) + ",){}"), "data"), std::to_string(195 + i));
  EXPECT_LT(a.table->count(What::put) + a.table->count(What::write), 150u) << "results that were replaced before they were sent are not sent";
}

TEST_F(LayerTest, Many_results_go_in_batches_of_25) {
  Machine a(server);
  a.look_up("f(0,){}");
  a.table->decide([](What, const std::string&) { return Fate{.after = 50ms}; });
  for (int i = 0; i < 200; ++i) a.keep("f(" + std::to_string(i) + ",){}", "1", 1, 0, a.store->tokens_of(a.layer->table(), "f", {}));
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.table->largest_write(), 25u);
  EXPECT_LE(a.table->count(What::write), 12u);
  EXPECT_TRUE(has("f(199,){}"));
}

TEST_F(LayerTest, The_queue_is_bounded_and_what_it_gives_up_is_counted_said_once_and_kept_locally) {
  Machine a(server);
  a.look_up("f(0,){}");
  a.table->set_reachable(false);
  const std::string value = '"' + std::string(1 << 20, 'x') + '"';
  std::string notes;
  for (int i = 0; i < 20; ++i) {
    a.call("f(" + std::to_string(i) + ",){}", value);
    notes = a.notes();
  }
  const auto info = a.layer->info();
  EXPECT_LE(info.queued_bytes, 16u << 20);
  EXPECT_EQ(info.queued + info.dropped, 20u);
  EXPECT_GE(info.dropped, 4u);
  EXPECT_NE(notes.find("16 MiB"), std::string::npos);
  EXPECT_EQ(notes.find("16 MiB"), notes.rfind("16 MiB")) << notes;
  a.table->set_reachable(true);
  const auto flushed = a.flush();
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.fault().message.find(std::to_string(info.dropped) + " of 20 results have not reached"), 0u) << flushed.fault().message;
  EXPECT_TRUE(a.flush()) << "it is told once";
  EXPECT_FALSE(has("f(0,){}"));
  EXPECT_TRUE(has("f(19,){}"));
  EXPECT_EQ(a.local("f(0,){}")->value, value);
}

TEST_F(LayerTest, One_that_the_server_finds_wrong_does_not_stop_the_others_of_its_batch) {
  Machine a(server);
  a.look_up("f(0,){}");
  const std::string bad = key_of("f(2,){}");
  std::atomic<bool> slow{true};
  a.table->decide([&](What what, const std::string& key) {
    if (what == What::write) return Fate{.fails = Failure::Kind::invalid, .arrives = false};
    if (what == What::put && key == bad) return Fate{.fails = Failure::Kind::invalid, .arrives = false};
    return Fate{.before = slow ? 30ms : 0ms};
  });
  for (int i = 0; i < 8; ++i) a.keep("f(" + std::to_string(i) + ",){}", "1", 1, 0, a.store->tokens_of(a.layer->table(), "f", {}));
  EXPECT_FALSE(a.flush());
  for (int i = 0; i < 8; ++i) EXPECT_EQ(has("f(" + std::to_string(i) + ",){}"), i != 2) << i;
  EXPECT_EQ(a.layer->info().dropped, 1u);
  a.local("f(2,){}");
  EXPECT_TRUE(a.flush()) << "it is not tried again";
  a.table->decide(nullptr);
}

TEST_F(LayerTest, A_flush_says_what_did_not_go_and_why) {
  Machine a(server);
  a.look_up("f(0,){}");
  a.table->decide([](What what, const std::string&) { return what == What::put || what == What::write ? Fate{.before = 10s} : Fate{}; });
  for (int i = 0; i < 3; ++i) a.keep("f(" + std::to_string(i) + ",){}", "1", 1, 0, a.store->tokens_of(a.layer->table(), "f", {}));
  const auto flushed = a.flush(200ms);
  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.fault().message.find("3 of 3 results have not reached the table 'fleet' (at most 0.2 s are waited): it has not answered yet; "), 0u)
      << flushed.fault().message;
}

TEST_F(LayerTest, A_flush_does_not_wait_long_for_a_table_that_is_out_of_reach) {
  Machine a(server);
  a.look_up("f(0,){}");
  a.table->set_reachable(false);
  a.call("f(1,){}");
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(a.flush(10s));
  EXPECT_LT(std::chrono::steady_clock::now() - began, 3s);
}

TEST_F(LayerTest, A_table_that_stays_out_of_reach_is_waited_for_by_the_first_flush_alone) {
  Machine a(server);
  a.look_up("f(0,){}");
  const auto flushed = [&] {
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_FALSE(a.flush());
    return std::chrono::steady_clock::now() - begin;
  };
  a.table->set_reachable(false);
  a.call("f(1,){}");
  EXPECT_GT(flushed(), 1s);
  EXPECT_LT(flushed(), 100ms);
  a.table->set_reachable(true);
  ASSERT_TRUE(a.flush());
  a.table->set_reachable(false);
  a.call("f(2,){}");
  EXPECT_GT(flushed(), 1s) << "another outage";
}

TEST_F(LayerTest, A_layer_that_nobody_holds_still_writes_what_it_has) {
  Machine a(server);
  a.look_up("f(0,){}");
  a.table->set_reachable(false);
  a.call("f(1,){}");
  a.layer = nullptr;
  a.store = nullptr;
  a.table->set_reachable(true);
  flush_layers(5s);
  EXPECT_TRUE(has("f(1,){}"));
}

TEST_F(LayerTest, In_the_child_of_a_fork_the_queue_is_the_parents_and_the_cache_works) {
  SKIP_WHERE_FORK_AND_THREADS_DO_NOT_MIX();
  SKIP_WHERE_THE_ALLOCATOR_MAY_STAY_LOCKED();
  Machine a(server);
  a.look_up("f(0,){}");
  a.table->set_reachable(false);
  a.call("f(1,){}");
  Process child([&](Process&) {
    a.table = MemoryTable::make(std::make_shared<MemoryServer>());
    if (a.layer->info().queued != 0) return false;
    return a.call("g(1,){}", "3").from == "computed" && a.flush() && a.layer->info().written == 1;
  });
  EXPECT_TRUE(child.well());
  EXPECT_EQ(a.layer->info().queued, 1u);
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
