// When credentials are fetched, by whom, and who waits for that.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <atomic>
#include <chrono>
#include <future>

#include "cacherator/detail/cache.hpp"
#include "dynamodb/credentials.hpp"
#include "http_server.hpp"
#include "local/dates.hpp"
#include "platform/faults.hpp"
#include "world.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Reply = HttpServer::Reply;
using Request = HttpServer::Request;
using namespace std::chrono_literals;

constexpr Time kMinute = 60 * kSecond;

/// The clock that credentials expire by.
struct Later : platform::Faults {
  Later() { platform::faults = this; }
  ~Later() override { platform::faults = nullptr; }
  std::int64_t clock(std::int64_t time) override { return time + ahead; }
  std::atomic<Time> ahead = 0;
};

/// What a source answers, as soon as it does.
std::future<Result<Credentials>> ask(CredentialSource& source) {
  auto promise = std::make_shared<std::promise<Result<Credentials>>>();
  auto answer = promise->get_future();
  source.get([promise](const Result<Credentials>& found) { promise->set_value(found); });
  return answer;
}

bool at_once(std::future<Result<Credentials>>& answer) { return answer.wait_for(0s) == std::future_status::ready; }

std::string key_of(std::future<Result<Credentials>> answer) {
  if (answer.wait_for(10s) != std::future_status::ready) return "no answer";
  const auto found = answer.get();
  return found ? found->key_id : found.fault().message;
}

template <class Condition>
bool comes_true(const Condition& condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

/// A container's service that gives "k1", "k2", … each for an hour from the time that counts.
struct SourceTest : testing::Test {
  Reply answer() {
    const int number = ++given;
    std::this_thread::sleep_for(std::chrono::milliseconds(delay));
    if (status != 200) return {.status = status};
    const auto end = utc_stamp(now() + life);
    const std::string date = end.substr(0, 4) + '-' + end.substr(4, 2) + '-' + end.substr(6, 5) + ':' + end.substr(11, 2) + ':' + end.substr(13);
    return {.body = R"({"AccessKeyId": "k)" + std::to_string(number) + R"(", "SecretAccessKey": "s", "Token": "t", "Expiration": ")" + date + "\"}"};
  }

  Later later;
  std::atomic<int> given = 0, status = 200, delay = 0;
  std::atomic<Time> life = 60 * kMinute;
  HttpServer server{[this](const Request&) { return answer(); }};
  World world;
  void SetUp() override { world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url()); }
};

TEST(CredentialSource, Those_that_stand_in_the_environment_or_a_file_are_given_at_once_on_the_callers_thread) {
  World world;
  world.credentials("[default]\naws_access_key_id = file\naws_secret_access_key = s\n");
  for (const char* key : {"file", "env"}) {
    CredentialSource source(world.environment(), world.profiles());
    std::thread::id thread;
    std::string found;
    source.get([&](const Result<Credentials>& given) {
      thread = std::this_thread::get_id();
      found = given ? given->key_id : given.fault().message;
    });
    EXPECT_EQ(found, key);
    EXPECT_EQ(thread, std::this_thread::get_id());
    world.set("AWS_ACCESS_KEY_ID", "env").set("AWS_SECRET_ACCESS_KEY", "s");
  }
}

TEST_F(SourceTest, Callers_share_one_fetch_on_a_thread_of_its_own) {
  delay = 100;
  CredentialSource source(world.environment(), world.profiles());
  std::vector<std::future<Result<Credentials>>> answers;
  for (int i = 0; i < 8; ++i) answers.push_back(ask(source));
  EXPECT_FALSE(at_once(answers[0]));
  for (auto& answer : answers) EXPECT_EQ(key_of(std::move(answer)), "k1");
  auto known = ask(source);
  EXPECT_TRUE(at_once(known));
  EXPECT_EQ(given, 1);
}

TEST_F(SourceTest, Near_their_end_they_are_fetched_again_while_the_known_ones_are_given_out) {
  CredentialSource source(world.environment(), world.profiles());
  EXPECT_EQ(key_of(ask(source)), "k1");
  later.ahead = 44 * kMinute;
  EXPECT_EQ(key_of(ask(source)), "k1");
  EXPECT_EQ(given, 1) << "16 minutes are left";
  later.ahead = 46 * kMinute;
  delay = 100;
  auto answer = ask(source);
  EXPECT_TRUE(at_once(answer));
  EXPECT_EQ(key_of(std::move(answer)), "k1");
  EXPECT_TRUE(comes_true([&] { return key_of(ask(source)) == "k2"; }));
  EXPECT_EQ(given, 2);
}

TEST_F(SourceTest, Within_ten_minutes_of_their_end_callers_wait_for_new_ones) {
  CredentialSource source(world.environment(), world.profiles());
  EXPECT_EQ(key_of(ask(source)), "k1");
  later.ahead = 51 * kMinute;
  EXPECT_EQ(key_of(ask(source)), "k2");
  later.ahead = 200 * kMinute;
  EXPECT_EQ(key_of(ask(source)), "k3") << "they have ended";
}

