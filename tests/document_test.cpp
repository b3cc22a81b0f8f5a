// Reading and writing the document: what 1.2.9 wrote, what we write, and what is left of both where they are damaged.
#include "local/document.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "cacherator/detail/text.hpp"
#include "local/json_scanner.hpp"
#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

std::shared_ptr<const Document> read(std::string text) { return read_document(std::make_shared<std::string>(std::move(text))); }

Values entries_of(const Document& document) {
  Values all;
  for (const auto& entry : document.entries) all[std::string(entry.signature)] = entry.value;
  return all;
}

std::string damage_of(const Document& document) {
  std::string all;
  for (const auto& place : document.damage) all += std::to_string(place.offset) + ": " + place.what + '\n';
  return all;
}

const DocumentEntry& entry_of(const Document& document, std::string_view signature) {
  for (const auto& entry : document.entries) {
    if (entry.signature == signature) return entry;
  }
  throw std::runtime_error("no entry " + std::string(signature));
}

DocumentHeader header() {
  return {.data_id = "calc \"é\"",
          .folded = {id_of('1'), id_of('2')},
          .cleared = {{"f", {3, 1'000'000 * kSecond}}, {"*", {2, kSecond / 2}}},
          .clock = 7,
          .carried = {R"({"moon":"full","crc":"00000000"})"}};
}

TEST(Document, What_is_written_is_read_as_it_was) {
  const std::string digest(64, 'd');
  const std::vector<Variable> state = {{.name = "na\"me", .value = "[1, 2]", .utc = 5 * kSecond}, {.name = "old", .value = "1", .plain = true}};
  DocumentWriter writer(header(), state);
  writer.entry({.signature = "a('\xc3\xa9',){}", .value = "[1.5, null]", .digest = digest, .utc = 1795419278123456000, .ttl = 0.25, .under = 3});
  writer.entry({.signature = "b(\"\\\n\",){}", .value = "\"x\"", .utc = 1795419278000000000, .ttl = std::nan(""), .under = 0});
  writer.entry({.signature = "c(){}", .value = "1", .utc = 1795419278123456000, .ttl = std::nan(""), .plain = true});
  writer.odd_entry("d(){}", "[7]");
  const auto document = read(writer.finish(state, 1795419279500000000));

  EXPECT_EQ(damage_of(*document), "");
  EXPECT_TRUE(document->ours);
  EXPECT_EQ(document->header.format, 1);
  EXPECT_EQ(document->header.data_id, header().data_id);
  EXPECT_EQ(document->header.folded, header().folded);
  EXPECT_EQ(document->header.carried, header().carried);
  EXPECT_EQ(document->header.clock, 7u);
  ASSERT_EQ(document->header.cleared.size(), 2u);
  EXPECT_EQ(document->header.cleared.at("f").number, 3u);
  EXPECT_EQ(document->header.cleared.at("*").utc, kSecond / 2);

  ASSERT_EQ(document->entries.size(), 3u);
  const auto& a = entry_of(*document, "a('\xc3\xa9',){}");
  EXPECT_EQ(a.value, "[1.5, null]");
  EXPECT_EQ(a.digest, digest);
  EXPECT_EQ(a.utc, 1795419278123456000);
  EXPECT_EQ(a.ttl, 0.25);
  EXPECT_EQ(a.under, 3u);
  EXPECT_FALSE(a.plain);
  EXPECT_TRUE(std::isnan(entry_of(*document, "b(\"\\\n\",){}").ttl));
  EXPECT_TRUE(entry_of(*document, "c(){}").plain);
  EXPECT_EQ(entry_of(*document, "c(){}").utc, 1795419278123456000) << "by its local date";
  ASSERT_EQ(document->odd.size(), 1u);
  EXPECT_EQ(document->odd[0].second, "[7]");

  ASSERT_EQ(document->state.size(), 2u);
  EXPECT_EQ(document->state[0].name, "na\"me");
  EXPECT_EQ(document->state[0].value, "[1, 2]");
  EXPECT_EQ(document->state[0].utc, 5 * kSecond);
  EXPECT_FALSE(document->state[0].plain);
  EXPECT_TRUE(document->state[1].plain);
  EXPECT_EQ(document->saved, 1795419279500000000);
}

TEST(Document, The_header_comes_first_and_each_entry_has_a_line_to_itself) {
  DocumentWriter writer(header(), {});
  writer.entry({.signature = "a(1,){}", .value = "[\n  1,\r\n  \"two  words\"\n]", .ttl = 1});
  writer.entry({.signature = "a(2,){}", .value = "2", .ttl = 1});
  const std::string text = writer.finish({}, 0);
  EXPECT_TRUE(text.starts_with("{\"_cacherator\": {\"format\": 1, "));
  EXPECT_NE(text.find("\n\"a(1,){}\": {\"value\": [1,\"two  words\"], \"date\": \""), std::string::npos) << text;
  EXPECT_NE(text.find("},\n\"a(2,){}\": {"), std::string::npos) << text;
  EXPECT_NE(text.find("\"_json_cache_last_save_date\": null"), std::string::npos) << text;
  EXPECT_TRUE(is_json(text));
  EXPECT_TRUE(is_json(DocumentWriter(header(), {}).finish({}, 0))) << "an empty one too";
}

