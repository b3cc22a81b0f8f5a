#include "dynamodb/table.hpp"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <latch>
#include <set>
#include <thread>

#include "dynamodb/http.hpp"
#include "dynamodb/server.hpp"
#include "dynamodb/waiting.hpp"

namespace cacherator::engine::dynamodb {
namespace {

/// "k7": not by +, in whose place g++ 12 sees copies that overlap.
std::string numbered(std::string text, int number) {
  text += std::to_string(number);
  return text;
}

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

class TableTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    server_ = new Dynalite({"--createTableMs", "50"});
    server_->start();
  }
  static void TearDownTestSuite() { delete std::exchange(server_, nullptr); }
  void SetUp() override {
    if (HasFatalFailure() || !server_ || server_->pid() == 0) FAIL() << "there is no server";
    table_ = open_table(environment(server_->url()), 10s);
  }

  /// A request that no operation of ours makes.
  static void send(const std::string& operation, const std::string& body) {
    std::promise<int> status;
    Request request;
    request.server = std::make_shared<const Server>(Server{server_->url() + '/'});
    request.headers = {{"content-type", "application/x-amz-json-1.0"},
                       {"x-amz-target", "DynamoDB_20120810." + operation},
                       {"x-amz-date", "20261127T000000Z"},
                       {"authorization", "AWS4-HMAC-SHA256 Credential=a/20261127/eu-west-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0"}};
    request.body = std::make_shared<const std::string>(body);
    request.deadline = Clock::now() + 10s;
    Http::instance().send(std::move(request), [&](Reply& reply) { status.set_value(reply.status); });
    ASSERT_EQ(status.get_future().get(), 200);
  }

  static inline Dynalite* server_ = nullptr;
  std::shared_ptr<Table> table_;
};

TEST_F(TableTest, AnItemIsReadAsItWasPut) {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  const Item item{{"cache_id", text("key \"1\" \\ \x01\n\t é 世界 🎉")},
                  {"data", text("{\"a\": \"b\\n\"}\x7f")},
                  {"utc", number("1790000000.123456")},
                  {"gz", bytes(all)},
                  {"one", bytes("a")},
                  {"two", bytes("ab")}};
  ASSERT_EQ(put(*table_, item).value, true);
  const auto read = get(*table_, {item.at("cache_id").value});
  ASSERT_TRUE(read.value) << read.failure.message;
  ASSERT_EQ(read.value->size(), 1u);
  for (const auto& [name, attribute] : item) {
    ASSERT_TRUE(read.value->front().count(name)) << name;
    EXPECT_EQ(read.value->front().at(name).value, attribute.value) << name;
    EXPECT_EQ(read.value->front().at(name).type, attribute.type) << name;
  }
}

TEST_F(TableTest, OnlyTheItemsThatAreThereAreRead) {
  ASSERT_TRUE(put(*table_, item("here")).value);
  const auto read = get(*table_, {"here", "not here"});
  ASSERT_TRUE(read.value) << read.failure.message;
  ASSERT_EQ(read.value->size(), 1u);
  EXPECT_EQ(read.value->front().at("cache_id").value, "here");
  EXPECT_EQ(get(*table_, {"not here"}).value->size(), 0u);
}

TEST_F(TableTest, APutWhoseConditionDoesNotHoldIsNoFailureAndChangesNothing) {
  const Expression absent{"attribute_not_exists(cache_id) OR #d = :d", {{"#d", "data"}}, {{":d", text("second")}}};
  EXPECT_EQ(put(*table_, item("once", "first"), absent).value, true);
  EXPECT_EQ(put(*table_, item("once", "third"), absent).value, false);
  EXPECT_EQ(get(*table_, {"once"}).value->front().at("data").value, "first");
  EXPECT_TRUE(table_->reachable());
}

TEST_F(TableTest, AnUpdateAnswersTheWholeItemAsItIsAfterwards) {
  ASSERT_TRUE(put(*table_, item("updated", "stays")).value);
  const auto after = update(*table_, "updated", {"SET #t = :t", {{"#t", "ttl"}}, {{":t", number("7")}}});
  ASSERT_TRUE(after.value) << after.failure.message;
  EXPECT_EQ(after.value->at("ttl").value, "7");
  EXPECT_EQ(after.value->at("data").value, "stays");
}

