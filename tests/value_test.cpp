#include "cacherator/value.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <list>

namespace cacherator {
namespace {

template <class T>
T there_and_back(const T& value) {
  return from_text<T>(to_text(value));
}

TEST(Value, What_JSON_knows_stands_as_it_is) {
  EXPECT_EQ(to_text(5), "5");
  EXPECT_EQ(to_text(true), "true");
  EXPECT_EQ(to_text(2.0), "2.0");
  EXPECT_EQ(to_text(std::string("caf\xc3\xa9")), "\"caf\xc3\xa9\"");
  EXPECT_EQ(to_text(std::vector{1, 2}), "[1,2]");
  EXPECT_EQ(to_text(std::optional<int>()), "null");
  EXPECT_EQ(to_text(std::map<std::string, int>{{"a", 1}}), R"({"a":1})");
}

TEST(Value, What_JSON_cannot_say_is_tagged_as_Python_tags_it) {
  EXPECT_EQ(to_text(std::tuple(1, "a")), R"({"$cacherator":"tuple","value":[1,"a"]})");
  EXPECT_EQ(to_text(std::set{2, 1}), R"({"$cacherator":"set","value":[1,2]})");
  EXPECT_EQ(to_text(std::map<int, int>{{1, 2}}), R"({"$cacherator":"dict","value":[[1,2]]})");
  EXPECT_EQ(to_text(-INFINITY), R"({"$cacherator":"float","value":"-inf"})");
  EXPECT_EQ(to_text(std::map<std::string, int>{{"$cacherator", 1}}), R"({"$cacherator":"object","value":{"$cacherator":1}})");
}

TEST(Value, One_of_more_than_256_MiB_is_refused) {
  EXPECT_NO_THROW((void)to_text(std::string(1 << 20, 'a')));
  try {
    (void)to_text(std::string(256 << 20, 'a'));
    FAIL();
  } catch (const ValueError& error) {
    EXPECT_STREQ(error.what(), "result: it is larger than 256 MiB as JSON");
  }
}

TEST(Value, Comes_back_equal) {
  using Deep = std::map<std::string, std::vector<std::pair<int, std::optional<std::set<std::string>>>>>;
  const Deep deep{{"a", {{1, {{"x", "y"}}}, {2, std::nullopt}}}, {"$cacherator", {}}};
  EXPECT_EQ(there_and_back(deep), deep);
  EXPECT_EQ(there_and_back(std::array{1.5, -0.0}), (std::array{1.5, -0.0}));
  EXPECT_EQ(there_and_back(std::list<bool>{true, false}), (std::list<bool>{true, false}));
  EXPECT_EQ(there_and_back(UINT64_MAX), UINT64_MAX);
  EXPECT_EQ(there_and_back(INT64_MIN), INT64_MIN);
  EXPECT_EQ(there_and_back(0.1 + 0.2), 0.1 + 0.2);
  EXPECT_EQ(there_and_back(std::vector<bool>{true, false}), (std::vector<bool>{true, false}));
  EXPECT_EQ(*there_and_back(std::make_shared<const std::string>("shared")), "shared");
  EXPECT_EQ(there_and_back('c'), 'c');
}

TEST(Value, JSON_of_the_users_own_may_hold_anything) {
  const nlohmann::json own = {{"$cacherator", "tuple"}, {"value", {1, 2}}, {"n", {{"nested", {1.5, nullptr}}}}};
  EXPECT_EQ(there_and_back(own), own);
  EXPECT_EQ(from_text<nlohmann::json>(R"({"$cacherator":"tuple","value":[1,{"$cacherator":"set","value":[2]}]})"), nlohmann::json::parse("[1,[2]]"));
}

TEST(Value, The_incumbents_text_means_what_it_says) {
  EXPECT_EQ(from_text<nlohmann::json>(R"({"$cacherator":"tuple","value":[1]})", true), nlohmann::json::parse(R"({"$cacherator":"tuple","value":[1]})"));
  EXPECT_TRUE(std::isnan(from_text<double>("NaN", true)));
  EXPECT_EQ(from_text<std::vector<double>>("[Infinity, -Infinity]", true), (std::vector<double>{INFINITY, -INFINITY}));
  EXPECT_EQ(from_text<std::string>(R"("a\ud83d\ude00b\ud800c NaN")", true), "a\U0001F600b\uFFFDc NaN");
  EXPECT_EQ(from_text<double>("123456789012345678901234567890"), 123456789012345678901234567890.0);
  EXPECT_EQ((from_text<std::pair<int, int>>("[1, 2]", true)), std::pair(1, 2)) << "1.2.9 wrote tuples as lists";
}

TEST(Value, What_Python_tags_is_read_as_what_is_inside) {
  const auto tagged = [](const std::string& tag, const std::string& value) { return R"({"$cacherator":")" + tag + R"(","value":)" + value + "}"; };
  for (const char* tag : {"datetime", "date", "time", "Decimal", "UUID", "Path", "Enum"}) EXPECT_EQ(from_text<std::string>(tagged(tag, "\"x\"")), "x") << tag;
  using Numbers = std::vector<double>;
  for (const char* tag : {"tuple", "set", "frozenset", "namedtuple", "deque", "timedelta", "complex"}) {
    EXPECT_EQ(from_text<Numbers>(tagged(tag, "[1,2.5]")), (Numbers{1, 2.5})) << tag;
    EXPECT_EQ(from_text<std::set<double>>(tagged(tag, "[1,2.5]")).size(), 2u) << tag;
  }
  using Named = std::map<std::string, int>;
  for (const char* tag : {"OrderedDict", "Counter", "defaultdict", "dataclass", "object"})
    EXPECT_EQ(from_text<Named>(tagged(tag, R"({"a":1})")), (Named{{"a", 1}})) << tag;
  EXPECT_EQ((from_text<std::map<int, int>>(tagged("Counter", tagged("dict", "[[1,2]]")))), (std::map<int, int>{{1, 2}}));
  EXPECT_THROW(from_text<std::string>(tagged("bytes", "\"eA==\"")), ValueError);
}

TEST(Value, A_text_of_another_type_is_refused_and_shown) {
  const auto refusal = [](auto read) -> std::string {
    try {
      read();
    } catch (const ValueError& error) {
      return error.what();
    }
    return "it was accepted";
  };
  EXPECT_EQ(refusal([] { from_text<int>("1.5"); }), "it is not an integer of the type's range: 1.5");
  EXPECT_EQ(refusal([] { from_text<std::int8_t>("300"); }), "it is not an integer of the type's range: 300");
  EXPECT_EQ(refusal([] { from_text<unsigned>("-1"); }), "it is not an integer of the type's range: -1");
  EXPECT_EQ(refusal([] { from_text<bool>("1"); }), "it is not a bool: 1");
  EXPECT_EQ(refusal([] { from_text<std::string>("[]"); }), "it is not a text: []");
  EXPECT_EQ(refusal([] { from_text<std::tuple<int, int>>("[1]"); }), "it is not a tuple of the type's length: [1]");
  EXPECT_EQ(refusal([] { from_text<int>("nonsense"); }), "it is no JSON that this library reads, which is at most 512 levels deep");
  EXPECT_EQ(refusal([] {
              to_text(std::map<std::string, std::vector<std::string>>{{"a", {"", "\xff"}}});
            }),
            "result['a'][1] is not UTF-8 text; use std::vector<std::uint8_t> for bytes");
}

}  // namespace
}  // namespace cacherator
