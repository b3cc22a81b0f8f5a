// What a cache looks like in the table: docs/format.md, section 5.
#include "dynamodb/items.hpp"

#include <gtest/gtest.h>

#include "digest.hpp"
#include "dynamodb/gzip.hpp"
#include "dynamodb/json.hpp"
#include "local_layer.hpp"
#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

const Keys keys("calc");
constexpr Time kAt = 1795419278'123456000;

Entry entry_of(std::string_view value, Time utc = kAt, double ttl = 999) { return {.value = value, .utc = utc, .ttl = ttl}; }
std::string value(const Item& item, const std::string& name) { return item.contains(name) ? item.at(name).value : "(none)"; }
std::string random_text(std::size_t bytes) {
  std::string text = "\"";
  while (text.size() < bytes) text += platform::random_hex(64);
  return text + '"';
}

TEST(ItemsTest, Keys_are_made_of_length_data_id_and_what_it_is) {
  EXPECT_EQ(keys.tokens, "4:calc:tokens");
  EXPECT_EQ(keys.state, "4:calc:state");
  EXPECT_EQ(keys.legacy, "calc");
  EXPECT_EQ(keys.entry("f(1,){}", ""), "4:calc:" + sha256_hex("f(1,){}"));
  EXPECT_EQ(keys.entry("f(short_", "0123"), "4:calc:0123");
}

TEST(ItemsTest, Long_data_ids_are_named_by_their_digest) {
  const std::string thousand(1000, 'x'), more(1001, 'x'), most(2049, 'x');
  EXPECT_EQ(Keys(thousand).tokens, "1000:" + thousand + ":tokens");
  EXPECT_EQ(Keys(more).tokens, "65:#" + sha256_hex(more) + ":tokens");
  EXPECT_EQ(Keys(more).legacy, more);
  EXPECT_EQ(Keys(most).legacy, "") << "no key of DynamoDB is that long";
}

TEST(ItemsTest, An_entry_is_written_as_the_format_says_and_read_back) {
  const auto item = entry_item(keys, "f(1,){}", entry_of("[1, 2]"), "aa.bb");
  ASSERT_TRUE(item);
  EXPECT_EQ(value(*item, "cache_id"), keys.entry("f(1,){}", ""));
  EXPECT_EQ(value(*item, "signature"), "f(1,){}");
  EXPECT_EQ(value(*item, "data"), "[1, 2]");
  EXPECT_EQ(value(*item, "utc"), "1795419278.123456");
  EXPECT_EQ(value(*item, "days"), "999");
  EXPECT_EQ(value(*item, "ttl"), std::to_string(1795419278 + 999 * 86400 + 1));
  EXPECT_EQ(value(*item, "tokens"), "aa.bb");
  EXPECT_FALSE(item->contains("sha256"));
  const auto entry = read_entry(*item);
  EXPECT_EQ(entry.utc, kAt);
  EXPECT_EQ(entry.days, 999);
  EXPECT_EQ(entry.tokens, "aa.bb");
  EXPECT_TRUE(entry.has_value);
  EXPECT_EQ(*value_of(entry), "[1, 2]");
}

TEST(ItemsTest, A_shortened_signature_has_its_digest_beside_it) {
  Entry entry = entry_of("1");
  const std::string digest(64, 'd');
  entry.digest = digest;
  const auto item = entry_item(keys, "f(…_x", entry, "aa");
  EXPECT_EQ(value(*item, "sha256"), digest);
  EXPECT_EQ(value(*item, "cache_id"), "4:calc:" + digest);
}

TEST(ItemsTest, Values_of_more_than_100000_bytes_are_packed) {
  const std::string small = '"' + std::string(99'998, 'x') + '"', large = '"' + std::string(99'999, 'x') + '"';
  EXPECT_TRUE(entry_item(keys, "f(1,){}", entry_of(small), "aa")->contains("data"));
  const auto item = *entry_item(keys, "f(1,){}", entry_of(large), "aa");
  EXPECT_FALSE(item.contains("data"));
  EXPECT_EQ(item.at("gz").type, Attribute::Type::bytes);
  EXPECT_EQ(*value_of(read_entry(item)), large);
}

