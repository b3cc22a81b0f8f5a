// What a second layer asks of the store, on real files.
#include "local_layer.hpp"

#include "local/store.hpp"

namespace cacherator::engine {
namespace {

constexpr std::string_view kTable = "1f2e3d4c";
const std::string kToken(24, 'a'), kLater(24, 'b');

class RemoteTest : public testing::Test {
 protected:
  [[nodiscard]] std::shared_ptr<Store> open() const { return *Store::open({.data_id = "calc", .directory = folder_.str()}); }

  static Kept put(Store& store, std::string_view signature, std::string_view value, std::string_view tokens = {}) {
    return store.put({.signature = signature, .value = value, .utc = now(), .ttl = 1, .under = store.clock(), .tokens = tokens});
  }
  static Kept bring(Store& store, std::string_view signature, std::string_view value, Time utc = now()) {
    return store.bring(kTable, {.signature = signature, .value = value, .utc = utc, .ttl = 1, .under = store.clock(), .tokens = kToken}, false, store.drops());
  }

  /// In another process's place: the store is opened anew from the files.
  template <class Look>
  void after_a_restart(Look look) {
    ASSERT_TRUE(open()->checkpoint());
    std::filesystem::copy(folder_.str(), (copy_ / "c"));
    look(**Store::open({.data_id = "calc", .directory = (copy_ / "c").string()}));
  }

