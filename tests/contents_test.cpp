// What document and journals say together: the order of records decides, and what a clear made void stays so.
#include "local/contents.hpp"

#include <gtest/gtest.h>

#include <cmath>

#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

constexpr Time kThen = 1795419278 * kSecond;
constexpr double kNoTtl = std::numeric_limits<double>::quiet_NaN();

struct ContentsTest : testing::Test {
  Contents contents;

  /// A put as a journal has it.
  static std::string put(const std::string& signature, const std::string& value, std::uint64_t under = 0, Time at = kThen) {
    std::string text;
    encode(text, DocumentEntry{.signature = signature, .value = value, .utc = at, .ttl = 1, .under = under});
    return text;
  }
  static std::string clear(const std::string& function, std::uint64_t number, Time at = kThen) {
    std::string text;
    encode(text, ClearRecord{function, number, at});
    return text;
  }
  static std::string drop(const std::string& signature) {
    std::string text;
    encode(text, DropRecord{signature, kThen});
    return text;
  }
  Contents::Change apply(const std::string& lines) {
    const auto held = std::make_shared<std::string>(lines);
    return contents.apply(*held, held);
  }
  [[nodiscard]] Values values() const {
    Values all;
    for (const auto& [signature, entry] : contents.sorted()) all[signature] = entry.value;
    return all;
  }
  [[nodiscard]] std::shared_ptr<const Document> written(Time now = kThen) const {
    return read_document(std::make_shared<std::string>(contents.document("calc", now)));
  }
  [[nodiscard]] std::vector<std::string> kept(Time now) const {
    std::vector<std::string> signatures;
    const auto document = written(now);
    for (const auto& entry : document->entries) signatures.emplace_back(entry.signature);
    return signatures;
  }
};

TEST_F(ContentsTest, Of_two_puts_the_later_line_counts_and_not_the_later_date) {
  EXPECT_FALSE(apply(put("f(){}", "1", 0, kThen + 100 * kSecond)).known);
  EXPECT_TRUE(apply(put("f(){}", "2", 0, kThen)).known);
  EXPECT_EQ(values(), (Values{{"f(){}", "2"}}));
}

TEST_F(ContentsTest, A_clear_takes_what_was_computed_before_it_and_nothing_else) {
  apply(put("f(1,){}", "1") + put("ff(1,){}", "2") + put("f(2,){}", "3", 4) + clear("f", 4));
  EXPECT_EQ(values(), (Values{{"ff(1,){}", "2"}, {"f(2,){}", "3"}}));
  EXPECT_EQ(contents.clock, 4u);
  apply(clear("*", 5));
  EXPECT_TRUE(values().empty());
}

TEST_F(ContentsTest, A_void_put_is_skipped_and_does_not_replace_a_valid_one) {
  apply(clear("f", 3) + put("f(){}", "1", 3));
  EXPECT_FALSE(apply(put("f(){}", "2", 2)).known);
  EXPECT_EQ(values(), (Values{{"f(){}", "1"}}));
}

TEST_F(ContentsTest, A_clear_of_all_makes_void_what_a_smaller_clear_of_its_function_left) {
  apply(clear("f", 1) + put("f(){}", "1", 1) + clear("*", 2) + put("g(){}", "2", 1) + put("h(){}", "3", 2));
  EXPECT_EQ(values(), (Values{{"h(){}", "3"}}));
  EXPECT_FALSE(contents.holds("f", 1));
  EXPECT_TRUE(contents.holds("f", 2));
}

TEST_F(ContentsTest, Clears_of_one_number_do_not_void_what_began_after_both) {
  apply(clear("f", 1) + clear("f", 1) + put("f(){}", "1", 1));
  EXPECT_EQ(values().size(), 1u);
}

TEST_F(ContentsTest, A_header_brings_its_clears_and_never_takes_back_larger_ones) {
  std::string header;
  encode(header, JournalHeader{.data_id = "calc", .id = id_of('1'), .cleared = {{"f", {2, kThen}}, {"g", {9, kThen}}}, .clock = 12});
  apply(put("f(){}", "1", 1) + put("g(){}", "2", 10) + clear("g", 10) + header);
  EXPECT_EQ(values(), (Values{{"g(){}", "2"}}));
  EXPECT_EQ(contents.clock, 12u);
  EXPECT_EQ(contents.cleared.at("g").number, 10u);
}