TEST_F(SourceTest, Those_that_do_not_last_are_not_fetched_for_each_call) {
  life = 5 * kMinute;
  CredentialSource source(world.environment(), world.profiles());
  for (int i = 0; i < 20; ++i) EXPECT_EQ(key_of(ask(source)), "k1");
  EXPECT_EQ(given, 1);
}

TEST_F(SourceTest, Where_a_fetch_fails_the_known_ones_serve_to_their_end) {
  CredentialSource source(world.environment(), world.profiles());
  EXPECT_EQ(key_of(ask(source)), "k1");
  status = 500;
  later.ahead = 55 * kMinute;
  EXPECT_EQ(key_of(ask(source)), "k1");
  later.ahead = 61 * kMinute;
  EXPECT_NE(key_of(ask(source)).find("500"), std::string::npos);
}

TEST_F(SourceTest, A_fault_is_repeated_for_a_second_before_it_is_tried_again) {
  status = 404;
  CredentialSource source(world.environment(), world.profiles());
  EXPECT_NE(key_of(ask(source)).find("404"), std::string::npos);
  const int asked = given;
  auto again = ask(source);
  EXPECT_TRUE(at_once(again));
  EXPECT_EQ(given, asked);
  status = 200;
  EXPECT_TRUE(comes_true([&] { return key_of(ask(source)).starts_with("k"); }));
}

TEST_F(SourceTest, What_the_server_refused_is_fetched_anew) {
  CredentialSource source(world.environment(), world.profiles());
  EXPECT_EQ(key_of(ask(source)), "k1");
  source.refuse({.key_id = "others", .secret = "s", .token = "t"});
  EXPECT_EQ(key_of(ask(source)), "k1") << "those were not refused";
  source.refuse(*ask(source).get());
  EXPECT_EQ(key_of(ask(source)), "k2");
}

TEST(CredentialSource, After_a_refusal_the_files_are_read_again_and_the_same_ones_are_not_fetched_twice) {
  World world;
  world.credentials("[default]\naws_access_key_id = old\naws_secret_access_key = s\n");
  CredentialSource source(world.environment(), world.profiles());
  const auto old = *ask(source).get();
  source.refuse(old);
  EXPECT_EQ(key_of(ask(source)), "old");
  world.credentials("[default]\naws_access_key_id = new\naws_secret_access_key = s\n");
  source.refuse(old);
  EXPECT_EQ(key_of(ask(source)), "old") << "the same were refused a moment ago";
  CredentialSource other(world.environment(), world.profiles());
  EXPECT_EQ(key_of(ask(other)), "new");
  world.credentials("[default]\naws_access_key_id = newer\naws_secret_access_key = s\n");
  other.refuse(*ask(other).get());
  EXPECT_EQ(key_of(ask(other)), "newer");
}

TEST_F(SourceTest, A_source_that_goes_while_it_fetches_still_answers) {
  delay = 100;
  std::future<Result<Credentials>> answer;
  {
    CredentialSource source(world.environment(), world.profiles());
    answer = ask(source);
  }
  EXPECT_EQ(key_of(std::move(answer)), "k1");
}

TEST(CredentialSource, A_service_that_never_answers_does_not_hold_the_caller) {
  HttpServer server([](const Request&) { return Reply{.none = true}; });
  World world;
  world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url()).set("AWS_EC2_METADATA_DISABLED", "");
  CredentialSource source(world.environment(), world.profiles());
  const auto begin = std::chrono::steady_clock::now();
  auto answer = ask(source);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 500ms);
  EXPECT_NE(key_of(std::move(answer)).find("did not answer"), std::string::npos);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST_F(SourceTest, Many_threads_that_ask_and_refuse_at_once_all_get_answers) {
  CredentialSource source(world.environment(), world.profiles());
  std::vector<std::thread> threads;
  std::atomic<int> answers = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        auto answer = ask(source);
        if (answer.wait_for(20s) != std::future_status::ready) continue;
        const auto found = answer.get();
        answers += found ? 1 : 0;
        if (found && round % 10 == 9) source.refuse(*found);
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(answers, 200);
}

// Sanitizers and a fork amid threads do not mix.
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
TEST_F(SourceTest, A_child_that_is_forked_amid_a_fetch_fetches_for_itself) {
  delay = 300;
  CredentialSource source(world.environment(), world.profiles());
  auto answer = ask(source);
  ASSERT_TRUE(comes_true([&] { return given == 1; }));
  const pid_t child = ::fork();
  if (child == 0) {
    const bool well = !at_once(answer) && key_of(ask(source)) == "k2";
    ::_exit(well ? 0 : 1);
  }
  EXPECT_EQ(key_of(std::move(answer)), "k1");
  int ended = -1;
  ::waitpid(child, &ended, 0);
  EXPECT_EQ(ended, 0);
}
#endif

}  // namespace
}  // namespace cacherator::engine::dynamodb
