// The store as the engine's face shows it: what survives a restart, what follows the files, and what works where the files do not.
#include "local/local_store.hpp"

#include <gtest/gtest.h>

#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

using namespace std::chrono_literals;

struct LocalStoreTest : testing::Test {
  TemporaryFolder folder;
  Warnings warnings;

  [[nodiscard]] bool exists(const char* name) const { return std::filesystem::exists(folder / name); }
  /// What a program finds that is started now.
  [[nodiscard]] Values found() const { return values(*Restarted(folder)); }
};

TEST_F(LocalStoreTest, What_was_kept_is_found_after_a_restart) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "[1]");
  save(*cache, "score", "5");
  EXPECT_EQ(found(), (Values{{"f(1,){}", "[1]"}}));
  EXPECT_EQ(variables(*Restarted(folder)), (Values{{"score", "5"}}));
}

TEST_F(LocalStoreTest, A_clear_survives_a_restart) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  keep(*cache, "g(1,){}", "2");
  ASSERT_TRUE(cache->clear("f"));
  EXPECT_EQ(found(), (Values{{"g(1,){}", "2"}}));
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found(), (Values{{"g(1,){}", "2"}}));
  ASSERT_TRUE(cache->clear("*"));
  EXPECT_TRUE(found().empty());
}

TEST_F(LocalStoreTest, A_clear_survives_the_loss_of_any_one_file) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  const std::string before = folder.read("calc.json");
  ASSERT_TRUE(cache->clear("f"));
  ASSERT_TRUE(cache->checkpoint());
  TemporaryFolder no_journal, old_document;
  no_journal.write("calc.json", folder.read("calc.json"));
  EXPECT_TRUE(values(*open_cache(no_journal.path())).empty());
  old_document.write("calc.json", before);  // a backup of the document alone came back
  old_document.write("calc.journal", folder.read("calc.journal"));
  EXPECT_TRUE(values(*open_cache(old_document.path())).empty());
}

TEST_F(LocalStoreTest, A_dropped_call_does_not_come_back) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  keep(*cache, "f(2,){}", "2");
  ASSERT_TRUE(cache->checkpoint());
  ASSERT_TRUE(cache->drop("f(1,){}"));
  EXPECT_EQ(found(), (Values{{"f(2,){}", "2"}}));
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found(), (Values{{"f(2,){}", "2"}}));
}

TEST_F(LocalStoreTest, Where_the_folder_was_removed_memory_follows_and_what_comes_next_is_written) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  std::filesystem::remove_all(folder.path());
  EXPECT_TRUE(eventually([&] { return values(*cache).empty(); }));
  EXPECT_EQ(ask(*cache, "f(1,){}"), "(miss)");
  keep(*cache, "f(2,){}", "2");
  EXPECT_EQ(found(), (Values{{"f(2,){}", "2"}}));
}

TEST_F(LocalStoreTest, A_result_that_is_kept_at_the_moment_the_folder_goes_is_not_lost) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  std::filesystem::remove_all(folder.path());
  keep(*cache, "f(2,){}", "2");
  EXPECT_EQ(found(), (Values{{"f(2,){}", "2"}}));
  EXPECT_EQ(ask(*cache, "f(2,){}"), "2");
}

TEST_F(LocalStoreTest, Where_the_folder_was_removed_before_the_first_result_it_is_made_again) {
  auto cache = open_cache(folder.path());
  std::filesystem::remove_all(folder.path());
  keep(*cache, "f(1,){}", "1");
  EXPECT_EQ(warnings.text(), "warnings:");
  EXPECT_TRUE(cache->checkpoint());
  ASSERT_TRUE(exists("calc.json"));
  EXPECT_EQ(found(), (Values{{"f(1,){}", "1"}}));
}

TEST_F(LocalStoreTest, Where_document_and_journal_were_removed_memory_follows) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  std::filesystem::remove(folder / "calc.json");
  std::filesystem::remove(folder / "calc.journal");
  EXPECT_TRUE(eventually([&] { return values(*cache).empty(); }));
  keep(*cache, "f(2,){}", "2");
  EXPECT_EQ(found(), (Values{{"f(2,){}", "2"}}));
}

