// The other items of a cache: what 1.2.9 wrote, the state, and the list of caches.
#include "dynamodb/gzip.hpp"
#include "dynamodb/json.hpp"
#include "dynamodb/machine.hpp"

namespace cacherator::engine::dynamodb {
namespace {

class OtherItemsTest : public testing::Test {
 protected:
  std::shared_ptr<MemoryServer> server = std::make_shared<MemoryServer>();

  void put_legacy(const std::string& text, double hours_left = 1, const std::string& data_id = "calc") const {
    const auto ends = std::to_string(now() / kSecond + static_cast<Time>(hours_left * 3600));
    server->put(
        {{"cache_id", text_attribute(data_id)}, {"data", text_attribute(text)}, {"ttl", number_attribute(ends)}, {"created_at", number_attribute("1")}});
  }
};

// -- what 1.2.9 wrote

TEST_F(OtherItemsTest, The_item_of_1_2_9_gives_hits_in_its_spelling_and_is_read_once) {
  put_legacy(incumbent_document({{"f(1,){}", "{\"$cacherator\": 1}", date()}, {"old(1,){'b': 2}", "5", date()}}));
  Machine a(server);
  EXPECT_EQ(a.call("f(1,){}", "0"), (Answered{"{\"$cacherator\": 1}", "l2"}));
  EXPECT_TRUE(a.store->find("f(1,){}", {})->plain);
  ASSERT_TRUE(a.look_up("old(1, 2){}", 1, "old(1,){'b': 2}"));
  EXPECT_EQ(a.local("old(1, 2){}"), (Answered{"5", "l2"}));
  EXPECT_EQ(a.layer->info().legacy_hits, 2u);
  put_legacy("{}");
  EXPECT_EQ(a.call("g(1,){}", "0").from, "computed");
}

TEST_F(OtherItemsTest, Its_packed_form_is_read_too) {
  const std::string document = incumbent_document({{"f(1,){}", "7", date()}});
  std::string packed = "{\"_compressed\":true,\"data\":";
  std::string attribute_text;
  append_attribute(attribute_text, bytes_attribute(*gzip(document, kLargestItem)));
  packed += attribute_text.substr(attribute_text.find(':') + 1);
  put_legacy(packed);
  Machine a(server);
  EXPECT_EQ(a.call("f(1,){}", "0"), (Answered{"7", "l2"}));
}

TEST_F(OtherItemsTest, An_item_of_1_2_9_that_has_ended_or_is_damaged_counts_for_nothing) {
  put_legacy(incumbent_document({{"f(1,){}", "7", date()}}), -1);
  put_legacy("{\"_compressed\":true,\"data\":\"AAAA\"}", 1, "other");
  Machine a(server), b(server, {.data_id = "other"});
  EXPECT_EQ(a.call("f(1,){}", "0").from, "computed");
  EXPECT_EQ(b.call("f(1,){}", "0").from, "computed");
  EXPECT_NE(b.notes().find("the item 'other' of cacherator 1.2.9"), std::string::npos) << b.notes();
}

TEST_F(OtherItemsTest, A_cleared_call_does_not_come_back_from_the_item_of_1_2_9) {
  put_legacy(incumbent_document({{"f(1,){}", "7", date()}, {"g(1,){}", "8", date()}, {"g(2,){}", "9", date()}}));
  Machine a(server);
  a.clear("f");
  a.clear("g(1,){}");
  Machine b(server);
  EXPECT_EQ(b.call("f(1,){}", "0").from, "computed");
  EXPECT_EQ(b.call("g(1,){}", "0").from, "computed");
  EXPECT_EQ(b.call("g(2,){}", "0"), (Answered{"9", "l2"}));
  b.clear("*");
  Machine c(server);
  EXPECT_EQ(c.call("g(2,){}", "0").from, "computed");
}

// 1.2.9 dates an entry in its machine's zone and does not name it: 14:00 of a laptop in Berlin is 12:00 of the server that clears at 13:00.
TEST_F(OtherItemsTest, What_1_2_9_dated_in_another_zone_does_not_come_back_after_a_clear) {
  put_legacy(incumbent_document({{"f(1,){}", "7", date(-1)}, {"f(2,){}", "8", date(-13)}, {"f(3,){}", "9", date(-16)}}));
  Machine a(server);
  EXPECT_EQ(a.call("f(1,){}", "0"), (Answered{"7", "l2"}));
  a.clear("f");
  Machine b(server);
  EXPECT_EQ(b.call("f(1,){}", "0").from, "computed");
  EXPECT_EQ(b.call("f(2,){}", "0").from, "computed");
  EXPECT_EQ(b.call("f(3,){}", "0"), (Answered{"9", "l2"})) << "in no zone that date can be before the clear";
}

// -- state

TEST_F(OtherItemsTest, Variables_go_from_machine_to_machine_and_the_newest_counts) {
  Machine a(server), b(server);
  const auto save = [](Machine& machine, const std::string& name, const std::string& value) {
    const Variable variable{.name = name, .value = value, .utc = now()};
    ASSERT_TRUE(machine.store->save_state(std::span(&variable, 1), true));
    machine.layer->save_state(machine.store->state());
  };
  const auto variable = [](Machine& machine, const std::string& name) {
    for (const auto& each : machine.store->state()) {
      if (each.name == name) return each.value;
    }
    return std::string();
  };
  b.table->set_reachable(false);
  save(b, "score", "1");
  save(b, "level", "\"" + std::string(200'000, 'x') + "\"");
  std::this_thread::sleep_for(20ms);
  save(a, "score", "2");
  ASSERT_TRUE(a.flush());
  b.table->set_reachable(true);
  ASSERT_TRUE(b.flush());
  b.layer->load_state();
  EXPECT_EQ(variable(b, "score"), "2");
  a.restart();
  a.layer->load_state();
  EXPECT_EQ(variable(a, "score"), "2");
  EXPECT_EQ(variable(a, "level").size(), 200'002u);
  Machine c(server);
  c.layer->load_state();
  EXPECT_EQ(variable(c, "score"), "2");
  EXPECT_EQ(c.table->count(What::get), 1u) << "with it came what the first look-up would have asked for";
}

TEST_F(OtherItemsTest, Machines_that_save_at_once_lose_no_variable) {
  Machine a(server), b(server);
  for (auto* machine : {&a, &b}) machine->table->decide([](What, const std::string&) { return Fate{.before = 10ms, .after = 10ms}; });
  a.layer->save_state({{.name = "a", .value = "1", .utc = now()}, {.name = "both", .value = "1", .utc = now() - kSecond}});
  b.layer->save_state({{.name = "b", .value = "2", .utc = now()}, {.name = "both", .value = "2", .utc = now()}});
  ASSERT_TRUE(a.flush());
  ASSERT_TRUE(b.flush());
  Machine c(server);
  c.layer->load_state();
  EXPECT_EQ(c.store->state().size(), 3u);
  for (const auto& variable : c.store->state()) EXPECT_EQ(variable.value, variable.name == "a" ? "1" : "2");
}

TEST_F(OtherItemsTest, Of_a_variable_that_is_saved_again_and_again_the_last_value_is_in_the_table) {
  Machine a(server);
  a.table->decide([](What, const std::string&) { return Fate{.before = std::chrono::milliseconds(std::rand() % 2)}; });
  const Time date = now();
  for (int i = 0; i < 100; ++i) a.layer->save_state({{.name = "score", .value = std::to_string(i), .utc = date}});
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(read_variable("score", server->get(kKeys.state)->at("v:score"))->value, "99");
  const auto updates = a.table->count(What::update);
  a.layer->save_state({{.name = "score", .value = "99", .utc = date}});
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.table->count(What::update), updates) << "what did not change is not written again";
}

TEST_F(OtherItemsTest, Variables_of_1_2_9_are_used_where_there_are_no_others) {
  put_legacy(incumbent_document({}, "{\"score\": 4}", '"' + date() + '"'));
  Machine a(server);
  a.layer->load_state();
  ASSERT_EQ(a.store->state().size(), 1u);
  EXPECT_EQ(a.store->state()[0].value, "4");
  EXPECT_TRUE(a.store->state()[0].plain);
}

// -- the caches of a table

TEST_F(OtherItemsTest, Each_data_id_is_listed_once_in_pages_also_those_of_1_2_9) {
  std::set<std::string> all;
  for (int i = 0; i < 5; ++i) {
    Machine machine(server, {.data_id = "cache" + std::to_string(i)});
    machine.call("f(1,){}");
    ASSERT_TRUE(machine.flush());
    all.insert("cache" + std::to_string(i));
  }
  put_legacy("{}", 1, "cache1");
  put_legacy("{}", 1, "old");
  put_legacy("{}", -1, "ended");
  all.insert("old");
  Machine a(server);
  std::vector<std::string> found;
  std::optional<std::string> after;
  do {
    const auto page = a.layer->list(2, after);
    ASSERT_TRUE(page);
    EXPECT_LE(page->keys.size(), 2u);
    found.insert(found.end(), page->keys.begin(), page->keys.end());
    after = page->last_key;
  } while (after);
  EXPECT_EQ(std::set<std::string>(found.begin(), found.end()), all);
  EXPECT_EQ(found.size(), all.size());
}

TEST_F(OtherItemsTest, A_cache_that_holds_state_alone_is_listed_too) {
  Machine a(server);
  a.layer->save_state({{.name = "score", .value = "1", .utc = now()}});
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.layer->list(10, {})->keys, (std::vector<std::string>{"calc"}));
  const auto gets = a.table->count(What::get);
  a.layer->save_state({{.name = "score", .value = "2", .utc = now()}});
  ASSERT_TRUE(a.flush());
  EXPECT_EQ(a.table->count(What::get), gets + 1) << "from then on the state alone is read";
}

TEST_F(OtherItemsTest, A_page_of_nothing_is_refused_and_a_table_out_of_reach_is_a_fault) {
  Machine a(server);
  ASSERT_FALSE(a.layer->list(0, {}));
  EXPECT_EQ(a.layer->list(0, {}).fault().kind, Fault::Kind::misuse);
  a.table->set_reachable(false);
  ASSERT_FALSE(a.layer->list(10, {}));
  EXPECT_EQ(a.layer->list(10, {}).fault().message, "out of reach");
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
