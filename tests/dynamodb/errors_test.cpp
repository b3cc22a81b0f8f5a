// What refusals mean, and where asking again ends.
#include "dynamodb/errors.hpp"

#include <gtest/gtest.h>

#include <latch>
#include <thread>

#include "dynamodb/faulty_server.hpp"
#include "dynamodb/waiting.hpp"
#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

TEST(Errors, What_may_be_otherwise_in_a_moment_is_told_from_what_will_not) {
  struct Case {
    int status;
    const char* code;
    Meaning meaning;
  };
  using enum Meaning;
  for (const auto& [status, code, meaning] : std::initializer_list<Case>{
           {400, "ProvisionedThroughputExceededException", trouble},
           {400, "RequestLimitExceeded", trouble},
           {400, "Throttling", trouble},
           {400, "ThrottlingException", trouble},
           {400, "ThrottledException", trouble},
           {400, "RequestThrottled", trouble},
           {400, "RequestThrottledException", trouble},
           {400, "TooManyRequestsException", trouble},
           {400, "LimitExceededException", trouble},
           {400, "TransactionInProgressException", trouble},
           {503, "SlowDown", trouble},
           {500, "InternalServerError", trouble},
           {500, "InternalFailure", trouble},
           {503, "ServiceUnavailable", trouble},
           {429, "HTTP 429", trouble},
           {408, "HTTP 408", trouble},
           {400, "RequestTimeout", trouble},
           {500, "HTTP 500", trouble},
           {502, "HTTP 502", trouble},
           {503, "HTTP 503", trouble},
           {504, "HTTP 504", trouble},
           {599, "HTTP 599", trouble},
           {404, "HTTP 404", unreachable},
           {302, "HTTP 302", unreachable},
           {403, "HTTP 403", denied},
           {401, "HTTP 401", denied},
           {400, "AccessDeniedException", denied},
           {400, "ExpiredTokenException", expired},
           {400, "UnrecognizedClientException", expired},
           {403, "RequestTimeTooSkewed", skewed},
           {400, "ResourceNotFoundException", no_table},
           {400, "ResourceInUseException", in_use},
           {400, "ConditionalCheckFailedException", condition},
           {400, "ValidationException", invalid},
           {400, "SomethingNewException", invalid},
       }) {
    EXPECT_EQ(meaning_of(status, {code, {}}), meaning) << status << ' ' << code;
  }
  EXPECT_EQ(meaning_of(400, {"ValidationException", "Item size has exceeded the maximum allowed size"}), too_large);
}

TEST(Errors, Where_all_fail_there_is_one_retry_for_each_five_tokens_and_then_none) {
  FaultyServer server({500, R"({"__type":"InternalServerError"})"});
  const auto table = open_table(environment(server.url()), 20s);
  std::latch all(150);
  for (int i = 0; i < 150; ++i) table->get({"a"}, [&](const auto&) { all.count_down(); });
  all.wait();
  EXPECT_EQ(table->usage().retries, 100u);
  EXPECT_EQ(server.seen().size(), 250u);
}

TEST(Errors, A_connection_that_is_not_accepted_is_given_up_after_a_second) {
  const platform::Descriptor listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const where = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener.get(), where, size), 0);
  ::getsockname(listener.get(), where, &size);
  ASSERT_EQ(::listen(listener.get(), 0), 0);
  std::vector<platform::Descriptor> waiting;  // more than the listener's queue holds
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    ::connect(waiting.back().get(), where, size);
  }
  const auto table = open_table(environment("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port))), 10s);
  const auto began = Clock::now();
  table->get({"a"}, [](const auto&) {});
  while (table->usage().errors["timeout"] == 0 && Clock::now() - began < 5s) std::this_thread::sleep_for(5ms);
  EXPECT_GT(Clock::now() - began, 900ms);
  EXPECT_LT(Clock::now() - began, 1600ms);
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