/// How programs bring an older state of a folder back: rsync renames over, git removes and makes anew, cp writes into the file.
TEST_F(LocalStoreTest, Where_an_older_copy_takes_the_place_of_the_files_memory_follows_and_goes_on) {
  const std::vector<std::function<void(const std::filesystem::path&, const std::filesystem::path&)>> ways = {
      [](const auto& from, const auto& to) {
        std::filesystem::copy_file(from, to.string() + ".new");
        std::filesystem::rename(to.string() + ".new", to);
      },
      [](const auto& from, const auto& to) {
        std::filesystem::remove(to);
        std::filesystem::copy_file(from, to);
      },
      [](const auto& from, const auto& to) { std::filesystem::copy_file(from, to, std::filesystem::copy_options::overwrite_existing); }};
  for (const auto& way : ways) {
    SCOPED_TRACE(&way - ways.data());
    const TemporaryFolder here, older;
    auto cache = open_cache(here.path());
    keep(*cache, "f(1,){}", "1");
    ASSERT_TRUE(cache->checkpoint());
    keep(*cache, "f(2,){}", "2");
    for (const char* name : {"calc.json", "calc.journal"}) std::filesystem::copy_file(here / name, older / name);
    keep(*cache, "f(3,){}", "3");
    ASSERT_TRUE(cache->checkpoint());
    keep(*cache, "f(4,){}", "4");
    for (const char* name : {"calc.json", "calc.journal"}) way(older / name, here / name);

    const Values old = {{"f(1,){}", "1"}, {"f(2,){}", "2"}};
    EXPECT_TRUE(eventually([&] { return values(*cache) == old; })) << testing::PrintToString(values(*cache));
    keep(*cache, "f(5,){}", "5");
    EXPECT_EQ(values(**std::make_unique<Restarted>(here)), (Values{{"f(1,){}", "1"}, {"f(2,){}", "2"}, {"f(5,){}", "5"}}));
    ASSERT_TRUE(cache->checkpoint());
    EXPECT_EQ(values(**std::make_unique<Restarted>(here)), values(*cache));
  }
}

