#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <latch>
#include <thread>

#include "dynamodb/faulty_server.hpp"
#include "dynamodb/http.hpp"
#include "dynamodb/table.hpp"
#include "dynamodb/waiting.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using End = Scripted::End;

const std::string kItem = R"({"Responses":{"t":[{"cache_id":{"S":"a"},"data":{"S":"right"}}]},"UnprocessedKeys":{}})";

Scripted refusal(const std::string& code, int status = 400, const std::string& message = "Words of the server") {
  return {status, R"({"__type":"com.amazonaws.dynamodb.v20120810#)" + code + R"(","message":")" + message + "\"}"};
}

std::string crc_of(const std::string& body) { return "x-amz-crc32: " + std::to_string(crc32_z(0, reinterpret_cast<const Bytef*>(body.data()), body.size())); }

class TableFaultsTest : public testing::Test {
 protected:
  FaultyServer server_{{200, kItem, {crc_of(kItem)}}};
  std::shared_ptr<Table> table_ = open_table(environment(server_.url()));

  /// How often an operation was asked for.
  [[nodiscard]] int asked(const std::string& operation) const {
    int number = 0;
    for (const auto& one : server_.seen()) number += one.operation() == operation;
    return number;
  }
  /// Reads "a", which succeeds after this many requests.
  void expect_right_after(int requests) {
    const auto read = get(*table_, {"a"});
    ASSERT_TRUE(read.value) << read.failure.message;
    ASSERT_EQ(read.value->size(), 1u);
    EXPECT_EQ(read.value->front().at("data").value, "right");
    EXPECT_EQ(asked("BatchGetItem"), requests);
    EXPECT_EQ(table_->usage().retries, static_cast<std::uint64_t>(requests) - 1);
    EXPECT_TRUE(table_->reachable());
  }
  Failure expect_failure(Failure::Kind kind) {
    const auto read = get(*table_, {"a"});
    EXPECT_FALSE(read.value);
    EXPECT_EQ(read.failure.kind, kind) << read.failure.message;
    EXPECT_NE(read.failure.message.find(table_->settings().table), std::string::npos) << read.failure.message;
    return read.failure;
  }
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(TableFaultsTest, AServersErrorIsTriedAgain) {
  server_.then(refusal("InternalServerError", 500));
  expect_right_after(2);
  EXPECT_EQ(table_->usage().errors["InternalServerError"], 1u);
}

TEST_F(TableFaultsTest, AThrottledRequestIsTriedAgain) {
  server_.then(refusal("ProvisionedThroughputExceededException"));
  expect_right_after(2);
}

TEST_F(TableFaultsTest, AConnectionThatIsResetIsReplacedByAnother) {
  server_.then({.end = End::reset});
  expect_right_after(2);
  EXPECT_EQ(table_->usage().errors["connection"], 1u);
}

TEST_F(TableFaultsTest, AReplyThatIsCutOffIsNotUsed) {
  server_.then({.body = kItem, .end = End::cut});
  expect_right_after(2);
}

TEST_F(TableFaultsTest, AReplyWhoseCrcIsWrongIsNotUsed) {
  server_.then({200, R"({"Responses":{"t":[{"cache_id":{"S":"a"},"data":{"S":"wrong"}}]}})", {"x-amz-crc32: 12345"}});
  expect_right_after(2);
  EXPECT_EQ(table_->usage().errors["crc"], 1u);
}

TEST_F(TableFaultsTest, AReplyWhoseCrcIsWrongIsNotUsedOnTheLastAttemptEither) {
  for (int i = 0; i < 3; ++i) server_.then({200, kItem, {"X-Amz-CRC32: 12345"}});
  EXPECT_TRUE(has(expect_failure(Failure::Kind::unreachable).message, "CRC"));
}

TEST_F(TableFaultsTest, AnHtmlPageOfAProxyIsTroubleThatIsNamedByItsStatus) {
  for (int i = 0; i < 3; ++i) server_.then({502, "<html><body>Bad Gateway</body></html>"});
  EXPECT_TRUE(has(expect_failure(Failure::Kind::unreachable).message, "HTTP 502"));
}

TEST_F(TableFaultsTest, AnHtmlPageWithStatus200IsNotDynamoDB) {
  for (int i = 0; i < 3; ++i) server_.then({200, "<html>Please log in</html>"});
  EXPECT_TRUE(has(expect_failure(Failure::Kind::unreachable).message, "not DynamoDB"));
}

TEST_F(TableFaultsTest, APageThatIsNotFoundIsNotTriedAgain) {
  server_.then({404, "<html>Not Found</html>"});
  EXPECT_TRUE(has(expect_failure(Failure::Kind::unreachable).message, "is that DynamoDB's endpoint?"));
  EXPECT_EQ(server_.seen().size(), 1u);
}

TEST_F(TableFaultsTest, ATooLargeReplyIsGivenUp) {
  server_.then({200, std::string(kLargestReply + 1, ' ')});
  EXPECT_TRUE(has(expect_failure(Failure::Kind::unreachable).message, "too large"));
}

TEST_F(TableFaultsTest, ASilentServerIsAskedOverAnotherConnectionInHalfTheTime) {
  server_.then({.end = End::silence});
  const auto began = Clock::now();
  const auto read = get(*table_, {"a"});
  ASSERT_TRUE(read.value) << read.failure.message;
  EXPECT_LT(Clock::now() - began, 2900ms);
  EXPECT_EQ(table_->usage().errors["timeout"], 1u);
}

TEST_F(TableFaultsTest, WhileTheBreakerIsOpenNothingIsSentAndTheAnswerIsThereAtOnce) {
  for (int i = 0; i < 3; ++i) server_.then(refusal("ThrottlingException"));
  expect_failure(Failure::Kind::unreachable);
  ASSERT_FALSE(table_->reachable());
  const auto before = server_.seen().size();
  bool answered = false;
  table_->get({"a"}, [&](Outcome<std::vector<Item>> outcome) { answered = outcome.failure.kind == Failure::Kind::unreachable; });
  EXPECT_TRUE(answered);
  EXPECT_FALSE(put(*table_, item("a")).value);
  EXPECT_EQ(server_.seen().size(), before);
}

TEST_F(TableFaultsTest, OneOutageIsSaidOnceHoweverLongItLasts) {
  server_.answer([](const auto&) { return Scripted{404, "gone"}; });
  for (int i = 0; i < 3; ++i) {
    expect_failure(Failure::Kind::unreachable);
    while (i < 1 && !table_->reachable()) std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(table_->take_notices().size(), 1u);
  EXPECT_EQ(table_->take_notices().size(), 0u);
}

TEST_F(TableFaultsTest, ADeniedReadNamesThePermissionAndTheTableOnce) {
  server_.answer([](const auto&) { return refusal("AccessDeniedException", 400, "User: x is not authorized"); });
  const auto failure = expect_failure(Failure::Kind::refused);
  EXPECT_TRUE(has(failure.message, "dynamodb:BatchGetItem")) << failure.message;
  EXPECT_TRUE(has(failure.message, "User: x is not authorized")) << failure.message;
  EXPECT_FALSE(table_->reachable());
  while (!table_->reachable()) std::this_thread::sleep_for(10ms);
  expect_failure(Failure::Kind::refused);
  EXPECT_EQ(table_->take_notices().size(), 1u);
}

TEST_F(TableFaultsTest, NoNumberOfWarningsSilencesANewOne) {
  std::atomic<int> number = 0;
  server_.answer([&](const auto&) { return refusal("MadeUp" + std::to_string(++number)); });
  for (int i = 0; i < 300; ++i) EXPECT_EQ(put(*table_, item("a")).failure.kind, Failure::Kind::invalid);
  server_.answer([](const auto&) { return refusal("AccessDeniedException"); });
  expect_failure(Failure::Kind::refused);
  const auto notices = table_->take_notices();
  EXPECT_TRUE(has(notices.back(), "dynamodb:BatchGetItem")) << notices.back();
  EXPECT_LE(notices.size(), 256u);
}

TEST_F(TableFaultsTest, ARefusalInXmlWith403IsUnderstood) {
  server_.then({403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>No</Message></Error></ErrorResponse>"});
  EXPECT_TRUE(has(expect_failure(Failure::Kind::refused).message, "AccessDenied: No"));
}

TEST_F(TableFaultsTest, APageWith403IsARefusal) {
  server_.then({403, "<html>Forbidden</html>"});
  EXPECT_TRUE(has(expect_failure(Failure::Kind::refused).message, "proxy"));
}

TEST_F(TableFaultsTest, WhoMayOnlyReadStillReads) {
  server_.answer([](const auto& seen) { return seen.operation() == "BatchGetItem" ? Scripted{200, kItem} : refusal("AccessDeniedException"); });
  const auto outcome = put(*table_, item("a"));
  EXPECT_EQ(outcome.failure.kind, Failure::Kind::refused);
  EXPECT_TRUE(has(outcome.failure.message, "dynamodb:PutItem"));
  EXPECT_TRUE(table_->reachable());
  EXPECT_TRUE(get(*table_, {"a"}).value);
  const auto before = server_.seen().size();
  EXPECT_EQ(put(*table_, item("a")).failure.kind, Failure::Kind::refused);
  EXPECT_EQ(server_.seen().size(), before);
}

TEST_F(TableFaultsTest, WhereBatchesMayNotBeWrittenItemsAreWrittenOneByOne) {
  server_.answer([](const auto& seen) { return seen.operation() == "PutItem" ? Scripted{200, "{}"} : refusal("AccessDeniedException"); });
  EXPECT_EQ(write(*table_, {item("a"), item("b")}).value, std::vector<bool>(2, true));
  EXPECT_EQ(write(*table_, {item("c")}).value, std::vector<bool>(1, true));
  EXPECT_EQ(asked("BatchWriteItem"), 1);
  EXPECT_EQ(asked("PutItem"), 3);
}

TEST_F(TableFaultsTest, ItemsThatWereLeftUnprocessedAreWrittenAgainAndOnlyThose) {
  const std::string left = R"({"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"cache_id":{"S":"b"},"data":{"S":"data"}}}}]}})";
  server_.then({200, left});
  server_.then({200, R"({"UnprocessedItems":{}})"});
  EXPECT_EQ(write(*table_, {item("a"), item("b")}).value, std::vector<bool>(2, true));
  ASSERT_EQ(server_.seen().size(), 2u);
  EXPECT_FALSE(has(server_.seen()[1].body, R"("S":"a")"));
  EXPECT_TRUE(has(server_.seen()[1].body, R"("S":"b")"));
}

