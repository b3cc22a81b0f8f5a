// Checkpoints: what they write, what they leave out, and how they finish what a crashed one began.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>

#include "faulty_files.hpp"
#include "local/document.hpp"
#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

using namespace std::chrono_literals;

struct Checkpoint : testing::Test {
  TemporaryFolder folder;
  Warnings warnings;

  [[nodiscard]] bool exists(const char* name) const { return std::filesystem::exists(folder / name); }
  [[nodiscard]] std::shared_ptr<const Document> document() const { return read_document(std::make_shared<std::string>(folder.read("calc.json"))); }
  [[nodiscard]] Values found() const { return values(*Restarted(folder)); }
  void fold() const { EXPECT_TRUE(open_cache(folder.path())->checkpoint()); }
  [[nodiscard]] bool is_folded(const std::string& id) const {
    const auto folded = document()->header.folded;
    return std::find(folded.begin(), folded.end(), id) != folded.end();
  }
  static std::string our_document(const std::string& folded, const std::string& entries) {
    return R"({"_cacherator": {"format": 1, "data_id": "calc", "folded": [)" + folded +
           R"(], "cleared": {}, "clock": 0, "state": {}, "carried": []},
"_json_cache_func_cache": {)" +
           entries + R"(
},
"_json_cache_last_save_date": null,
"_json_cache_variable_cache": {}}
)";
  }
  static std::string our_entry(const std::string& signature, const std::string& value, const std::string& at = utc(), const std::string& ttl = "999") {
    return "\n\"" + signature + R"(": {"value": )" + value + R"(, "date": ")" + date() + R"(", "utc": )" + at + R"(, "ttl": )" + ttl + R"(, "under": 0})";
  }
};

// The first, as the background folds one cache a second: those of the other tests would be before it.
TEST_F(Checkpoint, A_small_document_follows_its_journal_by_itself) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(){}", "1");
  EXPECT_TRUE(eventually([&] { return exists("calc.json") && document()->entries.size() == 1; }, 5s));
}

TEST_F(Checkpoint, Afterwards_the_document_has_all_and_the_journal_nothing) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  keep(*cache, "f(2,){}", "2");
  save(*cache, "score", "5");
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(document()->entries.size(), 2u);
  EXPECT_EQ(document()->state.size(), 1u);
  EXPECT_EQ(folder.read("calc.journal").find("\"put\""), std::string::npos);
  EXPECT_FALSE(exists("calc.journal.old"));
  ASSERT_EQ(document()->header.folded.size(), 1u);
  EXPECT_NE(folder.read("calc.journal").find("\"after\":\"" + document()->header.folded[0] + "\""), std::string::npos);
  for (const auto& file : std::filesystem::directory_iterator(folder.path())) EXPECT_NE(file.path().extension(), ".tmp") << file.path();
}

TEST_F(Checkpoint, Of_nothing_new_it_writes_nothing) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  const auto before = std::filesystem::last_write_time(folder / "calc.json");
  std::this_thread::sleep_for(10ms);
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(std::filesystem::last_write_time(folder / "calc.json"), before);
}

TEST_F(Checkpoint, An_entry_outdated_for_less_than_a_day_is_kept_and_for_more_is_not) {
  folder.write("calc.json", our_document("", our_entry("less(){}", "1", utc(29), "0.25") + "," + our_entry("more(){}", "2", utc(31), "0.25")));
  auto cache = open_cache(folder.path());
  keep(*cache, "new(){}", "3");
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found(), (Values{{"less(){}", "1"}, {"new(){}", "3"}}));
}

TEST_F(Checkpoint, An_old_journal_that_was_not_folded_is_folded_before_the_new_one) {
  folder.write("calc.journal.old", journal_header(id_of('1')) + put_record("f(){}", "1") + put_record("g(){}", "1"));
  folder.write("calc.journal", journal_header(id_of('2')) + put_record("f(){}", "2"));
  const Values expected = {{"f(){}", "2"}, {"g(){}", "1"}};
  EXPECT_EQ(found(), expected);
  fold();
  EXPECT_EQ(found(), expected);
  EXPECT_FALSE(exists("calc.journal.old"));
  EXPECT_TRUE(is_folded(id_of('1')) && is_folded(id_of('2')));
}