TEST_F(ContentsTest, What_1_2_9_wrote_is_judged_by_its_date) {
  const auto document =
      read_document(std::make_shared<std::string>(incumbent_document({{"f(1,){}", "1", date(2)}, {"f(2,){}", "2", date(0.5)}, {"g(){}", "3", date(2)}})));
  contents = Contents(document);
  apply(clear("f", 1, hours_ago(1)));
  EXPECT_EQ(values(), (Values{{"f(2,){}", "2"}, {"g(){}", "3"}}));
}

TEST_F(ContentsTest, A_dropped_call_is_gone_until_it_is_computed_again) {
  EXPECT_FALSE(apply(drop("f(){}")).known);
  apply(put("f(){}", "1"));
  EXPECT_TRUE(apply(drop("f(){}")).known);
  EXPECT_TRUE(values().empty());
  apply(put("f(){}", "2"));
  EXPECT_EQ(values().at("f(){}"), "2");
}

TEST_F(ContentsTest, The_bytes_of_an_entry_live_as_long_as_somebody_holds_it) {
  apply(put("f(){}", "\"some value\""));
  const auto entry = contents.find("f(){}", {});
  ASSERT_TRUE(entry);
  contents = Contents();
  EXPECT_EQ(entry->value, "\"some value\"");
}

TEST_F(ContentsTest, A_shortened_signature_is_found_by_its_own_digest_only) {
  std::string text;
  const std::string digest(64, 'a');
  encode(text, DocumentEntry{.signature = "f(long_0123)", .value = "1", .digest = digest, .utc = kThen, .ttl = 1});
  apply(text);
  EXPECT_TRUE(contents.find("f(long_0123)", std::string(64, 'a')));
  EXPECT_FALSE(contents.find("f(long_0123)", std::string(64, 'b')));
  EXPECT_TRUE(contents.find("f(long_0123)", {}));
}

TEST_F(ContentsTest, Lines_of_unknown_kinds_are_carried_and_damaged_ones_are_counted) {
  auto damaged = put("f(){}", "1");
  damaged[5] = '!';
  apply(damaged + record(R"("moon":"full","n":1)") + put("g(){}", "2") + "\nno record\n");
  EXPECT_EQ(contents.damaged_records, 2u);
  EXPECT_EQ(values(), (Values{{"g(){}", "2"}}));
  ASSERT_EQ(contents.carried.size(), 1u);
  EXPECT_EQ("\n" + contents.carried[0] + "\n", record(R"("moon":"full","n":1)"));
  EXPECT_EQ(written()->header.carried, contents.carried) << "and the document keeps them";
}

TEST_F(ContentsTest, State_is_one_variable_a_record_and_dated_by_the_last_save) {
  std::string text;
  encode(text, StateRecord{"a", "1", kThen, false, false});
  encode(text, StateRecord{"b", "2", kThen, false, false});
  encode(text, StateRecord{"a", "", kThen + kSecond, true, false});
  apply(text);
  ASSERT_EQ(contents.state.size(), 1u);
  EXPECT_EQ(contents.state.at("b").value, "2");
  EXPECT_EQ(contents.saved, kThen + kSecond);
  text.clear();
  encode(text, SavedRecord{kThen + 5 * kSecond});
  encode(text, SavedRecord{kThen});
  apply(text);
  EXPECT_EQ(contents.saved, kThen + 5 * kSecond) << "a later save is not undone by an earlier one";
}

