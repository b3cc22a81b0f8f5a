// What AWS's published test suite for Signature Version 4 says, and what must hold beside it. Random requests: sign_oracle.py.
#include "dynamodb/sign.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <set>
#include <thread>

namespace cacherator::engine::dynamodb {
namespace {

constexpr Time kThen = 1440938160 * kSecond;  // 20150830T123600Z
constexpr const char* kEmpty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kToken =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/"
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8p"
    "hUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+"
    "scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabI"
    "Qwj2ICCR/oLxBA==";

Credentials example(const std::string& token = "") { return {.key_id = "AKIDEXAMPLE", .secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", .token = token}; }

struct Example {
  std::string method{"GET"}, path{"/"}, query{};
  std::vector<Header> headers{};
  std::string body{}, token{};
};

Signed sign_example(const Example& one) {
  return sign({.method = one.method, .host = "example.amazonaws.com", .path = one.path, .query = one.query, .headers = &one.headers, .body = one.body},
              example(one.token), "us-east-1", "service", kThen);
}

std::string header_of(const Signed& done, const std::string& name) {
  for (const auto& [known, value] : done.headers) {
    if (known == name) return value;
  }
  return {};
}

TEST(Sign, A_plain_GET_goes_through_the_steps_that_are_published) {
  const auto done = sign_example({});
  EXPECT_EQ(done.canonical_request, std::string("GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n") + kEmpty);
  EXPECT_EQ(done.string_to_sign,
            "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\nbb579772317eb040ac9ed261061d46c1f17a8133879d6129b6e1c25292927e63");
  EXPECT_EQ(done.signature, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(header_of(done, "authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
            "Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
  EXPECT_EQ(header_of(done, "x-amz-date"), "20150830T123600Z");
  EXPECT_EQ(header_of(done, "x-amz-security-token"), "");
}

struct Published {
  const char* name;
  Example request;
  const char* signature;
};

TEST(Sign, The_signatures_are_those_that_are_published) {
  const Published all[] = {
      {"post-vanilla", {.method = "POST"}, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"get-vanilla-query-order-key-case", {.query = "Param2=value2&Param1=value1"}, "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-query-unreserved",
       {.query = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
       "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
      {"get-vanilla-utf8-query", {.query = "\u1234=bar"}, "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"get-unreserved",
       {.path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"},
       "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
      {"get-utf8", {.path = "/\u1234"}, "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
      {"get-header-value-trim",
       {.headers = {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\""}}},
       "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
      {"get-header-key-duplicate",
       {.headers = {{"My-Header1", "value2"}, {"My-Header1", "value2"}, {"My-Header1", "value1"}}},
       "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
      {"get-header-value-order",
       {.headers = {{"My-Header1", "value4"}, {"My-Header1", "value1"}, {"My-Header1", "value3"}, {"My-Header1", "value2"}}},
       "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
      {"post-header-key-sort", {.method = "POST", .headers = {{"My-Header1", "value1"}}}, "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
      {"post-x-www-form-urlencoded",
       {.method = "POST", .headers = {{"Content-Type", "application/x-www-form-urlencoded"}}, .body = "Param1=value1"},
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"post-x-www-form-urlencoded-parameters",
       {.method = "POST", .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf8"}}, .body = "Param1=value1"},
       "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
      {"post-sts-header-before", {.method = "POST", .token = kToken}, "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
  };
  for (const auto& one : all) EXPECT_EQ(sign_example(one.request).signature, one.signature) << one.name << "\n" << sign_example(one.request).canonical_request;
}

TEST(Sign, Dots_and_empty_segments_of_a_path_are_resolved_as_published) {
  const auto path_of = [](const std::string& path) {
    const auto text = sign_example({.path = path}).canonical_request;
    return text.substr(4, text.find('\n', 4) - 4);
  };
  EXPECT_EQ(path_of("/example/.."), "/");
  EXPECT_EQ(path_of("/./example"), "/example");
  EXPECT_EQ(path_of("//example//"), "/example/");
  EXPECT_EQ(path_of("/../.."), "/");
  EXPECT_EQ(path_of(""), "/");
  EXPECT_EQ(path_of("/example space/"), "/example%20space/");
  EXPECT_EQ(path_of("/a%20b"), "/a%2520b") << "a path is encoded once more than it is sent";
}

TEST(Sign, A_token_is_signed_and_sent) {
  const auto done = sign_example({.token = "t"});
  EXPECT_NE(done.canonical_request.find("\nx-amz-security-token:t\n\nhost;x-amz-date;x-amz-security-token\n"), std::string::npos);
  EXPECT_EQ(header_of(done, "x-amz-security-token"), "t");
}

TEST(Sign, A_kept_key_serves_only_the_secret_day_region_and_service_it_was_made_for) {
  const std::vector<Header> none;
  const Signable request{.host = "h", .headers = &none};
  std::vector<std::string> first, again;
  for (auto* out : {&first, &again}) {
    for (const char* secret : {"a", "b"}) {
      for (const Time at : {kThen, kThen + 86400 * kSecond}) {
        for (const char* region : {"eu-west-1", "eu-west-2"}) {
          for (const char* service : {"dynamodb", "sts"}) out->push_back(sign(request, {.key_id = "k", .secret = secret}, region, service, at).signature);
        }
      }
    }
  }
  EXPECT_EQ(first, again);
  EXPECT_EQ(std::set<std::string>(first.begin(), first.end()).size(), first.size());
}

TEST(Sign, Threads_that_sign_at_once_get_what_one_alone_gets) {
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  const auto right = sign_example({.token = kToken}).signature;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 500; ++round)
        wrong += sign_example({.method = "POST", .token = kToken}).signature == right || sign_example({.token = kToken}).signature != right;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST(Sign, A_signature_of_a_kilobyte_costs_microseconds_not_milliseconds) {
  const std::string body(1024, 'x');
  const std::vector<Header> headers{{"content-type", "application/x-amz-json-1.0"}, {"x-amz-target", "DynamoDB_20120810.BatchGetItem"}};
  const Signable request{.host = "dynamodb.eu-west-1.amazonaws.com", .headers = &headers, .body = body};
  const auto who = example();
  constexpr int kRounds = 2000;
  const auto begin = std::chrono::steady_clock::now();
  std::size_t sum = 0;
  for (int i = 0; i < kRounds; ++i) sum += sign(request, who, "eu-west-1", "dynamodb", kThen).signature.size();
  const std::chrono::duration<double, std::micro> each = (std::chrono::steady_clock::now() - begin) / kRounds;
  EXPECT_EQ(sum, 64u * kRounds);
  RecordProperty("microseconds", std::to_string(each.count()));
  EXPECT_LT(each.count(), 200) << "it is about 3 on a machine that is not busy, without sanitizers";
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