TEST_F(TableFaultsTest, WhatIsLeftUnprocessedToTheEndIsSaidToBeUnwritten) {
  table_ = open_table(environment(server_.url()), 600ms);
  server_.answer([](const auto&) { return Scripted{200, R"({"UnprocessedItems":{"t":[{"PutRequest":{"Item":{"cache_id":{"S":"b"}}}}]}})"}; });
  EXPECT_EQ(write(*table_, {item("a"), item("b")}).value, (std::vector<bool>{true, false}));
}

TEST_F(TableFaultsTest, KeysThatAreLeftUnreadToTheEndAreAFailure) {
  table_ = open_table(environment(server_.url()), 600ms);
  server_.answer([](const auto&) { return Scripted{200, R"({"Responses":{"t":[]},"UnprocessedKeys":{"t":{"Keys":[{"cache_id":{"S":"a"}}]}}})"}; });
  EXPECT_TRUE(has(expect_failure(Failure::Kind::unreachable).message, "throttled"));
}

TEST_F(TableFaultsTest, AConditionalPutWhoseReplyWasLostIsNoFailureWhenItIsFoundDone) {
  server_.then({.end = End::reset});
  server_.then(refusal("ConditionalCheckFailedException"));
  const auto outcome = put(*table_, item("a"), Expression{"attribute_not_exists(cache_id)"});
  ASSERT_TRUE(outcome.value) << outcome.failure.message;
  EXPECT_FALSE(*outcome.value);
}

