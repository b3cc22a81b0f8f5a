// What was cleared never comes back, whatever is slow, lost, late or carried out twice.
#include "cacherator/detail/text.hpp"
#include "dynamodb/machine.hpp"
#include "dynamodb/tokens.hpp"

namespace cacherator::engine::dynamodb {
namespace {

const std::string kOld = "\"old\"", kNew = "\"new\"";

class ClearingTest : public testing::Test {
 protected:
  std::shared_ptr<MemoryServer> server = std::make_shared<MemoryServer>();

  [[nodiscard]] TableTokens tokens() const { return read_tokens(*server->get(kKeys.tokens)).value_or(TableTokens{}); }
};

class ClearingEachKindTest : public ClearingTest, public testing::WithParamInterface<const char*> {};
INSTANTIATE_TEST_SUITE_P(Kinds, ClearingEachKindTest, testing::Values("*", "f", "f(1,){}"), [](const auto& kind) {
  return std::string(kind.param) == "*" ? "all" : std::string(kind.param) == "f" ? "a_function" : "one_call";
});

TEST_P(ClearingEachKindTest, It_is_gone_for_all_machines_that_do_not_have_it_yet) {
  Machine a(server), b(server);
  a.call("f(1,){}", "1");
  a.call("g(1,){}", "1");
  ASSERT_TRUE(a.flush());
  a.clear(GetParam());
  EXPECT_EQ(a.pending(), 0u);
  EXPECT_EQ(b.call("f(1,){}", "2").from, "computed");
  EXPECT_EQ(b.call("g(1,){}", "2").from, std::string(GetParam()) == "*" ? "computed" : "l2");
  ASSERT_TRUE(b.flush());
  EXPECT_EQ(a.call("f(1,){}", "3"), (Answered{"2", "l2"}));
}

TEST_P(ClearingEachKindTest, A_backfill_from_a_machine_that_has_it_still_does_not_bring_it_back) {
  Machine a(server), b(server), c(server);
  b.look_up("h(1,){}");
  b.table->set_reachable(false);
  b.call("f(1,){}", kOld);
  a.clear(GetParam());
  b.restart();
  EXPECT_EQ(b.call("f(1,){}", "0"), (Answered{kOld, "l1"})) << "a machine's own files do not see a clear of another one";
  ASSERT_TRUE(b.flush());
  EXPECT_EQ(c.call("f(1,){}", kNew).from, "computed");
}

TEST_P(ClearingEachKindTest, Nor_does_one_that_has_read_of_the_clear_by_now) {
  Machine a(server), b(server), c(server);
  b.look_up("h(1,){}");
  b.table->set_reachable(false);
  b.call("f(1,){}", kOld);
  a.clear(GetParam());
  b.restart();
  b.look_up("h(2,){}");
  EXPECT_TRUE(b.local("f(1,){}"));
  ASSERT_TRUE(b.flush());
  EXPECT_EQ(c.call("f(1,){}", kNew).from, "computed");
}

TEST_P(ClearingEachKindTest, A_computation_that_began_before_it_does_not_bring_it_back) {
  Machine a(server), b(server), c(server);
  EXPECT_EQ(b.call("f(1,){}",
                   [&] {
                     a.clear(GetParam());
                     return kOld;
                   })
                .from,
            "computed");
  ASSERT_TRUE(b.flush());
  EXPECT_EQ(c.call("f(1,){}", kNew).from, "computed");
}

TEST_P(ClearingEachKindTest, A_write_that_arrives_after_it_does_not_bring_it_back) {
  Machine a(server), b(server);
  a.look_up("h(1,){}");
  a.table->decide([](What what, const std::string&) { return Fate{.before = what == What::put ? 200ms : 0ms, .once_more = 100ms}; });
  a.call("f(1,){}", kOld);
  std::this_thread::sleep_for(50ms);
  a.clear(GetParam());
  ASSERT_TRUE(a.flush());
  std::this_thread::sleep_for(150ms);
  EXPECT_EQ(b.call("f(1,){}", kNew).from, "computed");
  EXPECT_FALSE(a.local("f(1,){}"));
}

TEST_P(ClearingEachKindTest, Made_while_the_table_is_out_of_reach_it_is_told_before_anything_is_read) {
  Machine a(server), b(server);
  a.call("f(1,){}", kOld);
  ASSERT_TRUE(a.flush());
  a.table->set_reachable(false);
  a.clear(GetParam());
  EXPECT_EQ(a.pending(), 1u);
  a.restart();  // the next program tells it
  EXPECT_EQ(a.pending(), 1u);
  EXPECT_EQ(a.call("f(1,){}", kNew).from, "computed");
  EXPECT_EQ(a.pending(), 0u);
  EXPECT_EQ(b.call("f(1,){}", kNew).value, kNew);
}

TEST_P(ClearingEachKindTest, While_it_cannot_be_told_nothing_is_read) {
  Machine a(server);
  a.call("f(1,){}", kOld);
  ASSERT_TRUE(a.flush());
  a.table->decide([](What what, const std::string&) { return what == What::update ? Fate{.fails = Failure::Kind::unreachable, .arrives = false} : Fate{}; });
  a.clear(GetParam());
  const auto reads = a.table->count(What::get);
  EXPECT_EQ(a.call("f(1,){}", kNew).from, "computed");
  EXPECT_EQ(a.table->count(What::get), reads);
  const auto flushed = a.flush(300ms);
  ASSERT_FALSE(flushed);
  EXPECT_NE(flushed.fault().message.find("1 clear"), std::string::npos) << flushed.fault().message;
  a.table->decide(nullptr);
  EXPECT_TRUE(a.flush());
  EXPECT_EQ(a.pending(), 0u);
}

TEST_P(ClearingEachKindTest, It_is_told_by_itself_when_the_table_is_reached_again) {
  Machine a(server), b(server);
  a.call("f(1,){}", kOld);
  ASSERT_TRUE(a.flush());
  a.table->set_reachable(false);
  a.clear(GetParam());
  a.table->set_reachable(true);
  EXPECT_TRUE(eventually([&] { return a.pending() == 0; }, 10s));
  EXPECT_EQ(b.call("f(1,){}", kNew).from, "computed");
}

TEST_P(ClearingEachKindTest, An_answer_that_was_on_its_way_does_not_bring_it_back) {
  Machine a(server), b(server);
  a.call("f(1,){}", kOld);
  ASSERT_TRUE(a.flush());
  b.look_up("h(1,){}");
  std::atomic<int> cleared{0};
  b.table->decide([&](What what, const std::string& key) {
    if (what != What::get || key != key_of("f(1,){}") || cleared++ > 0) return Fate{};
    return Fate{.after = 300ms};
  });
  std::thread look([&] { b.look_up("f(1,){}"); });
  std::this_thread::sleep_for(100ms);
  b.clear(GetParam());
  look.join();
  EXPECT_FALSE(b.local("f(1,){}"));
  EXPECT_EQ(b.call("f(1,){}", kNew).from, "computed");
}

// A clears (t1); B computes under t1; C clears (t2); then A's request arrives once more.
TEST_P(ClearingEachKindTest, A_clear_that_arrives_once_more_does_not_bring_back_what_a_later_one_took) {
  Machine a(server), b(server), c(server), d(server);
  a.look_up("h(1,){}");
  a.table->decide([](What what, const std::string&) { return what == What::update ? Fate{.once_more = 300ms} : Fate{}; });
  a.clear(GetParam());
  b.call("f(1,){}", kOld);
  ASSERT_TRUE(b.flush());
  c.clear(GetParam());
  const auto after = tokens();
  std::this_thread::sleep_for(400ms);
  EXPECT_EQ(tokens(), after);
  EXPECT_EQ(d.call("f(1,){}", kNew).from, "computed");
}

// The same where a clear of all took the token away, so that the late request's condition holds again.
TEST_P(ClearingEachKindTest, Nor_what_a_clear_of_all_took) {
  Machine a(server), b(server), d(server);
  a.look_up("h(1,){}");
  a.table->decide([](What what, const std::string&) { return what == What::update ? Fate{.once_more = 300ms} : Fate{}; });
  a.clear(GetParam());
  b.call("f(1,){}", kOld);
  ASSERT_TRUE(b.flush());
  b.clear("*");
  std::this_thread::sleep_for(400ms);
  EXPECT_EQ(d.call("f(1,){}", kNew).from, "computed");
}

TEST_P(ClearingEachKindTest, Where_its_answer_is_lost_it_is_told_again_and_counts) {
  Machine a(server), b(server);
  a.call("f(1,){}", kOld);
  ASSERT_TRUE(a.flush());
  std::atomic<int> lost{0};
  a.table->decide([&](What what, const std::string&) { return what == What::update && lost++ < 2 ? Fate{.fails = Failure::Kind::unreachable} : Fate{}; });
  a.clear(GetParam());
  EXPECT_EQ(a.pending(), 1u);
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.pending(), 0u);
  EXPECT_EQ(b.call("f(1,){}", kNew).from, "computed");
}

TEST_P(ClearingEachKindTest, Machines_that_clear_at_once_are_all_heard) {
  std::vector<std::unique_ptr<Machine>> machines;
  for (int i = 0; i < 4; ++i) {
    machines.push_back(std::make_unique<Machine>(server));
    machines.back()->look_up("h(1,){}");
    machines.back()->table->decide([](What, const std::string&) { return Fate{.before = std::chrono::milliseconds(std::rand() % 3)}; });
  }
  std::vector<std::thread> threads;
  for (auto& machine : machines) {
    threads.emplace_back([&] {
      for (int round = 0; round < 10; ++round) machine->clear(GetParam());
    });
  }
  for (auto& thread : threads) thread.join();
  for (auto& machine : machines) {
    ASSERT_TRUE(machine->flush());
    EXPECT_EQ(machine->pending(), 0u);
  }
}

TEST_F(ClearingTest, A_result_that_still_waits_to_be_written_is_not_sent_once_it_is_cleared) {
  Machine a(server);
  a.look_up("h(1,){}");
  a.table->set_reachable(false);
  a.call("f(1,){}");
  a.call("g(1,){}");
  a.clear("f");
  EXPECT_EQ(a.layer->info().queued, 1u);
  a.table->set_reachable(true);
  ASSERT_TRUE(a.flush());
  EXPECT_FALSE(server->get(key_of("f(1,){}")));
  EXPECT_TRUE(server->get(key_of("g(1,){}")));
}

TEST_F(ClearingTest, What_was_computed_before_any_tokens_were_known_is_written_unless_it_was_ever_cleared) {
  Machine a(server), b(server);
  for (const auto* signature : {"f(1,){}", "g(1,){}"}) b.keep(signature, "1", 1, 0, "");  // before b ever read the table
  b.table->set_reachable(false);
  a.clear("f");
  b.table->set_reachable(true);
  Machine c(server);
  c.table->set_reachable(false);
  for (const auto* signature : {"f(2,){}", "g(2,){}"}) c.call(signature, "2");
  c.table->set_reachable(true);
  ASSERT_TRUE(c.flush());
  EXPECT_FALSE(server->get(key_of("f(2,){}")));
  EXPECT_TRUE(server->get(key_of("g(2,){}")));
}

TEST_F(ClearingTest, A_clear_of_all_takes_the_other_tokens_away) {
  Machine a(server);
  a.clear("f");
  a.clear("g(1,){}");
  EXPECT_EQ(tokens().of.size(), 3u);
  EXPECT_EQ(tokens().born, tokens().of.at("all"));
  a.clear("*");
  EXPECT_EQ(tokens().of.size(), 1u);
  EXPECT_NE(tokens().born, tokens().of.at("all"));
}

TEST_F(ClearingTest, A_clear_of_a_function_takes_those_of_its_calls_away) {
  Machine a(server), b(server);
  a.clear("f(1,){}");
  a.clear("g(1,){}");
  b.look_up("f(1,){}");  // so b knows whose it is
  b.clear("f");
  const auto of = tokens().of;
  EXPECT_EQ(of.size(), 3u);
  EXPECT_TRUE(of.contains("f:f"));
  EXPECT_TRUE(of.contains(call_token("g(1,){}", {})));
}

TEST_F(ClearingTest, Many_clears_that_wait_go_in_a_few_requests) {
  Machine a(server);
  a.look_up("h(1,){}");
  a.table->set_reachable(false);
  for (int i = 0; i < 100; ++i) a.clear("f(" + std::to_string(i) + ",){}");
  a.table->set_reachable(true);
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.table->count(What::update), 4u);
  EXPECT_EQ(tokens().of.size(), 101u);
}