TEST_F(Checkpoint, An_old_journal_whose_id_the_document_names_is_not_read_again_and_goes) {
  folder.write("calc.json", our_document("\"" + id_of('1') + "\"", our_entry("f(){}", "1")));
  folder.write("calc.journal.old", journal_header(id_of('1')) + put_record("f(){}", "0") + put_record("dropped(){}", "0"));
  folder.write("calc.journal", journal_header(id_of('2')) + put_record("g(){}", "2"));
  const Values expected = {{"f(){}", "1"}, {"g(){}", "2"}};
  EXPECT_EQ(found(), expected);
  fold();
  EXPECT_EQ(found(), expected);
  EXPECT_FALSE(exists("calc.journal.old"));
}

TEST_F(Checkpoint, Old_and_new_journal_that_are_one_file_are_read_once_and_the_rotation_is_finished) {
  folder.write("calc.journal", journal_header(id_of('1')) + put_record("f(){}", "1") + record(R"("moon":1)"));
  std::filesystem::create_hard_link(folder / "calc.journal", folder / "calc.journal.old");
  auto cache = open_cache(folder.path());
  EXPECT_EQ(values(*cache), (Values{{"f(){}", "1"}}));
  keep(*cache, "g(){}", "2");
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found(), (Values{{"f(){}", "1"}, {"g(){}", "2"}}));
  EXPECT_EQ(document()->header.carried.size(), 1u) << "it was read twice";
  EXPECT_FALSE(exists("calc.journal.old"));
}

TEST_F(Checkpoint, Without_a_document_the_old_journal_alone_is_enough) {
  folder.write("calc.journal.old", journal_header(id_of('1')) + put_record("f(){}", "1"));
  EXPECT_EQ(found(), (Values{{"f(){}", "1"}}));
  fold();
  EXPECT_EQ(found(), (Values{{"f(){}", "1"}}));
  EXPECT_FALSE(exists("calc.journal.old"));
}

TEST_F(Checkpoint, Journals_without_a_header_are_never_taken_for_folded) {
  for (const char* name : {"f(){}", "g(){}", "h(){}"}) {
    std::filesystem::remove(folder / "calc.journal");
    folder.write("calc.journal", "\nno header\n" + put_record(name, "1"));
    EXPECT_EQ(found().count(name), 1u) << name;
    fold();
    EXPECT_EQ(found().count(name), 1u) << name;
  }
  EXPECT_EQ(found().size(), 3u);
}

TEST_F(Checkpoint, A_dropped_call_does_not_come_back_with_a_crashed_checkpoints_files) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->drop("f(){}"));
  const std::string whole = folder.read("calc.journal");
  ASSERT_TRUE(cache->checkpoint());
  folder.write("calc.journal.old", whole);  // as if it had crashed before it removed the old journal
  EXPECT_TRUE(found().empty());
  cache->refresh();
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_TRUE(found().empty());
  EXPECT_FALSE(exists("calc.journal.old"));
}

TEST_F(Checkpoint, The_documents_mode_stays_as_it_was) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  ASSERT_EQ(::chmod((folder / "calc.json").c_str(), 0640), 0);
  keep(*cache, "g(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(std::filesystem::status(folder / "calc.json").permissions(), std::filesystem::perms(0640));
  EXPECT_EQ(document()->entries.size(), 2u);
}

TEST_F(Checkpoint, A_journal_that_follows_has_the_documents_mode) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  ASSERT_EQ(::chmod((folder / "calc.json").c_str(), 0600), 0);
  keep(*cache, "g(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  keep(*cache, "h(){}", "1");
  EXPECT_EQ(std::filesystem::status(folder / "calc.journal").permissions(), std::filesystem::perms(0600));
}

TEST_F(Checkpoint, The_first_document_has_the_mode_of_the_journal_that_another_umask_made) {
  const auto umask = ::umask(0077);
  auto cache = open_cache(folder.path());
  keep(*cache, "f(){}", "1");
  ::umask(0022);
  ASSERT_TRUE(cache->checkpoint());
  ::umask(umask);
  EXPECT_EQ(std::filesystem::status(folder / "calc.json").permissions(), std::filesystem::perms(0600));
}

/// Who looks at the mode of each file while it is still being written.
class Modes final : public platform::Faults {
 public:
  long around(const platform::FileCall& call, const std::function<long(const platform::FileCall&)>& make) override {
    struct stat found;
    if (call.kind == platform::FileCall::Kind::write && ::fstat(call.fd, &found) == 0) seen |= found.st_mode & 07777;
    return make(call);
  }
  std::atomic<unsigned> seen = 0;
};