TEST_F(LocalStoreTest, Where_one_of_document_and_journal_was_removed_the_other_counts) {
  auto cache = open_cache(folder.path());
  keep(*cache, "in_document(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  keep(*cache, "in_journal(){}", "2");
  std::filesystem::remove(folder / "calc.json");
  EXPECT_TRUE(eventually([&] { return values(*cache) == Values{{"in_journal(){}", "2"}}; }));
  ASSERT_TRUE(cache->checkpoint());
  std::filesystem::remove(folder / "calc.journal");
  keep(*cache, "next(){}", "3");
  EXPECT_EQ(found(), (Values{{"in_journal(){}", "2"}, {"next(){}", "3"}}));
}

/// In the place of a document: something that cannot be read as one.
struct Obstacle {
  const char* name;
  std::function<void(const std::filesystem::path&)> make;
};
class ObstacleTest : public LocalStoreTest, public testing::WithParamInterface<Obstacle> {};
INSTANTIATE_TEST_SUITE_P(Of, ObstacleTest,
                         testing::Values(Obstacle{"a_directory", [](const auto& at) { std::filesystem::create_directory(at); }},
                                         Obstacle{"a_FIFO", [](const auto& at) { ASSERT_EQ(::mkfifo(at.c_str(), 0600), 0); }},
                                         Obstacle{"a_link_to_nowhere", [](const auto& at) { std::filesystem::create_symlink("nowhere", at); }},
                                         Obstacle{"a_file_of_more_than_4_GiB",
                                                  [](const auto& at) {
                                                    std::ofstream{at};
                                                    std::filesystem::resize_file(at, (std::uint64_t{4} << 30) + 1);  // all of it a hole
                                                  }},
                                         Obstacle{"a_link_to_itself", [](const auto& at) { std::filesystem::create_symlink(at, at); }}),
                         [](const auto& named) { return named.param.name; });

TEST_P(ObstacleTest, In_a_documents_place_it_is_told_left_alone_and_gone_around_in_memory) {
  GetParam().make(folder / "calc.json");
  const auto before = std::filesystem::symlink_status(folder / "calc.json");
  auto cache = open_cache(folder.path());
  EXPECT_EQ(warnings.with("calc.json cannot be read as a document"), 1u) << warnings.text();
  keep(*cache, "f(1,){}", "1");
  EXPECT_EQ(ask(*cache, "f(1,){}"), "1");
  EXPECT_TRUE(cache->info().memory_only);
  EXPECT_FALSE(cache->checkpoint());
  EXPECT_EQ(std::filesystem::symlink_status(folder / "calc.json").type(), before.type());
  EXPECT_FALSE(exists("nowhere"));
}

TEST_P(ObstacleTest, In_a_journals_place_it_is_told_left_alone_and_gone_around_in_memory) {
  const std::string document = incumbent_document({{"old(){}", "1", date()}});
  folder.write("calc.json", document);
  GetParam().make(folder / "calc.journal");
  const auto before = std::filesystem::symlink_status(folder / "calc.journal");
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  EXPECT_EQ(ask(*cache, "f(1,){}"), "1");
  EXPECT_EQ(warnings.with("calc.journal"), 1u) << warnings.text();
  EXPECT_FALSE(cache->checkpoint());
  EXPECT_EQ(folder.read("calc.json"), document);
  EXPECT_EQ(std::filesystem::symlink_status(folder / "calc.journal").type(), before.type());
}

TEST_P(ObstacleTest, Once_it_is_out_of_the_way_results_are_written_again) {
  GetParam().make(folder / "calc.json");
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  std::filesystem::remove(folder / "calc.json");
  ASSERT_TRUE(eventually([&] { return (void)values(*cache), !cache->info().memory_only; }));
  keep(*cache, "f(2,){}", "2");
  EXPECT_EQ(found().count("f(2,){}"), 1u);
}

TEST_F(LocalStoreTest, A_document_that_is_garbage_is_told_of_worked_around_and_kept_aside) {
  folder.write("calc.json", "this is no document");
  std::filesystem::last_write_time(folder / "calc.json", std::filesystem::file_time_type::clock::now() - 10s);
  auto cache = open_cache(folder.path());
  EXPECT_EQ(warnings.with("calc.json is damaged"), 1u) << warnings.text();
  keep(*cache, "f(1,){}", "1");
  EXPECT_EQ(ask(*cache, "f(1,){}"), "1");
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found(), (Values{{"f(1,){}", "1"}}));
  std::size_t copies = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
    if (!file.path().filename().string().starts_with("calc.json.damaged-")) continue;
    ++copies;
    EXPECT_EQ(folder.read(file.path().filename().string()), "this is no document");
  }
  EXPECT_EQ(copies, 1u);
}

TEST_F(LocalStoreTest, A_path_below_a_file_is_the_callers_mistake) {
  folder.write("file", "");
  const auto opened = Cache::open({.data_id = "calc", .directory = (folder / "file/below").string()});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.fault().kind, Fault::Kind::misuse);
  EXPECT_NE(opened.fault().message.find("file' is a file"), std::string::npos) << opened.fault().message;
}

TEST_F(LocalStoreTest, A_bad_line_is_skipped_and_counted_and_its_neighbours_count) {
  folder.write("calc.json", incumbent_document({{"in_document(){}", "1", date()}}));
  auto bad = put_record("b(){}", "3");
  bad.replace(bad.find(":3,"), 3, ":4,");
  folder.write("calc.journal", journal_header(id_of('1')) + put_record("a(){}", "2") + bad + put_record("c(){}", "5"));
  auto cache = open_cache(folder.path());
  const Values expected = {{"a(){}", "2"}, {"c(){}", "5"}, {"in_document(){}", "1"}};
  EXPECT_EQ(values(*cache), expected);
  EXPECT_EQ(cache->info().damaged_records, 1u);
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found(), expected);
}

TEST_F(LocalStoreTest, A_bad_line_that_comes_while_it_runs_is_told_of_once) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  for (int i = 0; i < 2; ++i) std::ofstream(folder / "calc.journal", std::ios::app) << "\n{\"put\":\"g(){}\",\"crc\":\"00000000\"}\n";
  EXPECT_EQ(ask(*cache, "g(){}"), "(miss)");
  (void)cache->clear("other");
  EXPECT_EQ(warnings.with("has damaged lines"), 1u) << warnings.text();
  EXPECT_EQ(cache->info().damaged_records, 2u);
  EXPECT_EQ(ask(*cache, "f(1,){}"), "1");
}