TEST_F(ContentsTest, What_is_read_anew_and_is_the_same_keeps_its_serial) {
  apply(put("same(){}", "1") + put("other(){}", "2") + put("gone(){}", "3"));
  const auto before = contents;
  contents = Contents();
  apply(put("same(){}", "1") + put("other(){}", "4"));
  EXPECT_NE(contents.find("same(){}", {})->serial, before.find("same(){}", {})->serial);
  EXPECT_TRUE(contents.inherit(before).known) << "one is other now, one is gone";
  EXPECT_EQ(contents.find("same(){}", {})->serial, before.find("same(){}", {})->serial);
  EXPECT_NE(contents.find("other(){}", {})->serial, before.find("other(){}", {})->serial);
  EXPECT_FALSE(Contents(contents).inherit(contents).known);
}

TEST_F(ContentsTest, An_entry_is_left_out_when_it_has_been_outdated_for_its_ttl_again_and_a_day_at_least) {
  const auto add = [&](const char* signature, double ttl) {
    std::string text;
    encode(text, DocumentEntry{.signature = signature, .value = "1", .utc = kThen, .ttl = ttl});
    apply(text);
  };
  add("quarter(){}", 0.25);
  add("ten(){}", 10);
  add("zero(){}", 0);
  const auto days = [](double number) { return kThen + static_cast<Time>(number * kDay); };
  EXPECT_EQ(kept(days(0.5)).size(), 3u);
  EXPECT_EQ(kept(days(1.2)), (std::vector<std::string>{"quarter(){}", "ten(){}"})) << "outdated for less than a day";
  EXPECT_EQ(kept(days(1.3)), (std::vector<std::string>{"ten(){}"}));
  EXPECT_EQ(kept(days(19.9)).size(), 1u);
  EXPECT_EQ(kept(days(20.1)).size(), 0u);
  EXPECT_EQ(kept(days(-400)).size(), 3u) << "a clock that was set back outdates nothing";
}

TEST_F(ContentsTest, An_entry_of_1_2_9_has_no_ttl_and_is_never_left_out) {
  Contents::Change change;
  contents.put({.signature = "f(){}", .value = "1", .utc = kThen, .ttl = kNoTtl, .plain = true}, change);
  EXPECT_EQ(kept(kThen + static_cast<Time>(10000 * kDay)).size(), 1u);
}

TEST_F(ContentsTest, What_is_no_entry_is_carried_until_its_function_is_cleared_or_the_call_computed) {
  contents = Contents(read_document(std::make_shared<std::string>(R"({"_json_cache_func_cache": {"f(1,){}": 1, "f(2,){}": 2, "g(){}": 3}})")));
  EXPECT_TRUE(values().empty());
  EXPECT_EQ(written()->odd.size(), 3u);
  apply(put("f(1,){}", "1"));
  EXPECT_EQ(written()->odd.size(), 2u);
  EXPECT_EQ(kept(kThen).size(), 1u);
  apply(clear("g", 1));
  ASSERT_EQ(written()->odd.size(), 1u);
  EXPECT_EQ(written()->odd[0].first, "f(2,){}");
}

TEST_F(ContentsTest, The_document_remembers_the_last_sixteen_journals) {
  for (int i = 0; i < 20; ++i) contents.folded.push_back(id_of(static_cast<char>('a' + i)));
  const auto folded = written()->header.folded;
  ASSERT_EQ(folded.size(), 16u);
  EXPECT_EQ(folded.front(), id_of('e'));
  EXPECT_EQ(folded.back(), id_of('t'));
}

TEST_F(ContentsTest, A_document_says_what_the_records_said) {
  std::string state;
  encode(state, StateRecord{"score", "5", kThen, false, false});
  apply(put("f(1,){}", "[1]", 0) + clear("f", 1) + put("f(2,){}", "{\"a\": \"\\u00e9\"}", 1) + put("g(){}", "null", 0) + drop("g(){}") + state);
  const auto before = values();
  const Contents again(written());
  EXPECT_EQ(again.clock, 1u);
  EXPECT_EQ(again.saved, kThen);
  EXPECT_EQ(again.state.at("score").value, "5");
  EXPECT_FALSE(again.holds("f", 0));
  contents = again;
  EXPECT_EQ(values(), before);
  EXPECT_EQ(before, (Values{{"f(2,){}", "{\"a\": \"\\u00e9\"}"}}));
}

}  // namespace
}  // namespace cacherator::engine