TEST_F(ClearingTest, After_512_calls_the_next_one_clears_its_function) {
  TableTokens known{.born = "a", .of = {{"all", "a"}}};
  for (int i = 0; i < 512; ++i) known.of.emplace(call_token("f(" + std::to_string(i) + ",){}", {}), "b");
  auto plan = plan_clear(known, {{"f(1,){}", "id"}}, {}, now());
  EXPECT_EQ(plan.told.at(0).attribute, call_token("f(1,){}", {}));
  plan = plan_clear(known, {{"f(1000,){}", "id"}}, {}, now());
  EXPECT_EQ(plan.told.at(0).attribute, "f:f");
}

TEST_F(ClearingTest, After_a_thousand_functions_the_next_one_clears_all) {
  TableTokens known{.born = "a", .of = {{"all", "a"}}};
  for (int i = 0; i < 1024; ++i) known.of.emplace("f:g" + std::to_string(i), "b");
  EXPECT_EQ(plan_clear(known, {{"g7", "id"}}, {}, now()).told.at(0).attribute, "f:g7") << "one that has been cleared before takes no more room";
  const auto plan = plan_clear(known, {{"f", "id"}, {"h(1,){}", "id"}}, {}, now());
  ASSERT_EQ(plan.told.size(), 2u);
  for (const auto& each : plan.told) EXPECT_EQ(each.attribute, "all");
  EXPECT_NE(plan.update.text.find("REMOVE"), std::string::npos);
}

