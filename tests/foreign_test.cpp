// What people and 1.2.9 do to the files while a program has them open.
#include <gtest/gtest.h>

#include "cacherator/detail/text.hpp"
#include "local/document.hpp"
#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

using namespace std::chrono_literals;

struct Foreign : testing::Test {
  TemporaryFolder folder;
  Warnings warnings;
  std::shared_ptr<Cache> cache = open_cache(folder.path());

  /// 1.2.9 writes in place; an editor by rename.
  void write_in_place(const std::string& text) const { folder.write("calc.json", text); }
  void replace(const std::string& text) const {
    folder.write("edited", text);
    std::filesystem::rename(folder / "edited", folder / "calc.json");
  }
  [[nodiscard]] bool becomes(const Values& expected) const {
    return eventually([&] { return values(*cache) == expected; }, 1s);
  }
  [[nodiscard]] Values found() const { return values(*Restarted(folder)); }
};

TEST_F(Foreign, The_clear_of_one_call_clears_what_1_2_9_spelled_otherwise_too) {
  const std::string text(300, 'x');
  const std::string long_one = shorten("f('" + text + "',){}").text, its_call = shorten("f('" + text + "', 2){}").text;
  std::vector<std::array<std::string, 3>> entries;
  for (const char* signature : {"f(1,){}", "f(1,){'b': 2}", "f(){'a': 1}", "f(12,){}", "f(1, 3){}", "f(2,){}", "g(1,){}"})
    entries.push_back({signature, "7", date()});
  entries.push_back({long_one, "8", date()});
  write_in_place(incumbent_document(entries));
  ASSERT_TRUE(eventually([&] { return values(*cache).size() == entries.size(); }));
  EXPECT_TRUE(cache->drop("f(1, 2){}"));  // f(a, b=2)
  const Values left{{"f(12,){}", "7"}, {"f(1, 3){}", "7"}, {"f(2,){}", "7"}, {"g(1,){}", "7"}, {long_one, "8"}};
  EXPECT_EQ(values(*cache), left);
  EXPECT_EQ(values(*Restarted(folder)), left);
  EXPECT_TRUE(cache->drop(its_call));
  EXPECT_EQ(ask(*cache, long_one), "(miss)");
  EXPECT_EQ(values(*cache).size(), 4u);
}

TEST_F(Foreign, What_1_2_9_adds_is_a_hit_and_what_it_dropped_is_appended_again) {
  keep(*cache, "mine(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  write_in_place(incumbent_document({{"theirs(){}", "2", date()}}));
  const Values expected = {{"mine(){}", "1"}, {"theirs(){}", "2"}};
  EXPECT_TRUE(becomes(expected)) << testing::PrintToString(values(*cache));
  EXPECT_EQ(found(), expected);
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_TRUE(read_document(std::make_shared<std::string>(folder.read("calc.json")))->ours);
  EXPECT_EQ(found(), expected);
  EXPECT_EQ(ask(*cache, "theirs(){}"), "2");
}

TEST_F(Foreign, Of_one_call_the_newer_date_wins) {
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  write_in_place(incumbent_document({{"f(){}", "2", date(-0.5)}, {"other(){}", "1", date()}}));  // half an hour ahead: computed after ours
  EXPECT_TRUE(becomes({{"f(){}", "2"}, {"other(){}", "1"}})) << testing::PrintToString(values(*cache));
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found().at("f(){}"), "2");
}

TEST_F(Foreign, An_older_value_of_1_2_9_does_not_replace_ours_while_we_run) {
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  write_in_place(incumbent_document({{"f(){}", "0", date(5)}, {"other(){}", "1", date()}}));
  EXPECT_TRUE(becomes({{"f(){}", "1"}, {"other(){}", "1"}})) << testing::PrintToString(values(*cache));
}

TEST_F(Foreign, An_older_value_of_1_2_9_does_not_replace_ours_in_the_files_either) {
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  write_in_place(incumbent_document({{"f(){}", "0", date(5)}, {"other(){}", "1", date()}}));
  ASSERT_TRUE(becomes({{"f(){}", "1"}, {"other(){}", "1"}})) << testing::PrintToString(values(*cache));
  EXPECT_EQ(found().at("f(){}"), "1");
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found().at("f(){}"), "1");
}

TEST_F(Foreign, What_was_cleared_does_not_come_back_with_1_2_9s_document) {
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  ASSERT_TRUE(cache->clear("f"));
  write_in_place(incumbent_document({{"f(){}", "1", date(1)}, {"g(){}", "2", date(1)}}));
  EXPECT_TRUE(becomes({{"g(){}", "2"}})) << testing::PrintToString(values(*cache));
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found(), (Values{{"g(){}", "2"}}));
}

TEST_F(Foreign, Our_entries_that_1_2_9_saved_without_our_header_are_still_ours) {
  keep(*cache, "f(){}", R"({"$cacherator": "tuple", "value": [1, 2]})");
  ASSERT_TRUE(cache->checkpoint());
  std::string text = folder.read("calc.json");
  text.replace(1, text.find("\"_json_cache_func_cache\"") - 1, "");  // it keeps an entry's members, and drops keys that it does not know
  write_in_place(text);
  ASSERT_FALSE(read_document(std::make_shared<std::string>(text))->ours);
  keep(*cache, "g(){}", "1");
  EXPECT_TRUE(becomes({{"f(){}", R"({"$cacherator": "tuple", "value": [1, 2]})"}, {"g(){}", "1"}}));
  const auto entry = cache->find("f(){}");
  ASSERT_TRUE(entry);
  EXPECT_FALSE(entry->plain) << "its tags count";
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found().size(), 2u);
}