TEST_F(TableTest, AnUpdateOfWhatIsNotThereMakesIt) {
  const auto after = update(*table_, "made", {"SET #t = :t", {{"#t", "all"}}, {{":t", text("x")}}});
  ASSERT_TRUE(after.value) << after.failure.message;
  EXPECT_EQ(after.value->at("cache_id").value, "made");
}

TEST_F(TableTest, AnUpdateWhoseConditionDoesNotHoldAnswersAnEmptyItem) {
  const auto after = update(*table_, "none", {"SET #t = :t", {{"#t", "ttl"}}, {{":t", number("7")}}}, "attribute_exists(cache_id)");
  ASSERT_TRUE(after.value) << after.failure.message;
  EXPECT_TRUE(after.value->empty());
}

TEST_F(TableTest, TwentyFiveItemsAreWrittenWithOneRequest) {
  std::vector<Item> items;
  std::vector<std::string> keys;
  for (int i = 0; i < 25; ++i) items.push_back(item(keys.emplace_back(numbered("k", i))));
  ASSERT_EQ(put(*table_, item("first")).value, true);
  const auto written = write(*table_, items);
  ASSERT_TRUE(written.value) << written.failure.message;
  EXPECT_EQ(*written.value, std::vector<bool>(25, true));
  EXPECT_EQ(get(*table_, keys).value->size(), 25u);
  EXPECT_EQ(table_->usage().requests["BatchWriteItem"], 1u);
}