TEST_F(ClearingTest, A_shortened_signature_does_not_say_its_digest_so_its_function_is_cleared) {
  const auto signature = shorten("f('" + std::string(300, 'x') + "',){}");
  const auto plan = plan_clear({.born = "a", .of = {{"all", "a"}}}, {{signature.text, "id"}}, {}, now());
  EXPECT_EQ(plan.told.at(0).attribute, "f:f");
}

TEST_F(ClearingTest, Plans_stay_within_what_an_expression_may_have) {
  TableTokens known{.born = "a", .of = {{"all", "a"}}};
  std::map<std::string, std::string, std::less<>> calls;
  std::map<std::string, std::string> pending;
  for (int i = 0; i < 600; ++i) {
    const std::string signature = "f(" + std::to_string(i) + ",){}";
    known.of.emplace(call_token(signature, {}), "b");
    calls.emplace(call_token(signature, {}), "f");
    pending.emplace("function" + std::to_string(i), "id");
  }
  for (const auto& some : {pending, std::map<std::string, std::string>{{"f", "id"}}, std::map<std::string, std::string>{{"*", "id"}}}) {
    const auto plan = plan_clear(known, some, calls, now());
    EXPECT_LE(plan.update.text.size(), 4096u);
    EXPECT_LE(plan.condition.size(), 4096u);
    EXPECT_FALSE(plan.told.empty());
  }
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