TEST_F(Checkpoint, What_takes_a_documents_place_is_at_no_moment_open_to_more) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  ASSERT_EQ(::chmod((folder / "calc.json").c_str(), 0600), 0);
  ASSERT_EQ(::chmod((folder / "calc.journal").c_str(), 0600), 0);
  const auto modes = std::make_shared<Modes>();
  const Installed installed(modes);
  keep(*cache, "g(){}", "1");
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(modes->seen, 0600u);
}

TEST_F(Checkpoint, A_damaged_document_is_copied_aside_and_what_can_be_read_of_it_stays) {
  std::string text = our_document("", our_entry("f(){}", "1") + "," + our_entry("g(){}", "2") + "," + our_entry("h(){}", "3"));
  text.replace(text.find("\"value\": 2"), 10, "\"value\" 2 ");
  folder.write("calc.json", text);
  std::filesystem::last_write_time(folder / "calc.json", std::filesystem::file_time_type::clock::now() - 10s);
  auto cache = open_cache(folder.path());
  keep(*cache, "new(){}", "4");
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(found(), (Values{{"f(){}", "1"}, {"h(){}", "3"}, {"new(){}", "4"}}));
  EXPECT_TRUE(document()->damage.empty());
  EXPECT_EQ(warnings.with("the damaged document is kept as"), 1u) << warnings.text();
}

TEST_F(Checkpoint, A_document_that_is_perhaps_just_being_written_is_not_judged) {
  const std::string half = "{\"_json_cache_func_cache\": {\n\"f(){}\": {\"val";
  folder.write("calc.json", half);
  auto cache = open_cache(folder.path());
  keep(*cache, "new(){}", "4");
  (void)cache->checkpoint();
  EXPECT_EQ(folder.read("calc.json"), half);
  EXPECT_EQ(ask(*cache, "new(){}"), "4");
  EXPECT_EQ(found(), (Values{{"new(){}", "4"}})) << "it stays in the journal";
}

TEST_F(Checkpoint, What_threads_keep_while_it_runs_is_all_found) {
  auto cache = open_cache(folder.path());
  std::atomic<bool> stop = false;
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) keep(*cache, "f(" + std::to_string(t) + ", " + std::to_string(i) + "){}", std::to_string(i));
    });
  }
  std::jthread folding([&] {
    while (!stop) EXPECT_TRUE(cache->checkpoint());
  });
  threads.clear();
  stop = true;
  folding.join();
  EXPECT_EQ(found().size(), 400u);
  EXPECT_EQ(values(*cache).size(), 400u);
}

TEST_F(Checkpoint, A_clear_while_it_runs_is_never_undone) {
  auto cache = open_cache(folder.path());
  std::atomic<bool> stop = false;
  std::jthread folding([&] {
    while (!stop) (void)cache->checkpoint();
  });
  for (int i = 0; i < 50; ++i) {
    keep(*cache, "f(){}", std::to_string(i));
    EXPECT_TRUE(cache->clear("f"));
    EXPECT_EQ(ask(*cache, "f(){}"), "(miss)");
  }
  stop = true;
  folding.join();
  EXPECT_TRUE(found().empty());
}

TEST_F(Checkpoint, A_folder_that_goes_and_comes_while_it_runs_harms_nobody) {
  auto cache = open_cache(folder.path());
  std::atomic<bool> stop = false;
  std::jthread folding([&] {
    while (!stop) (void)cache->checkpoint();
  });
  std::jthread removing([&] {
    std::error_code ignored;
    while (!stop) std::filesystem::remove_all(folder.path(), ignored);
  });
  for (int i = 0; i < 100; ++i) {
    keep(*cache, "f(" + std::to_string(i) + ",){}", "1");
    (void)values(*cache);
  }
  stop = true;
  folding.join();
  removing.join();
  std::this_thread::sleep_for(150ms);  // step U: the files are looked at
  cache->refresh();
  keep(*cache, "last(){}", "1");
  const auto done = cache->checkpoint();
  EXPECT_TRUE(done) << done.fault().message << '\n' << warnings.text();
  EXPECT_EQ(found().count("last(){}"), 1u);
}

}  // namespace
}  // namespace cacherator::engine
