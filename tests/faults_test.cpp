// Each call to the system that a program makes fails once, and fails from then on: no crash, no wrong value, nothing lost in silence.
#include <gtest/gtest.h>

#include "faulty_files.hpp"
#include "local_layer.hpp"

namespace cacherator::engine {

void PrintTo(Durability durability, std::ostream* out) { *out << (durability == Durability::power ? "power" : "process"); }

namespace {

using std::chrono::steady_clock;

/// A small program that uses all there is, and knows what is right at each moment.
class Story {
 public:
  explicit Story(std::filesystem::path folder, Durability durability = Durability::process) : folder_(std::move(folder)), durability_(durability) {}

  void tell() {
    open();
    miss("f(1,){}");
    miss("f(2,){}");
    miss("g(1,){}");
    state("x", "1");
    (void)cache_->checkpoint();
    hit("f(1,){}");
    miss("f(3,){}");
    drop("f(2,){}");
    clear("f");
    miss("f(1,){}");
    miss("g(1,){}");  // once more, another value
    (void)cache_->checkpoint();
    close();
    open();
    miss("f(4,){}");
    clear("h");
    state("x", "2");
    hit("g(1,){}");
    (void)cache_->checkpoint();
    miss("g(2,){}");
    cache_->refresh();
    hit("f(4,){}");
  }
  /// The fault is over: what could not be written is.
  void recover() {
    open();
    miss("g(3,){}");
    EXPECT_TRUE(cache_->checkpoint());
    hit("g(3,){}");
  }
  void close() { cache_.reset(); }

  void open() {
    auto opened = Cache::open({.data_id = "calc", .directory = folder_.string(), .durability = durability_});
    ASSERT_TRUE(opened) << opened.fault().message;
    cache_ = *opened;
  }
  void miss(const std::string& signature) {
    const std::string value = '"' + signature + " #" + std::to_string(++count_) + '"';
    keep(*cache_, signature, value);
    expected_[signature] = value;
    hit(signature);
  }
  /// A program that asks gets the right value, or computes it; it never gets another one.
  void hit(const std::string& signature) {
    const std::string got = ask(*cache_, signature);
    if (got == "(miss)") {
      ++misses;
      return;
    }
    ASSERT_TRUE(expected_.contains(signature)) << signature << " was cleared, and is " << got;
    EXPECT_EQ(got, expected_[signature]);
  }
  void drop(const std::string& signature) {
    (void)cache_->drop(signature);
    expected_.erase(signature);
    hit(signature);
  }
  void clear(const std::string& function) {
    (void)cache_->clear(function);
    std::erase_if(expected_, [&](const auto& entry) { return entry.first.starts_with(function + '('); });
    hit("f(1,){}");
  }
  void state(const std::string& name, const std::string& value) {
    const Variable variable{.name = name, .value = value};
    (void)cache_->save_state(std::span(&variable, 1), true);
    variables_[name] = value;
  }

  [[nodiscard]] const Values& expected() const { return expected_; }
  [[nodiscard]] const Values& expected_variables() const { return variables_; }
  [[nodiscard]] bool memory_only() const { return cache_->info().memory_only; }
  int misses = 0;  ///< hits that were none

 private:
  std::filesystem::path folder_;
  Durability durability_;
  std::shared_ptr<Cache> cache_;
  Values expected_, variables_;
  int count_ = 0;
};

struct Fault {
  int error;
  bool lasting;  ///< all calls from there on, to the end of the story
  bool torn = false;
  std::function<bool(const FileCall&)> only{};
};

class FaultsTest : public testing::TestWithParam<Durability> {
 protected:
  static void SetUpTestSuite() { use_folders_in_memory(); }

  static std::uint64_t calls(const std::function<bool(const FileCall&)>& only = {}) {
    TemporaryFolder folder;
    auto failing = std::make_shared<Failing>();
    failing->only = only;
    const Installed installed(failing);
    Story story(folder.path() / "cache", GetParam());
    story.tell();
    EXPECT_EQ(story.misses, 2) << "after the drop and the clear";
    return failing->calls;
  }