TEST_F(Foreign, State_that_1_2_9_saved_later_wins_and_what_it_lacks_is_kept) {
  save(*cache, "score", "5");
  save(*cache, "level", "1");
  ASSERT_TRUE(cache->checkpoint());
  write_in_place(incumbent_document({}, "{\"score\": 7}", "\"" + date(-0.5) + "\""));
  EXPECT_TRUE(eventually([&] { return variables(*cache) == Values{{"level", "1"}, {"score", "7"}}; })) << testing::PrintToString(variables(*cache));
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(variables(*Restarted(folder)), (Values{{"level", "1"}, {"score", "7"}}));
}

TEST_F(Foreign, State_that_1_2_9_saved_earlier_does_not_replace_ours) {
  save(*cache, "score", "5");
  ASSERT_TRUE(cache->checkpoint());
  write_in_place(incumbent_document({{"sign(){}", "1", date()}}, "{\"score\": 3}", "\"" + date(5) + "\""));
  ASSERT_TRUE(becomes({{"sign(){}", "1"}}));
  EXPECT_EQ(variables(*cache), (Values{{"score", "5"}}));
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(variables(*Restarted(folder)), (Values{{"score", "5"}}));
}

TEST_F(Foreign, An_edit_by_hand_takes_effect_while_it_runs) {
  keep(*cache, "f(){}", "\"before\"");
  keep(*cache, "g(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  std::string text = folder.read("calc.json");
  text.replace(text.find("before"), 6, "after!");
  replace(text);
  EXPECT_TRUE(becomes({{"f(){}", "\"after!\""}, {"g(){}", "1"}}));
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found().at("f(){}"), "\"after!\"");
}

TEST_F(Foreign, A_line_that_is_deleted_by_hand_is_gone) {
  keep(*cache, "f(){}", "1");
  keep(*cache, "g(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  std::string text = folder.read("calc.json");
  const auto line = text.find("\n\"f(){}\"");
  text.erase(line, text.find('\n', line + 1) - line);
  replace(text);
  EXPECT_TRUE(becomes({{"g(){}", "1"}}));
  EXPECT_EQ(found(), (Values{{"g(){}", "1"}}));
}

TEST_F(Foreign, Another_programs_checkpoint_moves_no_generation) {
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  keep(*cache, "g(){}", "1");
  const auto generation = cache->freshness().generation.load();
  ASSERT_TRUE(cache->checkpoint());
  std::this_thread::sleep_for(150ms);
  cache->refresh();
  EXPECT_EQ(cache->freshness().generation.load(), generation) << "memories would look everything up again";
}

TEST_F(Foreign, A_document_that_is_half_written_for_a_moment_disturbs_nobody) {
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  const std::string theirs = incumbent_document({{"f(){}", "1", date()}, {"g(){}", "2", date()}});
  write_in_place(theirs.substr(0, 40));
  for (int i = 0; i < 15; ++i) {
    EXPECT_EQ(values(*cache), (Values{{"f(){}", "1"}}));
    std::this_thread::sleep_for(20ms);
  }
  write_in_place(theirs);
  EXPECT_TRUE(becomes({{"f(){}", "1"}, {"g(){}", "2"}}));
}

TEST_F(Foreign, A_document_that_stays_damaged_is_written_again_from_what_is_known) {
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  write_in_place("garbage");
  std::filesystem::last_write_time(folder / "calc.json", std::filesystem::file_time_type::clock::now() - 10s);
  ASSERT_TRUE(eventually([&] { return (void)values(*cache), cache->info().damaged_documents > 0; }));
  EXPECT_EQ(values(*cache), (Values{{"f(){}", "1"}}));
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found(), (Values{{"f(){}", "1"}}));
}

TEST_F(Foreign, A_legacy_document_that_nobody_had_opened_belongs_to_who_opens_it) {
  TemporaryFolder other;
  other.write("calc.json", incumbent_document({{"f(){}", "1", date()}, {"nan(){}", "NaN", date()}, {"big(){}", "123456789012345678901234567890", date()}},
                                              "{\"score\": 5}", "\"" + date() + "\""));
  auto opened = open_cache(other.path());
  EXPECT_EQ(ask(*opened, "f(){}"), "1");
  keep(*opened, "g(){}", "2");
  ASSERT_TRUE(opened->checkpoint());
  Restarted again(other);
  EXPECT_EQ(values(*again), (Values{{"big(){}", "123456789012345678901234567890"}, {"f(){}", "1"}, {"g(){}", "2"}, {"nan(){}", "NaN"}}));
  EXPECT_TRUE(again->find("f(){}")->plain) << "who wrote an entry is not forgotten";
  EXPECT_TRUE(again->state().at(0).plain);
  EXPECT_EQ(warnings.text(), "warnings:");
}

}  // namespace
}  // namespace cacherator::engine