TEST(Document, Any_line_of_an_entry_may_be_taken_out_by_hand) {
  for (const char* gone : {"1", "2", "3"}) {
    std::string text = R"({"_cacherator": {"format": 1, "data_id": "calc"},
"_json_cache_func_cache": {
)";
    Values left;
    for (const std::string key : {"1", "2", "3"}) {
      if (key == gone) continue;
      text +=
          "\"" + key + R"(": {"value": )" + key + R"(, "date": "2026-11-23T07:34:38", "utc": 1795419278, "ttl": 9, "under": 0})" + (key == "3" ? "\n" : ",\n");
      left[key] = key;
    }
    const auto document = read(text + "},\n\"_json_cache_last_save_date\": null,\n\"_json_cache_variable_cache\": {}}");
    EXPECT_EQ(entries_of(*document), left);
    EXPECT_EQ(damage_of(*document), "");
  }
}

TEST(Document, What_1_2_9_wrote_is_read_without_tags_and_dated_by_its_local_time) {
  const auto document = read(incumbent_document(
      {{"f(1,){}", "[\n                1,\n                2\n            ]", "2026-11-23T07:34:38.123456"}, {"f(2,){}", "2", "2026-11-23T07:34:38"}},
      "{\n        \"score\": 100\n    }", "\"2026-11-23T07:34:39\""));
  EXPECT_EQ(damage_of(*document), "");
  EXPECT_FALSE(document->ours);
  ASSERT_EQ(document->entries.size(), 2u);
  for (const auto& entry : document->entries) {
    EXPECT_TRUE(entry.plain);
    EXPECT_TRUE(std::isnan(entry.ttl));
    EXPECT_EQ(entry.under, 0u);
  }
  EXPECT_EQ(entry_of(*document, "f(1,){}").utc - entry_of(*document, "f(2,){}").utc, 123456000);
  EXPECT_EQ(document->saved, parse_local_date("2026-11-23T07:34:39"));
  ASSERT_EQ(document->state.size(), 1u);
  EXPECT_TRUE(document->state[0].plain);
  EXPECT_EQ(document->state[0].utc, document->saved);
}

TEST(Document, Oddities_of_Pythons_json_are_kept_as_they_stand) {
  const auto document = read(incumbent_document({{"nan(){}", "NaN", date()},
                                                 {"inf(){}", "[Infinity, -Infinity]", date()},
                                                 {"big(){}", "1234567890123456789012345678901234567890", date()},
                                                 {"lone(){}", R"("\ud800 and \udc00")", date()},
                                                 {"caf\xc3\xa9('\xf0\x9f\x98\x80',){}", "\"\xe2\x82\xac\"", date()},
                                                 {R"(caf\u00e9('\ud83d\ude02',){})", "1", date()},
                                                 {R"(f('\ud800',){})", "2", date()}}));
  EXPECT_EQ(damage_of(*document), "");
  const Values expected = {{"nan(){}", "NaN"},
                           {"inf(){}", "[Infinity, -Infinity]"},
                           {"big(){}", "1234567890123456789012345678901234567890"},
                           {"lone(){}", R"("\ud800 and \udc00")"},
                           {"caf\xc3\xa9('\xf0\x9f\x98\x80',){}", "\"\xe2\x82\xac\""},
                           {"caf\xc3\xa9('\xf0\x9f\x98\x82',){}", "1"},
                           {"f('\xed\xa0\x80',){}", "2"}};
  EXPECT_EQ(entries_of(*document), expected);
}

TEST(Document, An_entry_without_a_value_or_a_date_is_no_hit_and_is_not_lost) {
  const auto document = read(incumbent_document({{"f(1,){}", "1", "2026-02-30T07:34:38"}, {"f(2,){}", "2", "yesterday"}, {"f(3,){}", "3", date()}}));
  EXPECT_EQ(damage_of(*document), "");
  EXPECT_EQ(entries_of(*document), (Values{{"f(3,){}", "3"}}));
  EXPECT_EQ(document->odd.size(), 2u);
  const auto other =
      read(R"({"_json_cache_func_cache": {"a": 1, "b": [2], "c": {"date": ")" + date() + R"("}, "d": {"value": 4}, "e": {"value": 5, "date": 6}}})");
  EXPECT_EQ(damage_of(*other), "");
  EXPECT_TRUE(other->entries.empty());
  EXPECT_EQ(other->odd.size(), 5u);
}