  TemporaryFolder folder_, copy_;
};

TEST_F(RemoteTest, Tokens_outlive_a_restart_and_go_with_what_is_computed_under_them) {
  auto store = open();
  EXPECT_EQ(store->tokens_of(kTable, "f(1,){}", ""), "");
  store->set_tokens(kTable, {.born = kToken, .of = {{"all", kToken}}});
  put(*store, "f(1,){}", "1", store->tokens_of(kTable, "f(1,){}", ""));
  after_a_restart([&](Store& other) {
    EXPECT_EQ(other.tokens(kTable).of.at("all"), kToken);
    EXPECT_EQ(other.find("f(1,){}", "")->tokens, kToken);
    EXPECT_EQ(other.find("f(1,){}", "")->in, "");
  });
}

TEST_F(RemoteTest, The_tokens_of_a_call_are_those_of_all_its_function_and_itself) {
  auto store = open();
  const std::string call = "c:" + std::string("a5ac8aa1cc15f3bd9a7d1b1b4ba03e18");
  store->set_tokens(kTable, {.born = "0a", .of = {{"all", "0a"}, {"f:f", "0b"}, {call, "0c"}}});
  EXPECT_EQ(store->tokens_of(kTable, "f(2,){}", std::string(64, '0')), "0a.0b");
  EXPECT_EQ(store->tokens_of(kTable, "f(1,){}", "a5ac8aa1cc15f3bd9a7d1b1b4ba03e18" + std::string(32, '0')), "0a.0b.0c");
  EXPECT_EQ(store->tokens_of(kTable, "g(1,){}", "a5ac8aa1cc15f3bd9a7d1b1b4ba03e18" + std::string(32, '0')), "0a..0c");
}

TEST_F(RemoteTest, What_is_brought_is_answered_as_l2_once_and_stays) {
  auto store = open();
  EXPECT_NE(bring(*store, "f(1,){}", "7").serial, 0u);
  EXPECT_EQ(store->find("f(1,){}", "")->layer, LayerName::l2);
  store->said_once("f(1,){}");
  EXPECT_EQ(store->find("f(1,){}", "")->layer, LayerName::l1);
  after_a_restart([](Store& other) {
    const auto entry = other.find("f(1,){}", "");
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->value, "7");
    EXPECT_EQ(entry->layer, LayerName::l1);
    EXPECT_EQ(entry->in, kTable);
  });
}

TEST_F(RemoteTest, What_was_cleared_or_dropped_since_the_question_is_not_brought) {
  auto store = open();
  const auto under = store->clock();
  const auto drops = store->drops();
  ASSERT_TRUE(store->clear("f"));
  EXPECT_EQ(store->bring(kTable, {.signature = "f(1,){}", .value = "7", .utc = now(), .ttl = 1, .under = under}, false, drops).serial, 0u);
  EXPECT_NE(store->bring(kTable, {.signature = "g(1,){}", .value = "7", .utc = now(), .ttl = 1, .under = under}, false, drops).serial, 0u);
  ASSERT_TRUE(store->drop("g(2,){}"));
  EXPECT_EQ(store->bring(kTable, {.signature = "g(2,){}", .value = "7", .utc = now(), .ttl = 1, .under = store->clock()}, false, drops).serial, 0u);
  EXPECT_FALSE(store->find("f(1,){}", ""));
  EXPECT_FALSE(store->find("g(2,){}", ""));
}

TEST_F(RemoteTest, A_drop_by_another_process_is_met_before_an_answer_is_taken) {
  SKIP_WHERE_FORK_AND_THREADS_DO_NOT_MIX();
  SKIP_WHERE_THE_ALLOCATOR_MAY_STAY_LOCKED();
  auto store = open();
  put(*store, "f(0,){}", "0");
  const auto drops = store->drops();
  const auto child = fork();
  if (child == 0) {
    const auto other = open();
    _exit(other->drop("f(1,){}") ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_EQ(store->bring(kTable, {.signature = "f(1,){}", .value = "7", .utc = now(), .ttl = 1, .under = store->clock()}, false, drops).serial, 0u);
}

TEST_F(RemoteTest, A_newer_result_of_ones_own_is_not_replaced_by_one_that_is_brought) {
  auto store = open();
  put(*store, "f(1,){}", "new");
  bring(*store, "f(1,){}", "old", now() - 60 * kSecond);
  EXPECT_EQ(store->find("f(1,){}", "")->value, "new");
}

TEST_F(RemoteTest, What_the_table_has_is_remembered_for_that_very_result) {
  auto store = open();
  const Kept first = put(*store, "f(1,){}", "1");
  const std::pair<std::string, Time> acknowledged[] = {{"f(1,){}", first.utc}, {"f(2,){}", first.utc}};
  store->acknowledge(kTable, acknowledged);
  EXPECT_EQ(store->find("f(1,){}", "")->in, kTable);
  put(*store, "f(2,){}", "2");  // after it was said of an older one
  after_a_restart([](Store& other) {
    EXPECT_EQ(other.find("f(1,){}", "")->in, kTable);
    EXPECT_EQ(other.find("f(2,){}", "")->in, "");
  });
}

TEST_F(RemoteTest, Clears_are_pending_until_that_very_clear_was_told) {
  auto store = open();
  ASSERT_TRUE(store->clear("f"));
  EXPECT_TRUE(store->pending(kTable).empty()) << "no table is in use yet";
  store->join(kTable);
  ASSERT_TRUE(store->clear("f"));
  const auto first = store->pending(kTable);
  ASSERT_EQ(first.count("f"), 1u);
  ASSERT_TRUE(store->clear("f"));
  store->told(kTable, "f", first.at("f"));
  const auto second = store->pending(kTable);
  ASSERT_EQ(second.count("f"), 1u) << "the later clear has not been told";
  ASSERT_TRUE(store->drop("g(1,){}"));
  after_a_restart([&](Store& other) {
    auto pending = other.pending(kTable);
    EXPECT_EQ(pending.at("f"), second.at("f"));
    EXPECT_EQ(pending.count("g(1,){}"), 1u);
    other.told(kTable, "f", second.at("f"));
    EXPECT_EQ(other.pending(kTable).count("f"), 0u);
  });
}

TEST_F(RemoteTest, A_program_without_a_table_leaves_its_clears_pending_for_those_with_one) {
  auto store = open();
  store->set_tokens(kTable, {.born = kToken, .of = {{"all", kToken}}});
  store.reset();
  ASSERT_TRUE((*Cache::open({.data_id = "calc", .directory = folder_.str()}))->clear("f"));
  EXPECT_EQ(open()->pending(kTable).count("f"), 1u);
}

TEST_F(RemoteTest, Where_1_2_9_wrote_the_document_anew_tokens_and_pending_clears_stay) {
  auto store = open();
  store->join(kTable);
  store->set_tokens(kTable, {.born = kToken, .of = {{"all", kLater}}});
  ASSERT_TRUE(store->clear("f"));
  ASSERT_TRUE(store->checkpoint());
  folder_.write("calc.json", R"({"_json_cache_func_cache": {}, "_json_cache_last_save_date": null, "_json_cache_variable_cache": {}})");
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  store->refresh();
  ASSERT_TRUE(store->checkpoint());
  after_a_restart([&](Store& other) {
    EXPECT_EQ(other.tokens(kTable).of.at("all"), kLater);
    EXPECT_EQ(other.pending(kTable).count("f"), 1u);
  });
}

TEST_F(RemoteTest, Of_two_states_each_variable_is_the_newer_one) {
  auto store = open();
  const Variable own[] = {{.name = "score", .value = "1"}, {.name = "level", .value = "1"}};
  ASSERT_TRUE(store->save_state(own, true));
  const Variable theirs[] = {{.name = "score", .value = "2", .utc = now() + kSecond},
                             {.name = "level", .value = "0", .utc = now() - 60 * kSecond},
                             {.name = "name", .value = "\"Ada\"", .utc = now()},
                             {.name = "gone", .value = "", .utc = now(), .gone = true}};
  EXPECT_TRUE(store->bring_state(theirs));
  EXPECT_FALSE(store->bring_state(theirs)) << "all of it is known";
  std::map<std::string, std::string> state;
  for (const auto& variable : store->state()) state[variable.name] = variable.value;
  EXPECT_EQ(state, (std::map<std::string, std::string>{{"level", "1"}, {"name", "\"Ada\""}, {"score", "2"}}));
}

TEST_F(RemoteTest, A_warning_is_said_once_and_no_number_of_others_silences_a_new_one) {
  auto store = open();
  store->note("a result of 'f' has 500000 bytes", "too large: f");
  store->note("a result of 'f' has 500001 bytes", "too large: f");
  store->note("the table refuses");
  store->note("the table refuses");
  EXPECT_EQ(store->take_notices(), (std::vector<std::string>{"a result of 'f' has 500000 bytes", "the table refuses"}));
  for (int i = 0; i < 1000; ++i) store->note("warning " + std::to_string(i));
  store->note("the table is gone");
  const auto notices = store->take_notices();
  EXPECT_EQ(notices.back(), "the table is gone");
  EXPECT_LE(notices.size(), 256u) << "they are bounded where nobody takes them";
}

}  // namespace
}  // namespace cacherator::engine