TEST_F(TableTest, WhatTheServerLeavesUnreadIsAskedForAgain) {
  std::vector<std::string> keys;
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(put(*table_, item(keys.emplace_back("large" + std::to_string(i)), std::string(390'000, 'x'))).value, true);
  }
  const auto read = get(*table_, keys);
  ASSERT_TRUE(read.value) << read.failure.message;
  EXPECT_EQ(read.value->size(), 12u);
  EXPECT_GE(table_->usage().requests["BatchGetItem"], 2u);
}

TEST_F(TableTest, AnItemOfMoreThan400KiBIsTooLargeAndTheTableStaysReachable) {
  const auto outcome = put(*table_, item("big", std::string(410'000, 'x')));
  ASSERT_FALSE(outcome.value);
  EXPECT_EQ(outcome.failure.kind, Failure::Kind::too_large);
  EXPECT_NE(outcome.failure.message.find("400 KiB"), std::string::npos) << outcome.failure.message;
  EXPECT_TRUE(table_->reachable());
}

TEST_F(TableTest, OneItemThatIsTooLargeDoesNotKeepTheOthersOfItsBatchOut) {
  const auto written = write(*table_, {item("a"), item("b", std::string(410'000, 'x')), item("c")});
  ASSERT_TRUE(written.value) << written.failure.message;
  EXPECT_EQ(*written.value, (std::vector<bool>{true, false, true}));
}

TEST_F(TableTest, AScanGoesOverAllItemsInPages) {
  std::vector<Item> items;
  for (int i = 0; i < 25; ++i) items.push_back(item(numbered("s", i)));
  ASSERT_TRUE(write(*table_, items).value);
  std::set<std::string> seen;
  std::optional<std::string> after;
  int pages = 0;
  do {
    const auto page = scan(*table_, 10, after);
    ASSERT_TRUE(page.value) << page.failure.message;
    for (const auto& one : page.value->items) seen.insert(one.at("cache_id").value);
    after = page.value->last;
    ++pages;
  } while (after && pages < 10);
  EXPECT_EQ(seen.size(), 25u);
  EXPECT_LE(pages, 4);
}

TEST_F(TableTest, AScanAnswersTheAttributesNamedOfTheItemsThatPassItsFilter) {
  ASSERT_TRUE(write(*table_, {item("with", "x"), item("without", "y")}).value);
  const auto page = scan(*table_, 100, {}, {"#d = :d", {{"#d", "data"}}, {{":d", text("x")}}}, {"cache_id", "ttl"});
  ASSERT_TRUE(page.value) << page.failure.message;
  ASSERT_EQ(page.value->items.size(), 1u);
  EXPECT_EQ(page.value->items[0].size(), 1u);
  EXPECT_EQ(page.value->items[0].at("cache_id").value, "with");
}

TEST_F(TableTest, ATableThatIsNotThereIsMadeForTheOperationThatNeedsIt) {
  const auto read = get(*table_, {"a"});
  ASSERT_TRUE(read.value) << read.failure.message;
  EXPECT_EQ(read.value->size(), 0u);
  auto usage = table_->usage();
  EXPECT_EQ(usage.requests["CreateTable"], 1u);
  EXPECT_EQ(table_->take_notices(), std::vector<std::string>());
  EXPECT_EQ(usage.breaker, "closed");
}

TEST_F(TableTest, SeveralMayMakeTheTableAtOnce) {
  std::string other = server_->url();
  other.replace(other.find("127.0.0.1"), 9, "localhost");
  const std::string name = table_->settings().table;
  const auto second = open_table(environment(other), 10s, name);
  ASSERT_NE(second, table_);
  std::latch all(20);
  std::atomic<int> good{0};
  for (int i = 0; i < 20; ++i) {
    (i % 2 ? table_ : second)->put(item(numbered("k", i)), {}, [&](Outcome<bool> outcome) {
      if (outcome.value) ++good;
      all.count_down();
    });
  }
  all.wait();
  EXPECT_EQ(good, 20);
}

TEST_F(TableTest, AnotherKeyIsNamedTogetherWithOurs) {
  const std::string name = table_->settings().table;
  ASSERT_NO_FATAL_FAILURE(send(
      "CreateTable", R"({"TableName":")" + name +
                         R"(","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},{"AttributeName":"at","AttributeType":"N"}],)"
                         R"("KeySchema":[{"AttributeName":"id","KeyType":"HASH"},{"AttributeName":"at","KeyType":"RANGE"}],"BillingMode":"PAY_PER_REQUEST"})"));
  std::this_thread::sleep_for(200ms);
  const auto read = get(*table_, {"a"});
  ASSERT_FALSE(read.value);
  EXPECT_EQ(read.failure.kind, Failure::Kind::invalid);
  EXPECT_NE(read.failure.message.find("'" + name + "' has the key 'id' (S) and 'at' (N); cacherator needs 'cache_id' (S), partition key alone"),
            std::string::npos)
      << read.failure.message;
  EXPECT_FALSE(table_->reachable());
  EXPECT_EQ(table_->take_notices().size(), 1u);
}

TEST_F(TableTest, CapacityAndBytesAreCounted) {
  ASSERT_TRUE(put(*table_, item("a", std::string(3000, 'x'))).value);
  ASSERT_TRUE(get(*table_, {"a"}).value);
  const auto usage = table_->usage();
  EXPECT_EQ(usage.write_units, 3);
  EXPECT_EQ(usage.read_units, 1);
  EXPECT_GT(usage.bytes_sent, 3000u);
  EXPECT_GT(usage.bytes_received, 3000u);
  EXPECT_EQ(usage.region, "eu-west-1");
  EXPECT_EQ(usage.endpoint, server_->url());
}

TEST_F(TableTest, TheSameTableIsOpenedOnce) {
  EXPECT_EQ(open_table(environment(server_->url()), 1s, "one-name"), open_table(environment(server_->url()), 1s, "one-name"));
  EXPECT_NE(open_table(environment(server_->url()), 1s, "one-name"), open_table(environment(server_->url()), 1s, "other-name"));
}

TEST_F(TableTest, WhatIsToHappenLaterHappensInOrderOnTheThreadOfRequests) {
  std::promise<std::thread::id> first, second, third;
  std::atomic<int> order{0};
  int at_first = 0, at_second = 0;
  const auto began = Clock::now();
  table_->after(60ms, [&] { at_second = ++order, second.set_value(std::this_thread::get_id()); });
  table_->after(0ms, [&] { at_first = ++order, first.set_value(std::this_thread::get_id()); });
  const auto thread = first.get_future().get();
  EXPECT_EQ(second.get_future().get(), thread);
  EXPECT_GE(Clock::now() - began, 60ms);
  EXPECT_LT(at_first, at_second);
  table_->get({"a"}, [&](Outcome<std::vector<Item>>) { third.set_value(std::this_thread::get_id()); });
  EXPECT_EQ(third.get_future().get(), thread);
  EXPECT_NE(thread, std::this_thread::get_id());
}

TEST_F(TableTest, ManyThreadsUseItAtOnce) {
  ASSERT_TRUE(put(*table_, item("shared")).value);
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        if (put(*table_, item(std::to_string(t) + "/" + std::to_string(i))).value && get(*table_, {"shared"}).value->size() == 1) ++good;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
}

TEST_F(TableTest, AForkedChildHasAThreadOfItsOwnAndTheParentsGoesOn) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer does not support threads after a fork";
#endif
  ASSERT_TRUE(put(*table_, item("before")).value);
  const auto child = ::fork();
  if (child == 0) {
    const auto own = open_table(environment(server_->url()), 10s, table_->settings().table);
    const bool good = own != table_ && get(*own, {"before"}).value.value_or(std::vector<Item>()).size() == 1 && put(*own, item("child")).value;
    const bool old_too = put(*table_, item("child too")).value.has_value();
    ::_exit(good && old_too ? 0 : 1);
  }
  EXPECT_TRUE(put(*table_, item("parent")).value);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(get(*table_, {"before", "child", "child too", "parent"}).value->size(), 4u);
}

TEST_F(TableTest, AForkAmidRequestsLeavesAChildThatCanMakeSome) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "ThreadSanitizer does not support threads after a fork";
#endif
  ASSERT_TRUE(put(*table_, item("a")).value);
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    while (!stop) get(*table_, {"a"});
  });
  for (int i = 0; i < 10; ++i) {
    const auto child = ::fork();
    if (child == 0) {
      ::alarm(20);
      ::_exit(get(*open_table(environment(server_->url()), 10s, table_->settings().table), {"a"}).value ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  stop = true;
  busy.join();
}

/// With a server of its own, which stops.
TEST(TableOutage, ServerThatWentAwayAndCameBackIsUsedAgain) {
  Dynalite server({"--createTableMs", "0"});
  ASSERT_NO_FATAL_FAILURE(server.start());
  const auto table = open_table(environment(server.url()), 2s);
  ASSERT_TRUE(put(*table, item("a")).value);
  server.stop();
  const auto began = Clock::now();
  const auto gone = put(*table, item("b"));
  EXPECT_LT(Clock::now() - began, 2500ms);
  ASSERT_FALSE(gone.value);
  EXPECT_EQ(gone.failure.kind, Failure::Kind::unreachable);
  EXPECT_NE(gone.failure.message.find(server.url()), std::string::npos) << gone.failure.message;
  EXPECT_FALSE(table->reachable());
  EXPECT_EQ(table->usage().breaker, "open");

  ASSERT_NO_FATAL_FAILURE(server.start());
  while (!table->reachable()) std::this_thread::sleep_for(10ms);
  const auto back = put(*table, item("b"));
  EXPECT_TRUE(back.value) << back.failure.message;
  EXPECT_EQ(table->usage().breaker, "closed");
  const auto notices = table->take_notices();
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("results stay local"), std::string::npos) << notices[0];
}

TEST(TableOutage, AServerThatDoesNotAnswerCostsNoMoreThanTheLimit) {
  Dynalite server({"--createTableMs", "0"});
  ASSERT_NO_FATAL_FAILURE(server.start());
  const auto table = open_table(environment(server.url()), 800ms);
  while (!put(*table, item("a")).value) std::this_thread::sleep_for(50ms);
  server.freeze();
  const auto began = Clock::now();
  const auto outcome = get(*table, {"a"});
  EXPECT_LT(Clock::now() - began, 1000ms);
  EXPECT_GT(Clock::now() - began, 400ms);
  server.go_on();
  ASSERT_FALSE(outcome.value);
  EXPECT_EQ(outcome.failure.kind, Failure::Kind::unreachable);
  EXPECT_GE(table->usage().errors["timeout"], 1u);
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
