// What every layer promises those who share it, asked through the face: by objects of one folder (the local layer), and by those of several folders that share
// a table (the second layer). "The other" is who did not compute: another object, or another machine.
#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <thread>

#include "cacherator/cacherator.hpp"
#include "server.hpp"
#include "temporary_folder.hpp"

namespace cacherator {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

struct Site : JSONCache {
  explicit Site(Options options) : JSONCache(std::move(options)) {}

  Json answer = "unset";  ///< what it computes
  int computed = 0;
  std::function<void()> meanwhile = [] {};
  Cached<Json(std::string)> f{this, "f", [this](const std::string&) { return compute(); }};
  Cached<Json(std::string)> g{this, "g", [this](const std::string&) { return compute(); }};
  Cached<Json(std::string)> brief{this, "brief", [this](const std::string&) { return compute(); }, {.ttl = 300ms}};
  Persistent<int> score{this, "score", 0};

 private:
  Json compute() {
    ++computed;
    meanwhile();
    return answer;
  }
};

enum class Shared : std::uint8_t { folder, table };

class ContractTest : public testing::TestWithParam<Shared> {
 protected:
  void SetUp() override {
    for (const auto& [name, value] : std::map<std::string, std::string>{{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                                                                        {"AWS_SECRET_ACCESS_KEY", "secret"},
                                                                        {"AWS_REGION", "eu-west-1"},
                                                                        {"AWS_EC2_METADATA_DISABLED", "true"},
                                                                        {"HOME", folder_.str()}}) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
    if (GetParam() == Shared::folder) return;
    server_.start();
    ::setenv("AWS_ENDPOINT_URL_DYNAMODB", server_.url().c_str(), 1);
  }
  std::unique_ptr<Site> site(const char* name, Json answer) {
    static int table = 0;
    if (table_.empty()) table_ = "contract-" + std::to_string(++table);
    Options options{.data_id = "contract", .directory = folder_.path() / (GetParam() == Shared::folder ? "one" : name)};
    if (GetParam() == Shared::table) options.dynamodb_table = table_;
    auto made = std::make_unique<Site>(std::move(options));
    made->answer = std::move(answer);
    return made;
  }
  [[nodiscard]] const char* shared() const { return GetParam() == Shared::folder ? "l1" : "l2"; }

 private:
  TemporaryFolder folder_;
  Dynalite server_{{"--createTableMs", "0"}};
  std::string table_;
};

TEST_P(ContractTest, What_one_has_computed_the_other_need_not) {
  const auto a = site("a", "a's"), b = site("b", "b's");
  EXPECT_EQ(a->f("x"), "a's");
  EXPECT_EQ(a->last_cache_status(), "miss");
  a->json_cache_save();
  EXPECT_EQ(b->f("x"), "a's");
  EXPECT_EQ(b->last_cache_status(), shared());
  EXPECT_EQ(b->f("x"), "a's");
  EXPECT_EQ(b->last_cache_status(), "l1");
  EXPECT_EQ(b->computed, 0);
  EXPECT_EQ(b->f("y"), "b's");
  EXPECT_EQ(b->g("x"), "b's") << "of another function";
}

TEST_P(ContractTest, Values_come_as_they_were) {
  const auto a = site("a", nullptr), b = site("b", "b's");
  const std::vector<Json> values{nullptr, 0.1, "\u00e9\n\"\\", std::string(300'000, 'x'), {{"$cacherator", "tuple"}}, {1, {{"k", {true, nullptr}}}}};
  for (std::size_t i = 0; i < values.size(); ++i) {
    a->answer = values[i];
    a->f(std::to_string(i));
  }
  a->json_cache_save();
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(b->f(std::to_string(i)), values[i]);
  EXPECT_EQ(b->computed, 0);
}

TEST_P(ContractTest, Long_calls_that_begin_alike_are_kept_apart) {
  const auto a = site("a", "one"), b = site("b", "b's");
  a->f(std::string(500, 'x') + "1");
  a->answer = "two";
  a->f(std::string(500, 'x') + "2");
  a->json_cache_save();
  EXPECT_EQ(b->f(std::string(500, 'x') + "2"), "two");
  EXPECT_EQ(b->f(std::string(500, 'x') + "1"), "one");
  EXPECT_EQ(b->f(std::string(500, 'x') + "3"), "b's");
}

TEST_P(ContractTest, What_was_cleared_does_not_come_back_and_the_rest_stays) {
  const auto a = site("a", "old");
  for (const char* call : {"1", "2", "3"}) a->f(call), a->g(call);
  a->json_cache_save();
  a->json_cache_clear("f('1',){}");
  const auto b = site("b", "b's");
  EXPECT_EQ(b->f("1"), "b's");
  EXPECT_EQ(b->f("2"), "old");
  b->json_cache_clear("g");
  const auto c = site("c", "c's");
  EXPECT_EQ(c->g("1"), "c's");
  EXPECT_EQ(c->f("3"), "old");
  c->json_cache_clear();
  const auto d = site("d", "d's");
  for (const char* call : {"1", "2", "3"}) EXPECT_EQ(d->f(call), "d's");
}

TEST_P(ContractTest, Of_a_call_that_is_computed_again_the_last_value_counts) {
  const auto a = site("a", "first");
  a->f("x");
  a->json_cache_clear("f");
  a->answer = "last";
  a->f("x");
  a->json_cache_save();
  EXPECT_EQ(site("b", "b's")->f("x"), "last");
}

TEST_P(ContractTest, What_was_begun_before_a_clear_and_ends_after_it_counts_for_nobody) {
  const auto slow = site("slow", "stale"), other = site("other", "fresh");
  slow->g("opened"), other->g("opened");
  std::promise<void> begun, cleared;
  slow->meanwhile = [&] {
    begun.set_value();
    cleared.get_future().wait();
  };
  auto answer = std::async(std::launch::async, [&] { return slow->f("x"); });
  begun.get_future().wait();
  other->json_cache_clear("f");
  cleared.set_value();
  EXPECT_EQ(answer.get(), "stale") << "whoever asked before gets what it asked for";
  slow->json_cache_save();
  EXPECT_EQ(site("third", "fresh")->f("x"), "fresh");
}

TEST_P(ContractTest, What_has_outlived_its_ttl_is_computed_anew) {
  const auto a = site("a", "old"), b = site("b", "new");
  a->brief("x");
  a->json_cache_save();
  std::this_thread::sleep_for(350ms);
  EXPECT_EQ(b->brief("x"), "new");
  EXPECT_EQ(b->last_cache_status(), "miss");
}

TEST_P(ContractTest, What_throws_is_remembered_nowhere) {
  const auto a = site("a", "a's"), b = site("b", "b's");
  a->meanwhile = [] { throw std::runtime_error("no"); };
  EXPECT_THROW(a->f("x"), std::runtime_error);
  a->json_cache_save();
  EXPECT_EQ(b->f("x"), "b's");
}

TEST_P(ContractTest, Of_a_variable_the_newest_value_counts) {
  const auto a = site("a", "");
  a->score = 1;
  a->json_cache_save();
  const auto b = site("b", "");
  EXPECT_EQ(b->score.get(), 1);
  b->score = 2;
  b->json_cache_save();
  a->json_cache_save();  // nothing of it has changed there
  EXPECT_EQ(site("c", "")->score.get(), 2);
}

INSTANTIATE_TEST_SUITE_P(Layer, ContractTest, testing::Values(Shared::folder, Shared::table),
                         [](const auto& shared) { return shared.param == Shared::folder ? "local" : "dynamodb"; });

}  // namespace
}  // namespace cacherator