TEST(Document, A_broken_entry_costs_that_entry_alone) {
  for (const char* broken :
       {"\"b(1,){}\": {\"value\": 1, \"date\": ,", "\"b(1,){}\" {\"value\": 1}", "\"b(1,){}", "\"b(1,){}\": {\"value\": tru}", "xxxx", "\"b\": }"}) {
    const auto entry = [](const char* name) { return std::string("\"") + name + "\": {\"value\": 1, \"date\": \"" + date() + "\"}"; };
    const std::string ours = "{\"_json_cache_func_cache\": {\n" + entry("a(1,){}") + ",\n" + broken + ",\n" + entry("c(1,){}") + ",\n" + entry("d(1,){}") +
                             "\n},\n\"_json_cache_last_save_date\": null,\n\"_json_cache_variable_cache\": {\"score\": 5}}\n";
    const auto document = read(ours);
    EXPECT_FALSE(document->damage.empty()) << broken;
    EXPECT_EQ(entries_of(*document), (Values{{"a(1,){}", "1"}, {"c(1,){}", "1"}, {"d(1,){}", "1"}})) << broken << '\n' << damage_of(*document);
    EXPECT_EQ(document->state.size(), 1u) << broken;
  }
}

TEST(Document, A_broken_entry_of_1_2_9_costs_that_entry_alone) {
  auto text = incumbent_document({{"a(1,){}", "1", date()}, {"b(1,){}", "2", date()}, {"c(1,){}", "3", date()}}, "{\"score\": 5}");
  text.replace(text.find("\"value\": 2"), 10, "\"value\" 2 ");
  const auto document = read(text);
  EXPECT_FALSE(document->damage.empty());
  EXPECT_EQ(entries_of(*document), (Values{{"a(1,){}", "1"}, {"c(1,){}", "3"}}));
  EXPECT_EQ(document->state.size(), 1u);
}

TEST(Document, Where_it_is_damaged_is_told_in_bytes) {
  const std::string text = "{\"_json_cache_func_cache\": {\n\"a\": {\"value\": x}\n}}";
  const auto document = read(text);
  ASSERT_FALSE(document->damage.empty());
  EXPECT_EQ(document->damage[0].offset, text.find('x'));
}

TEST(Document, What_is_no_document_at_all_is_damage) {
  for (const char* text : {"", " ", "null", "[]", "garbage", "{", "{}", "{\"a\": 1}", "{\"_json_cache_func_cache\": []}", "{\"_json_cache_func_cache\": {}} {}",
                           "{\"_json_cache_func_cache\": {}, \"_json_cache_variable_cache\": 3}", "{\"_cacherator\": 3, \"_json_cache_func_cache\": {}}",
                           "{\"_json_cache_func_cache\": {}, \"_json_cache_last_save_date\": \"never\"}", "{\"_json_cache_func_cache\": {\"\xff\": 1}}"}) {
    EXPECT_FALSE(read(text)->damage.empty()) << text;
  }
  EXPECT_TRUE(read("{\"_json_cache_func_cache\": {}}")->damage.empty());
}

TEST(Document, Behind_a_broken_member_the_others_are_found) {
  const auto document = read("{\"_cacherator\": {\"format\": 1, \"data_id\": ,}, \"_json_cache_func_cache\": {\"f(){}\": {\"value\": 1, \"date\": \"" + date() +
                             "\"}}, \"_json_cache_variable_cache\": {\"score\": 1}}");
  EXPECT_FALSE(document->damage.empty());
  EXPECT_FALSE(document->ours);
  EXPECT_EQ(entries_of(*document).size(), 1u);
  EXPECT_EQ(document->state.size(), 1u);
}

TEST(Document, A_million_broken_frames_end_neither_the_stack_nor_the_patience) {
  for (const char* piece : {"\"_json_cache_func_cache\":", "\"_json_cache_variable_cache\":", "\"_json_cache_func_cache\":{x\n"}) {
    std::string text = "{";
    for (int i = 0; i < 300'000; ++i) text += piece;
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(read(std::move(text))->damage.empty());
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3)) << piece;
  }
}

TEST(Document, Broken_frames_in_one_long_line_do_not_end_the_patience_either) {
  std::string text = "{";
  for (int i = 0; i < 300'000; ++i) text += "\"_json_cache_func_cache\":{x";
  const auto began = std::chrono::steady_clock::now();
  EXPECT_FALSE(read(std::move(text))->damage.empty());
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(3));
}

TEST(Document, A_value_of_512_levels_can_be_written_and_read) {
  const std::string deep = std::string(512, '[') + std::string(512, ']');
  DocumentWriter writer(header(), {});
  writer.entry({.signature = "f(){}", .value = deep, .ttl = 1});
  const auto document = read(writer.finish({}, 0));
  EXPECT_EQ(damage_of(*document), "");
  EXPECT_EQ(entries_of(*document).at("f(){}"), deep);
}

TEST(Document, Members_that_this_version_does_not_know_do_no_harm) {
  const auto document = read(R"({"_cacherator": {"moon": [1], "format": 1, "data_id": "calc", "folded": "none", "cleared": 3, "state": []}, "other": {"a": [1]},
"_json_cache_func_cache": {
"f(){}": {"colour": "red", "value": 1, "utc": 1795419278.5, "under": "x", "ttl": null}
}})");
  EXPECT_EQ(damage_of(*document), "");
  EXPECT_EQ(document->header.data_id, "calc");
  ASSERT_EQ(document->entries.size(), 1u);
  EXPECT_TRUE(std::isnan(document->entries[0].ttl));
  EXPECT_EQ(document->entries[0].utc, 1795419278500000000);
}

}  // namespace
}  // namespace cacherator::engine