TEST_F(LocalStoreTest, Records_of_unknown_kinds_are_carried_over_checkpoints) {
  const std::string unknown = record(R"("moon":"full","n":[1,"\u00e9"])");
  folder.write("calc.journal", journal_header(id_of('1')) + unknown + put_record("f(){}", "1"));
  for (int i = 0; i < 3; ++i) {
    auto cache = open_cache(folder.path());
    EXPECT_EQ(cache->info().damaged_records, 0u);
    keep(*cache, "g(){}", std::to_string(i));
    ASSERT_TRUE(cache->checkpoint());
    const auto document = read_document(std::make_shared<std::string>(folder.read("calc.json")));
    EXPECT_EQ(document->header.carried, (std::vector{unknown.substr(1, unknown.size() - 2)})) << "after checkpoint " << i;
  }
  EXPECT_EQ(found().at("f(){}"), "1");
}

/// A file of a higher version, alone in a folder: it is neither used nor changed, and nothing is written beside it.
void expect_untouched(const char* name, const std::string& text) {
  TemporaryFolder here;
  Warnings told;
  here.write(name, text);
  auto cache = open_cache(here.path());
  EXPECT_EQ(told.with("written by a newer version"), 1u) << told.text();
  EXPECT_EQ(ask(*cache, "f(){}"), "(miss)") << "what a newer version means by it is not known";
  keep(*cache, "g(){}", "2");
  (void)cache->clear("f");
  EXPECT_FALSE(cache->checkpoint());
  EXPECT_EQ(ask(*cache, "g(){}"), "2");
  EXPECT_EQ(here.read(name), text);
  for (const std::string_view other : {"calc.json", "calc.journal", "calc.journal.old"}) {
    EXPECT_EQ(std::filesystem::exists(here / other), other == name) << other;
  }
}

TEST_F(LocalStoreTest, A_document_of_a_higher_version_is_left_untouched) {
  expect_untouched("calc.json",
                   R"({"_cacherator": {"format": 2, "data_id": "calc"}, "_json_cache_func_cache": {"f(){}": {"value": 1, "utc": )" + utc() + "}}}");
}

TEST_F(LocalStoreTest, A_journal_of_a_higher_version_is_left_untouched) {
  expect_untouched("calc.journal", journal_header(id_of('1'), "calc", 2) + put_record("f(){}", "1"));
}

TEST_F(LocalStoreTest, An_old_journal_of_a_higher_version_is_left_untouched) {
  expect_untouched("calc.journal.old", journal_header(id_of('1'), "calc", 2) + put_record("f(){}", "1"));
}

TEST_F(LocalStoreTest, Two_data_ids_of_one_slug_have_files_of_their_own_whichever_comes_first) {
  {
    auto first = open_cache(folder.path(), "a b"), second = open_cache(folder.path(), "A-B");
    keep(*first, "f(){}", "1");
    keep(*second, "f(){}", "2");
    ASSERT_TRUE(first->checkpoint());
    ASSERT_TRUE(second->checkpoint());
    EXPECT_NE(first->info().document, second->info().document);
  }
  EXPECT_EQ(values(*Restarted(folder, "A-B")), (Values{{"f(){}", "2"}}));
  EXPECT_EQ(values(*Restarted(folder, "a b")), (Values{{"f(){}", "1"}}));
}

TEST_F(LocalStoreTest, Objects_that_were_made_before_and_after_the_folder_share_one_store) {
  const auto below = folder / "not/there";
  auto before = open_cache(below);
  keep(*before, "f(){}", "1");
  auto after = open_cache(below);
  auto leading = before->ask({.signature = "g(){}"});
  ASSERT_TRUE(std::holds_alternative<Lead>(leading));
  EXPECT_TRUE(std::holds_alternative<Wait>(after->ask({.signature = "g(){}"})));
}

}  // namespace
}  // namespace cacherator::engine