TEST_F(TableFaultsTest, TheServersClockIsFollowedWhereOursIsWrong) {
  auto skewed = refusal("InvalidSignatureException", 400, "Signature expired");
  skewed.headers.push_back("Date: Thu, 01 Jan 2032 12:00:00 GMT");
  server_.then(skewed);
  const auto read = get(*table_, {"a"});
  ASSERT_TRUE(read.value) << read.failure.message;
  EXPECT_TRUE(server_.seen()[1].header("x-amz-date").starts_with("20320101T1200")) << server_.seen()[1].header("x-amz-date");
  ASSERT_TRUE(get(*table_, {"a"}).value);
  EXPECT_TRUE(server_.seen()[2].header("x-amz-date").starts_with("20320101T12"));
}

TEST_F(TableFaultsTest, AWrongSignatureIsRefusedWithoutTellingSecrets) {
  const auto failing = environment(server_.url(), {{"AWS_SESSION_TOKEN", "the-session-token"}});
  table_ = open_table(failing);
  server_.answer(
      [](const auto&) { return refusal("InvalidSignatureException", 400, "The canonical request was x-amz-security-token:the-session-token the-secret-key"); });
  const auto failure = expect_failure(Failure::Kind::refused);
  EXPECT_TRUE(has(failure.message, "AWS_SECRET_ACCESS_KEY")) << failure.message;
  for (const auto& text : {failure.message, table_->take_notices().at(0)}) {
    EXPECT_FALSE(has(text, "the-session-token")) << text;
    EXPECT_FALSE(has(text, "the-secret-key")) << text;
  }
}

