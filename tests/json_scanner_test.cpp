#include "local/json_scanner.hpp"

#include <gtest/gtest.h>

#include "cacherator/detail/json.hpp"
#include "cacherator/detail/text.hpp"

namespace cacherator::engine {
namespace {

std::string nested(int levels) { return std::string(static_cast<std::size_t>(levels), '[') + std::string(static_cast<std::size_t>(levels), ']'); }

std::string unescaped(std::string_view raw) {
  std::string out;
  append_unescaped(out, raw);
  return out;
}

TEST(JsonScanner, Whatever_RFC_8259_allows_is_a_value) {
  for (const char* text : {"null", "true", "false", "0", "-0", "12", "-1.5", "1e5", "1E+5", "0.25e-3", "\"\"", "\"text\"", "[]", "{}", " [ 1 , 2 ] ",
                           "{\"a\": {\"b\": [1, \"2\", null]}, \"a\": 2}", "\t\r\n1\n", R"("\"\\\/\b\f\n\r\t\u00e9")"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(JsonScanner, What_Python_writes_beside_it_is_a_value_too) {
  for (const char* text : {"NaN", "Infinity", "-Infinity", "[NaN, -Infinity]", "123456789012345678901234567890123456789012345678901234567890", R"("\ud800")",
                           R"("\udc00\ud800")"}) {
    EXPECT_TRUE(is_json(text)) << text;
  }
}

TEST(JsonScanner, What_neither_of_them_writes_is_refused) {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "nulll",
                           "True",
                           "None",
                           "nan",
                           "-NaN",
                           "+1",
                           "01",
                           "-01",
                           ".5",
                           "1.",
                           "1.e5",
                           "1e",
                           "1e+",
                           "-",
                           "--1",
                           "0x10",
                           "'a'",
                           "\"",
                           "\"a",
                           R"("\x41")",
                           R"("\u12g4")",
                           R"("\u12")",
                           "\"a\nb\"",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "[",
                           "]",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{a: 1}",
                           "{\"a\": 1,}",
                           "{1: 2}",
                           "1 2",
                           "[1]]",
                           "-Infinit",
                           "// 1",
                           "\xef\xbb\xbf"
                           "1"}) {
    EXPECT_FALSE(is_json(text)) << text;
  }
}

TEST(JsonScanner, A_NUL_ends_no_text_and_is_no_escape) {
  EXPECT_FALSE(is_json(std::string_view("1\0", 2)));
  EXPECT_FALSE(is_json(std::string_view("\"\\\0\"", 4)));
  EXPECT_FALSE(is_json(std::string_view("\"a\0\"", 4)));
}

TEST(JsonScanner, Values_follow_each_other_and_are_given_without_the_space_around_them) {
  JsonScanner scanner("  {\"a\": [1, 2]} , \"b\"x");
  EXPECT_EQ(scanner.value(), "{\"a\": [1, 2]}");
  EXPECT_TRUE(scanner.take(','));
  EXPECT_EQ(scanner.value(), "\"b\"");
  EXPECT_FALSE(scanner.take(',')) << "it took what is not there";
  EXPECT_EQ(scanner.at(), 21u);
  EXPECT_FALSE(scanner.at_end());
}

TEST(JsonScanner, The_place_of_a_mistake_is_told) {
  JsonScanner scanner("[1, 2, x]");
  EXPECT_EQ(scanner.value(), std::nullopt);
  EXPECT_EQ(scanner.at(), 7u);
}

TEST(JsonScanner, Nesting_has_an_end_that_no_text_gets_past) {
  EXPECT_GE(kMaxDepth, 512) << "docs/format.md";
  EXPECT_TRUE(is_json(nested(kMaxDepth)));
  EXPECT_FALSE(is_json(nested(kMaxDepth + 1)));
  EXPECT_FALSE(is_json(std::string(1'000'000, '[')));
  std::string objects, ends(1'000'000, '}');
  for (int i = 0; i < 1'000'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(is_json(objects + "1" + ends));
}

TEST(JsonScanner, Levels_outside_of_a_value_count) {
  const std::string text = nested(kMaxDepth - 2);
  EXPECT_TRUE(JsonScanner(text).value(2));
  EXPECT_FALSE(JsonScanner(text).value(3));
}

TEST(JsonScanner, A_string_is_given_raw_and_whether_it_has_escapes) {
  std::string_view raw;
  bool escaped = true;
  JsonScanner scanner(R"( "plain" "a\nb\"c" )");
  ASSERT_TRUE(scanner.string(raw, escaped));
  EXPECT_EQ(raw, "plain");
  EXPECT_FALSE(escaped);
  ASSERT_TRUE(scanner.string(raw, escaped));
  EXPECT_EQ(raw, R"(a\nb\"c)");
  EXPECT_TRUE(escaped);
  EXPECT_FALSE(scanner.string(raw, escaped));
}

TEST(JsonScanner, What_ends_a_run_of_characters_is_seen_wherever_it_stands) {
  for (std::size_t at = 0; at < 40; ++at) {
    for (const char* end : {"\"", "\\n\"", "\x1f\"", "\n\"", "\x01\""}) {
      std::string text = "\"";
      text.append(at / 2, 'x').append(at - at / 2, '\x80').append(end);
      EXPECT_EQ(is_json(text), end[0] == '"' || end[0] == '\\') << at << " and then " << static_cast<int>(end[0]);
    }
    std::string text = "\"";
    text.append(at, '\x7f').append("\", \"").append(40, 'y').append("\"");
    std::string_view raw;
    bool escaped;
    ASSERT_TRUE(JsonScanner(text).string(raw, escaped));
    EXPECT_EQ(raw.size(), at);
  }
}

TEST(JsonScanner, Escapes_become_the_characters_they_stand_for) {
  EXPECT_EQ(unescaped(R"(\"\\\/\b\f\n\r\t)"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(unescaped(R"(a\u0041\u00e9\u20AC z)"), "aA\xc3\xa9\xe2\x82\xac z");
  EXPECT_EQ(unescaped(R"(\u0000)"), std::string(1, '\0'));
  EXPECT_EQ(unescaped(R"(\ud83d\ude00)"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(unescaped(R"(\uDBFF\uDFFF)"), "\xf4\x8f\xbf\xbf");
}

TEST(JsonScanner, A_lone_surrogate_becomes_three_bytes_and_takes_nothing_with_it) {
  EXPECT_EQ(unescaped(R"(\ud800)"), "\xed\xa0\x80");
  EXPECT_EQ(unescaped(R"(\ud800x)"), "\xed\xa0\x80x");
  EXPECT_EQ(unescaped(R"(\ud800\n)"), "\xed\xa0\x80\n");
  EXPECT_EQ(unescaped(R"(\ud800\ud83d\ude00)"), "\xed\xa0\x80\xf0\x9f\x98\x80");
  EXPECT_EQ(unescaped(R"(\udc00\ud800)"), "\xed\xb0\x80\xed\xa0\x80");
}

TEST(JsonScanner, A_text_that_is_written_is_read_as_it_was) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  for (const std::string& text :
       {all, std::string("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"), std::string("\xed\xa0\x80 and \xed\xbf\xbf"), std::string("\xed\x9f\xbf"), std::string()}) {
    std::string json;
    append_json(json, text);
    ASSERT_TRUE(is_json(json)) << json;
    EXPECT_TRUE(is_utf8(json)) << "a surrogate stands in a file as an escape";
    EXPECT_EQ(unescaped(std::string_view(json).substr(1, json.size() - 2)), text);
  }
}

TEST(ToStrict, What_a_strict_parser_refuses_is_said_otherwise_and_the_rest_stays) {
  EXPECT_EQ(to_strict("[1, NaN, -Infinity, Infinity]"),
            R"([1, {"$cacherator":"float","value":"nan"}, {"$cacherator":"float","value":"-inf"}, {"$cacherator":"float","value":"inf"}])");
  EXPECT_EQ(to_strict(R"({"NaN": "Infinity \" NaN", "a": -1})"), R"({"NaN": "Infinity \" NaN", "a": -1})");
  EXPECT_EQ(to_strict(R"(["\ud800", "\ud83d\ude00", "\udc00x", "\\ud800"])"), R"(["\ufffd", "\ud83d\ude00", "\ufffdx", "\\ud800"])");
}

}  // namespace
}  // namespace cacherator::engine