  static void fail_at(std::uint64_t number, const Fault& fault) {
    TemporaryFolder folder;
    Warnings warnings;
    auto failing = std::make_shared<Failing>();
    failing->error = fault.error;
    failing->first = number;
    failing->last = fault.lasting ? UINT64_MAX : number;
    failing->torn = fault.torn;
    failing->only = fault.only;
    const auto began = steady_clock::now();
    Story story(folder.path() / "cache", GetParam());
    const Installed installed(failing);
    story.tell();
    failing->last = 0;  // it is over
    SCOPED_TRACE("call " + std::to_string(number) + ", " + name_of(failing->kind) + ", error " + std::to_string(fault.error) +
                 (fault.lasting ? ", and all after it\n" : "\n") + warnings.text());
    EXPECT_LT(steady_clock::now() - began, std::chrono::seconds(4)) << "it hangs";
    expect(folder, story, warnings, false);
    story.recover();
    expect(folder, story, warnings, true);
  }

  /// What another program finds: nothing wrong, and nothing missing in silence; nothing missing at all once the fault is over.
  static void expect(const TemporaryFolder& folder, const Story& story, const Warnings& warnings, bool recovered) {
    std::filesystem::create_directory(folder.path() / "cache");
    TemporaryFolder copy;
    std::filesystem::copy(folder.path() / "cache", copy.path(), std::filesystem::copy_options::recursive);
    auto cache = open_cache(copy.path());
    const auto found = values(*cache);
    if (recovered || warnings.with("") == 0) {
      EXPECT_EQ(found, story.expected());
      EXPECT_EQ(variables(*cache), story.expected_variables());
    }
    if (!recovered) return;
    EXPECT_FALSE(std::filesystem::exists(copy.path() / "calc.journal.old"));
  }
};

INSTANTIATE_TEST_SUITE_P(Durabilities, FaultsTest, testing::Values(Durability::process, Durability::power),
                         [](const auto& each) { return each.param == Durability::power ? "power" : "process"; });

TEST_P(FaultsTest, A_call_that_fails_once_costs_nothing_that_was_returned) {
  const auto all = calls();
  EXPECT_GT(all, 100U);
  for (std::uint64_t number = 1; number <= all; ++number) fail_at(number, {.error = EIO, .lasting = false});
}

TEST_P(FaultsTest, A_disk_that_fails_from_some_call_on_and_comes_back) {
  const auto all = calls();
  for (std::uint64_t number = 1; number <= all; ++number) fail_at(number, {.error = EIO, .lasting = true});
}

TEST_P(FaultsTest, A_full_disk) {
  const auto takes_room = [](const FileCall& call) {
    return call.kind == FileCall::Kind::write || call.kind == FileCall::Kind::link || call.create || call.kind == FileCall::Kind::make_folders;
  };
  const auto all = calls(takes_room);
  for (const int error : {ENOSPC, EDQUOT}) {
    for (std::uint64_t number = 1; number <= all; ++number) {
      fail_at(number, {.error = error, .lasting = false, .only = takes_room});
      fail_at(number, {.error = error, .lasting = true, .only = takes_room});
      fail_at(number, {.error = error, .lasting = false, .torn = true, .only = takes_room});
    }
  }
}

TEST_P(FaultsTest, Too_many_open_files) {
  const auto opens = [](const FileCall& call) {
    return call.kind == FileCall::Kind::open || call.kind == FileCall::Kind::open_folder || call.kind == FileCall::Kind::list;
  };
  const auto all = calls(opens);
  for (std::uint64_t number = 1; number <= all; ++number) {
    fail_at(number, {.error = EMFILE, .lasting = false, .only = opens});
    fail_at(number, {.error = EMFILE, .lasting = true, .only = opens});
  }
}

TEST_P(FaultsTest, A_file_system_that_becomes_read_only) {
  const auto writes = [](const FileCall& call) {
    constexpr std::array kinds{FileCall::Kind::make_folders, FileCall::Kind::write,  FileCall::Kind::write_at, FileCall::Kind::set_mode,
                               FileCall::Kind::link,         FileCall::Kind::rename, FileCall::Kind::unlink};
    return call.create || std::find(kinds.begin(), kinds.end(), call.kind) != kinds.end();
  };
  const auto all = calls(writes);
  for (std::uint64_t number = 1; number <= all; ++number) fail_at(number, {.error = EROFS, .lasting = true, .only = writes});
}

TEST_P(FaultsTest, Interrupted_calls_are_made_again) {
  const auto all = calls();
  for (std::uint64_t number = 1; number <= all; number += 3) {
    TemporaryFolder folder;
    const Warnings warnings;
    auto failing = std::make_shared<Failing>();
    failing->error = EINTR;
    failing->first = number;
    failing->last = number + 1;
    const Installed installed(failing);
    Story story(folder.path() / "cache", GetParam());
    story.tell();
    EXPECT_EQ(story.misses, 2);
    EXPECT_EQ(warnings.with(""), 0U) << warnings.text();
  }
}

/// A file system of another machine, or one without hard links: no journal, the document is saved whole.
TEST_P(FaultsTest, Where_files_are_not_local_or_have_no_hard_links_the_document_is_saved_whole) {
  for (const auto kind : {FileCall::Kind::is_local, FileCall::Kind::link}) {
    SCOPED_TRACE(name_of(kind));
    TemporaryFolder folder;
    const Warnings warnings;
    auto failing = std::make_shared<Failing>();
    failing->error = EOPNOTSUPP;
    failing->first = 1;
    failing->last = UINT64_MAX;
    failing->only = [kind](const FileCall& call) { return call.kind == kind; };
    const Installed installed(failing);
    Story story(folder.path() / "cache", GetParam());
    story.tell();
    EXPECT_EQ(story.misses, 2);
    story.recover();
    EXPECT_GE(warnings.with("saved whole"), 1U);
    EXPECT_LE(warnings.with("saved whole"), 3U) << "the cache was opened thrice\n" << warnings.text();
    EXPECT_EQ(warnings.with(""), warnings.with("saved whole")) << warnings.text();
    EXPECT_FALSE(std::filesystem::exists(folder / "cache/calc.journal"));
    expect(folder, story, warnings, true);
  }
}

TEST_P(FaultsTest, Where_no_locks_are_to_be_had_nothing_waits_for_them) {
  TemporaryFolder folder;
  const Warnings warnings;
  auto failing = std::make_shared<Failing>();
  failing->error = ENOLCK;
  failing->first = 1;
  failing->last = UINT64_MAX;
  failing->only = [](const FileCall& call) { return call.kind == FileCall::Kind::lock; };
  const Installed installed(failing);
  const auto began = steady_clock::now();
  Story story(folder.path() / "cache", GetParam());
  story.tell();
  EXPECT_EQ(story.misses, 2);
  expect(folder, story, warnings, true);
  EXPECT_LT(steady_clock::now() - began, std::chrono::milliseconds(900));
}

class Clock final : public platform::Faults {
 public:
  std::int64_t clock(std::int64_t time) override { return time + ahead; }
  std::atomic<std::int64_t> ahead{0};
};

constexpr Time kOneDay = 86400 * kSecond;

TEST_P(FaultsTest, A_clock_that_is_set_changes_no_value_and_loses_nothing) {
  for (const Time step : {-kOneDay, kOneDay, -30 * 365 * kOneDay, 30 * 365 * kOneDay}) {  // entries hold for 999 days
    SCOPED_TRACE("days: " + std::to_string(step / kOneDay));
    TemporaryFolder folder;
    const Warnings warnings;
    auto clock = std::make_shared<Clock>();
    const Installed installed(clock);
    Story story(folder.path() / "cache", GetParam());
    story.tell();
    clock->ahead = step;
    story.tell();
    clock->ahead = 0;
    story.hit("g(1,){}");
    story.recover();
    if (step > -999 * kOneDay) expect(folder, story, warnings, true);
    for (const auto& [signature, value] : values(*open_cache(folder / "cache"))) EXPECT_EQ(story.expected().at(signature), value);
  }
}

TEST(FaultsOfTheClockTest, Files_that_are_removed_after_the_clock_was_set_back_are_missed) {
  TemporaryFolder folder;
  auto clock = std::make_shared<Clock>();
  const Installed installed(clock);
  auto cache = open_cache(folder.path());
  keep(*cache, "f(1,){}", "1");
  clock->ahead = -kOneDay / 2;
  EXPECT_EQ(ask(*cache, "f(1,){}"), "1");
  std::filesystem::remove_all(folder.path());
  EXPECT_TRUE(eventually([&] { return ask(*cache, "f(1,){}") == "(miss)"; }));
}

}  // namespace
}  // namespace cacherator::engine