TEST(ItemsTest, What_is_over_400_KiB_packed_is_no_item) {
  const auto fits = entry_item(keys, "f(1,){}", entry_of(random_text(700'000)), "aa");
  ASSERT_TRUE(fits);
  EXPECT_LE(item_size(*fits), kLargestItem);
  EXPECT_FALSE(entry_item(keys, "f(1,){}", entry_of(random_text(900'000)), "aa"));
}

TEST(ItemsTest, An_entry_without_end_has_numbers_that_DynamoDB_takes) {
  const auto item = *entry_item(keys, "f(1,){}", entry_of("1", kAt, std::numeric_limits<double>::infinity()), "aa");
  EXPECT_EQ(value(item, "days"), "1e+12");
  EXPECT_EQ(value(item, "ttl"), "9223372037");
  EXPECT_TRUE(counts(read_entry(item), "aa", 999, kAt + 998 * Time{86400} * kSecond));
}

TEST(ItemsTest, An_entry_counts_where_tokens_are_equal_and_every_ttl_lies_ahead) {
  const auto item = *entry_item(keys, "f(1,){}", entry_of("1", kAt, 1), "aa");
  const Time day = 86400 * kSecond;
  EXPECT_TRUE(counts(read_entry(item), "aa", 1, kAt));
  EXPECT_FALSE(counts(read_entry(item), "ab", 1, kAt));
  EXPECT_FALSE(counts(read_entry(item), "", 1, kAt));
  EXPECT_FALSE(counts(read_entry(item), "aa", 1, kAt + day));
  EXPECT_FALSE(counts(read_entry(item), "aa", 9, kAt + day)) << "its own ttl is over";
  EXPECT_FALSE(counts(read_entry(item), "aa", 0.1, kAt + day / 2)) << "the one in force is over";
  EXPECT_FALSE(counts(read_entry(item), "aa", 1, kAt - day - kSecond)) << "more than a day ahead";
  auto ended = item, odd = item, empty = item;
  ended["ttl"] = number_attribute("1795419278");
  EXPECT_FALSE(counts(read_entry(ended), "aa", 1, kAt));
  odd["utc"] = text_attribute("yesterday");
  EXPECT_FALSE(counts(read_entry(odd), "aa", 1, kAt));
  empty.erase("data");
  EXPECT_FALSE(counts(read_entry(empty), "aa", 1, kAt)) << "a lease alone";
  EXPECT_FALSE(counts(read_entry({}), "aa", 1, kAt));
}

TEST(ItemsTest, Tokens_are_written_and_read_back_and_what_is_none_is_left_out) {
  const TableTokens tokens{.born = "aa", .of = {{"all", "bb"}, {"f:half", "cc"}, {"c:" + std::string(32, '0'), "dd"}}};
  auto item = tokens_item(keys.tokens, "calc", tokens);
  EXPECT_EQ(value(item, "data_id"), "calc");
  EXPECT_EQ(read_tokens(item), tokens);
  item["f:odd"] = number_attribute("1");
  item["other"] = text_attribute("x");
  EXPECT_EQ(read_tokens(item), tokens);
  item.erase("all");
  EXPECT_FALSE(read_tokens(item));
}

TEST(ItemsTest, A_token_says_when_it_was_made) {
  const auto token = new_token(kAt);
  EXPECT_EQ(token.size(), 24u);
  EXPECT_EQ(token_time(token), kAt / kSecond * kSecond);
  EXPECT_NE(new_token(kAt), token);
}

TEST(ItemsTest, The_tokens_of_a_call_are_one_text) {
  TableTokens tokens{.born = "a", .of = {{"all", "a"}}};
  const auto text = [&] { return tokens_of(tokens, "f(1,){}", ""); };
  EXPECT_EQ(text(), "a");
  tokens.of[call_token("f(1,){}", "")] = "c";
  EXPECT_EQ(text(), "a..c");
  tokens.of[function_token("f")] = "f";
  EXPECT_EQ(text(), "a.f.c");
  tokens.of.erase(call_token("f(1,){}", ""));
  EXPECT_EQ(text(), "a.f");
}

TEST(ItemsTest, Variables_are_written_and_read_back_also_those_that_are_gone) {
  const Variable score{.name = "score", .value = "[1,\n 2]", .utc = kAt}, gone{.name = "level", .utc = kAt, .gone = true};
  const auto written = *write_variable(score);
  EXPECT_EQ(written.value, R"({"utc":1795419278.123456,"value":[1,2]})");
  const auto read = read_variable("score", written);
  EXPECT_EQ(read->value, "[1,2]");
  EXPECT_EQ(read->utc, kAt);
  EXPECT_FALSE(read->gone);
  EXPECT_TRUE(read_variable("level", *write_variable(gone))->gone);
  const Variable large{.name = "large", .value = '"' + std::string(200'000, 'x') + '"', .utc = kAt};
  EXPECT_EQ(write_variable(large)->type, Attribute::Type::bytes);
  EXPECT_EQ(read_variable("large", *write_variable(large))->value, large.value);
  EXPECT_FALSE(write_variable({.name = "huge", .value = random_text(2'000'000), .utc = kAt}));
  const Item item{{"cache_id", text_attribute(keys.state)}, {"v:score", written}, {"v:odd", text_attribute("{")}, {"v:", written}};
  EXPECT_EQ(read_state(item).size(), 1u);
}

TEST(ItemsTest, The_document_of_1_2_9_is_read_plain_or_packed_while_it_lasts) {
  const std::string document = incumbent_document({{"f(1,){}", "7", date()}});
  std::string packed;
  append_attribute(packed, bytes_attribute(*gzip(document, kLargestItem)));
  packed = R"({"_compressed": true, "data": )" + packed.substr(packed.find(':') + 1);
  for (const auto& data : {document, packed}) {
    Item item{{"cache_id", text_attribute("calc")}, {"data", text_attribute(data)}, {"ttl", number_attribute("1795419279")}};
    const auto read = read_legacy(item, kAt);
    ASSERT_TRUE(read && *read);
    EXPECT_EQ((*read)->entries.at(0).value, "7");
    EXPECT_FALSE(*read_legacy(item, kAt + kSecond)) << "ended";
    item["signature"] = text_attribute("f(1,){}");
    EXPECT_FALSE(*read_legacy(item, kAt)) << "an entry of ours";
  }
}

TEST(ItemsTest, What_1_2_9_cannot_have_written_is_a_fault) {
  const auto read = [](const std::string& data) { return read_legacy({{"data", text_attribute(data)}, {"ttl", number_attribute("1795419279")}}, kAt); };
  EXPECT_EQ(read(R"({"_compressed":true,"data":"A"})").fault().kind, Fault::Kind::damage);
  EXPECT_EQ(read(R"({"_compressed":true,"data":"AAAA"})").fault().kind, Fault::Kind::damage);
  EXPECT_EQ(read(R"({"_compressed":true})").fault().kind, Fault::Kind::damage);
}

TEST(GzipTest, Texts_come_back_and_a_limit_is_exact) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{65535}, std::size_t{65536}, std::size_t{65537}, std::size_t{1'000'000}}) {
    const std::string text = random_text(size).substr(0, size);
    const auto packed = gzip(text, 2 * size + 100);
    ASSERT_TRUE(packed);
    EXPECT_EQ(*gunzip(*packed, size), text) << size;
    if (size > 0) {
      EXPECT_EQ(gunzip(*packed, size - 1).fault().kind, Fault::Kind::limit) << size;
    }
    EXPECT_EQ(gzip(text, packed->size() - 1), std::nullopt) << size;
  }
}

TEST(GzipTest, Damage_and_bombs_are_faults) {
  const std::string packed = *gzip(std::string(1'000'000, 'x'), 10'000);
  EXPECT_EQ(gunzip(packed.substr(0, packed.size() - 9), 2'000'000).fault().kind, Fault::Kind::damage);
  EXPECT_EQ(gunzip("no gzip", 100).fault().kind, Fault::Kind::damage);
  EXPECT_EQ(gunzip("", 100).fault().kind, Fault::Kind::damage);
  EXPECT_EQ(gunzip(packed, 999'999).fault().kind, Fault::Kind::limit);
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