TEST_F(TableFaultsTest, ExpiredCredentialsAreFetchedAnewOnceAndThenRefused) {
  server_.answer([](const auto&) { return refusal("ExpiredTokenException", 400, "The security token included in the request is expired"); });
  EXPECT_TRUE(has(expect_failure(Failure::Kind::refused).message, "renew"));
  EXPECT_EQ(server_.seen().size(), 2u);
}

TEST_F(TableFaultsTest, ExpiredCredentialsThatWereRenewedMeanwhileAreUsed) {
  server_.then(refusal("ExpiredTokenException"));
  EXPECT_TRUE(get(*table_, {"a"}).value);
}

TEST_F(TableFaultsTest, WithoutARegionTheFailureSaysHowToNameOne) {
  table_ = open_table(environment({}, {{"AWS_REGION", ""}}));
  const auto failure = expect_failure(Failure::Kind::refused);
  EXPECT_TRUE(has(failure.message, "AWS_REGION")) << failure.message;
  EXPECT_EQ(table_->take_notices().size(), 1u);
}

TEST_F(TableFaultsTest, WithoutCredentialsTheFailureSaysWhatToDoAndNothingIsSent) {
  table_ = open_table(environment(server_.url(), {{"AWS_ACCESS_KEY_ID", ""}, {"AWS_SECRET_ACCESS_KEY", ""}}));
  EXPECT_TRUE(has(expect_failure(Failure::Kind::refused).message, "AWS_ACCESS_KEY_ID"));
  EXPECT_TRUE(server_.seen().empty());
}

TEST_F(TableFaultsTest, ATableThatMayNotBeMadeIsAFailureThatSaysHowToMakeIt) {
  server_.answer([](const auto& seen) { return refusal(seen.operation() == "CreateTable" ? "AccessDeniedException" : "ResourceNotFoundException"); });
  const auto failure = expect_failure(Failure::Kind::no_table);
  EXPECT_TRUE(has(failure.message, "dynamodb:CreateTable")) << failure.message;
  EXPECT_TRUE(has(failure.message, "aws dynamodb create-table --table-name " + table_->settings().table)) << failure.message;
  EXPECT_EQ(table_->take_notices().size(), 1u);
}

/// A table that is there after a number of looks.
struct Made {
  explicit Made(int looks) : left(looks) {}
  Scripted operator()(const FaultyServer::Seen& seen) {
    const auto operation = seen.operation();
    if (operation == "CreateTable") return std::exchange(made, true) ? refusal("ResourceInUseException") : Scripted{200, R"({"TableDescription":{}})"};
    if (operation == "DescribeTable" && left > 0) return --left, Scripted{200, R"({"Table":{"TableStatus":"CREATING"}})"};
    if (operation == "DescribeTable") {
      return {200, R"({"Table":{"TableStatus":"ACTIVE","KeySchema":[{"AttributeName":"cache_id","KeyType":"HASH"}],)"
                   R"("AttributeDefinitions":[{"AttributeName":"cache_id","AttributeType":"S"}]}})"};
    }
    if (operation == "UpdateTimeToLive") return refusal("ValidationException", 400, "TimeToLive is already enabled");
    return made && left == 0 ? Scripted{200, kItem} : refusal("ResourceNotFoundException");
  }
  int left;
  bool made = false;
};

TEST_F(TableFaultsTest, ATableThatIsBeingMadeIsWaitedFor) {
  server_.answer(Made(3));
  EXPECT_TRUE(get(*table_, {"a"}).value);
  EXPECT_EQ(asked("CreateTable"), 1);
  while (asked("UpdateTimeToLive") == 0) std::this_thread::sleep_for(5ms);
  EXPECT_TRUE(has(server_.seen().back().body, R"("TimeToLiveSpecification":{"AttributeName":"ttl","Enabled":true})"));
  EXPECT_TRUE(table_->take_notices().empty());
}

TEST_F(TableFaultsTest, ATableThatIsMadeForLongerThanAnOperationMayTakeIsUnreachableUntilThen) {
  table_ = open_table(environment(server_.url()), 200ms);
  server_.answer(Made(5));
  const auto began = Clock::now();
  expect_failure(Failure::Kind::unreachable);
  EXPECT_LT(Clock::now() - began, 400ms);
  EXPECT_TRUE(table_->take_notices().empty());
  while (!get(*table_, {"a"}).value) std::this_thread::sleep_for(20ms);
  EXPECT_LT(Clock::now() - began, 5s);
}

TEST_F(TableFaultsTest, AThousandReadsAtOnceUseThirtyTwoConnections) {
  table_ = open_table(environment(server_.url()), 20s);
  std::latch all(1000);
  std::atomic<int> good{0};
  for (int i = 0; i < 1000; ++i) {
    table_->get({"a"}, [&](Outcome<std::vector<Item>> outcome) {
      good += outcome.value.has_value();
      all.count_down();
    });
  }
  all.wait();
  EXPECT_EQ(good, 1000);
  EXPECT_LE(server_.connections(), 32);
  EXPECT_EQ(table_->usage().requests["BatchGetItem"], 1000u);
}

TEST_F(TableFaultsTest, RequestsThatWaitForAConnectionFailWhenTheirTimeIsOver) {
  table_ = open_table(environment(server_.url()), 600ms);
  server_.answer([](const auto&) { return Scripted{.end = End::silence}; });
  std::latch all(100);
  std::atomic<int> failed{0};
  const auto began = Clock::now();
  for (int i = 0; i < 100; ++i) {
    table_->get({"a"}, [&](Outcome<std::vector<Item>> outcome) {
      failed += outcome.failure.kind == Failure::Kind::unreachable;
      all.count_down();
    });
  }
  all.wait();
  EXPECT_EQ(failed, 100);
  EXPECT_LT(Clock::now() - began, 1500ms);
}

TEST_F(TableFaultsTest, AProcessThatEndsAmidRequestsEndsWell) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "ThreadSanitizer does not support threads after a fork, and LeakSanitizer cannot stop the child's";
#endif
  server_.answer([](const auto& seen) { return seen.body.find("good") == std::string::npos ? refusal("InternalServerError", 500) : Scripted{200, kItem}; });
  for (int round = 0; round < 10; ++round) {
    const auto child = ::fork();
    if (child == 0) {
      const auto own = open_table(environment(server_.url()), 3s);
      for (int i = 0; i < 200; ++i) own->get({i % 2 ? "good" : "bad"}, [](const auto&) {});
      std::this_thread::sleep_for(std::chrono::milliseconds(10 * round));
      std::exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
}

TEST_F(TableFaultsTest, TheBytesSentAreCounted) {
  ASSERT_TRUE(put(*table_, item("a", std::string(5000, 'x'))).value);
  ASSERT_TRUE(get(*table_, {"a"}).value);
  std::size_t sent = 0;
  for (const auto& one : server_.seen()) sent += one.head.size() + 2 + one.body.size();
  EXPECT_LE(table_->usage().bytes_sent, sent);
  EXPECT_GE(table_->usage().bytes_sent + 2 * 100, sent);  // the lines that libcurl adds to each
}

TEST_F(TableFaultsTest, AnEndpointWithAPathIsUsedWithIt) {
  table_ = open_table(environment(server_.url() + "/some/where"));
  ASSERT_TRUE(get(*table_, {"a"}).value);
  EXPECT_TRUE(server_.seen()[0].head.starts_with("POST /some/where/ HTTP/1.1\r\n")) << server_.seen()[0].head;
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
