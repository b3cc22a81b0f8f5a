// Folders: what is left over in them, their lock file, and those that cannot be written, or are full.
#include "local/folder.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

using namespace std::chrono_literals;

struct FolderTest : testing::Test {
  TemporaryFolder folder;
  Warnings warnings;

  void make(const std::string& name, std::size_t size, std::chrono::minutes age) const {
    folder.write(name, std::string(size, 'x'));
    std::filesystem::last_write_time(folder / name, std::filesystem::file_time_type::clock::now() - age);
  }
  [[nodiscard]] bool exists(const std::string& name) const { return std::filesystem::exists(folder / name); }
  [[nodiscard]] std::string lock_file() const {
    for (const auto& file : std::filesystem::directory_iterator(folder.path())) {
      if (file.path().extension() == ".lock") return file.path().filename().string();
    }
    return "";
  }
};

TEST_F(FolderTest, Temporary_files_older_than_an_hour_go_and_younger_ones_stay) {
  make(".cacherator-0123456789abcdef.tmp", 10, 70min);
  make(".cacherator-1123456789abcdef.tmp", 10, 50min);
  make(".cacherator-2123456789abcdef.txt", 10, 700min);
  make("mine.tmp", 10, 700min);
  keep(*open_cache(folder.path()), "f(){}", "1");
  EXPECT_FALSE(exists(".cacherator-0123456789abcdef.tmp"));
  EXPECT_TRUE(exists(".cacherator-1123456789abcdef.tmp"));
  EXPECT_TRUE(exists(".cacherator-2123456789abcdef.txt"));
  EXPECT_TRUE(exists("mine.tmp"));
}

TEST_F(FolderTest, Lock_files_of_other_boots_go_when_they_are_old_and_nothing_else_of_that_name) {
  make(".cacherator-00000000.lock", 4096, 70min);
  make(".cacherator-11111111.lock", 4096, 50min);
  make(".cacherator-22222222.lock", 5, 70min);
  auto cache = open_cache(folder.path());
  keep(*cache, "f(){}", "1");
  EXPECT_FALSE(exists(".cacherator-00000000.lock"));
  EXPECT_TRUE(exists(".cacherator-11111111.lock"));
  EXPECT_TRUE(exists(".cacherator-22222222.lock"));
}

TEST_F(FolderTest, Its_own_lock_file_stays_however_old_it_is) {
  auto cache = open_cache(folder.path());
  const std::string name = lock_file();
  ASSERT_EQ(std::filesystem::file_size(folder / name), 4096u);
  std::filesystem::last_write_time(folder / name, std::filesystem::file_time_type::clock::now() - 70min);
  keep(*cache, "f(){}", "1");
  EXPECT_EQ(lock_file(), name);
}

TEST_F(FolderTest, A_lock_file_that_is_removed_is_made_again_and_costs_no_result) {
  auto cache = open_cache(folder.path());
  keep(*cache, "f(){}", "1");
  const std::string name = lock_file();
  std::filesystem::remove(folder / name);
  EXPECT_TRUE(eventually([&] { return (void)values(*cache), lock_file() == name; }));
  keep(*cache, "g(){}", "2");
  EXPECT_TRUE(cache->checkpoint());
  EXPECT_EQ(values(*Restarted(folder)).size(), 2u);
}

TEST_F(FolderTest, A_lock_file_that_is_none_is_left_alone_and_done_without) {
  std::string name;
  {
    open_cache(folder.path());
    name = lock_file();
  }
  for (const char* content : {"", "garbage"}) {
    folder.write(name, content);
    auto cache = open_cache(folder.path(), std::string("calc") + content);
    keep(*cache, "f(){}", "1");
    EXPECT_TRUE(cache->checkpoint());
    EXPECT_EQ(ask(*cache, "f(){}"), "1");
    EXPECT_EQ(folder.read(name), content);
  }
  EXPECT_EQ(warnings.text(), "warnings:");
}

TEST_F(FolderTest, A_word_says_look_to_whoever_watches_it_and_only_for_its_stem) {
  int error = 0;
  const auto one = Folder::open(folder.str(), error);
  ASSERT_TRUE(one);
  EXPECT_EQ(one, Folder::open(folder.str() + "/.", error)) << "one for each folder and process";
  one->open_lock_file();
  const auto* word = one->word("calc");
  const auto before = word->load();
  one->touch("other");
  EXPECT_EQ(word->load(), before);
  one->touch("calc");
  EXPECT_NE(word->load(), before);
}

TEST_F(FolderTest, A_file_is_replaced_whole_and_leaves_nothing_beside_it) {
  int error = 0;
  const auto one = Folder::open(folder.str(), error);
  ASSERT_EQ(one->replace("file", "first", 0640, true), 0);
  ASSERT_EQ(one->replace("file", "second", 0600, false), 0);
  EXPECT_EQ(folder.read("file"), "second");
  EXPECT_EQ(std::filesystem::status(folder / "file").permissions(), std::filesystem::perms(0600));
  std::filesystem::create_directory(folder / "directory");
  EXPECT_LT(one->replace("directory", "third", 0600, false), 0);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 2);
}

/// A file system of its own, in a name space of this process's own: whatever happens, it goes with the process.
class Mounted {
 public:
  explicit Mounted(const char* options) {
    static const bool own = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    mounted_ = own && ::mount("none", folder_.path().c_str(), "tmpfs", 0, options) == 0;
  }
  Mounted(const Mounted&) = delete;
  Mounted& operator=(const Mounted&) = delete;
  ~Mounted() {
    if (mounted_) ::umount2(folder_.path().c_str(), MNT_DETACH);
  }
  explicit operator bool() const { return mounted_; }
  [[nodiscard]] bool make_read_only(bool read_only) const {
    return ::mount("none", folder_.path().c_str(), "tmpfs", MS_REMOUNT | (read_only ? MS_RDONLY : 0), nullptr) == 0;
  }
  [[nodiscard]] const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
  bool mounted_ = false;
};

constexpr const char* kNoMount = "file systems cannot be mounted here";

TEST_F(FolderTest, What_a_full_disk_refuses_stays_in_memory_and_is_written_when_there_is_room) {
  const Mounted disk("size=64k");
  if (!disk) GTEST_SKIP() << kNoMount;
  auto cache = open_cache(disk.folder().path());
  const std::string value = "\"" + std::string(6000, 'v') + "\"";
  for (int i = 0; i < 20; ++i) {
    keep(*cache, "f(" + std::to_string(i) + ",){}", value);
    EXPECT_EQ(ask(*cache, "f(" + std::to_string(i) + ",){}"), value);
  }
  EXPECT_EQ(warnings.with("No space left on device"), 1u) << warnings.text();
  EXPECT_GT(cache->info().write_faults, 0u);
  EXPECT_FALSE(cache->checkpoint());
  EXPECT_LT(values(*Restarted(disk.folder())).size(), 20u);

  ASSERT_EQ(::mount("none", disk.folder().path().c_str(), "tmpfs", MS_REMOUNT, "size=4m"), 0);
  ASSERT_TRUE(cache->checkpoint());
  EXPECT_EQ(values(*Restarted(disk.folder())).size(), 20u);
  EXPECT_EQ(values(*cache).size(), 20u);
}

TEST_F(FolderTest, A_clear_that_a_full_disk_refuses_is_a_fault_that_is_told_and_holds_in_memory) {
  const Mounted disk("size=64k");
  if (!disk) GTEST_SKIP() << kNoMount;
  auto cache = open_cache(disk.folder().path());
  keep(*cache, "f(){}", "1");
  {
    std::ofstream filler(disk.folder() / "filler");
    while (filler << std::string(4096, 'x') << std::flush) {
    }
  }
  while (warnings.with("No space left") == 0) keep(*cache, "g(){}", "\"" + std::string(1000, 'x') + "\"");
  EXPECT_FALSE(cache->clear("f"));
  EXPECT_EQ(ask(*cache, "f(){}"), "(miss)");
  std::filesystem::remove(disk.folder() / "filler");
  keep(*cache, "h(){}", "2");
  EXPECT_EQ(values(*Restarted(disk.folder())).count("f(){}"), 0u) << "it is written before what comes later";
}

TEST_F(FolderTest, In_a_folder_that_cannot_be_written_what_is_there_is_read_and_results_stay_in_memory) {
  const Mounted disk("size=1m");
  if (!disk) GTEST_SKIP() << kNoMount;
  disk.folder().write("calc.json", incumbent_document({{"old(){}", "1", date()}}));
  ASSERT_TRUE(disk.make_read_only(true));
  auto cache = open_cache(disk.folder().path());
  EXPECT_EQ(ask(*cache, "old(){}"), "1");
  for (int i = 0; i < 3; ++i) keep(*cache, "f(){}", "2");
  EXPECT_EQ(ask(*cache, "f(){}"), "2");
  EXPECT_EQ(warnings.with("Read-only file system"), 1u) << warnings.text();
  EXPECT_FALSE(cache->checkpoint());
  ASSERT_TRUE(disk.make_read_only(false));
  EXPECT_TRUE(cache->checkpoint());
  EXPECT_EQ(values(*Restarted(disk.folder())).size(), 2u);
}

TEST_F(FolderTest, Of_a_journal_that_cannot_be_written_the_reason_is_told) {
  const Mounted disk("size=1m");
  if (!disk) GTEST_SKIP() << kNoMount;
  disk.folder().write("calc.journal", journal_header(id_of('1')) + put_record("old(){}", "1"));
  ASSERT_TRUE(disk.make_read_only(true));
  auto cache = open_cache(disk.folder().path());
  EXPECT_EQ(ask(*cache, "old(){}"), "1");
  for (int i = 0; i < 3; ++i) keep(*cache, "f(){}", "2");
  EXPECT_EQ(ask(*cache, "f(){}"), "2");
  EXPECT_EQ(warnings.with("Read-only file system"), 1u) << warnings.text();
}

TEST_F(FolderTest, Once_a_journal_can_be_written_again_results_are) {
  const Mounted disk("size=1m");
  if (!disk) GTEST_SKIP() << kNoMount;
  disk.folder().write("calc.journal", journal_header(id_of('1')) + put_record("old(){}", "1"));
  ASSERT_TRUE(disk.make_read_only(true));
  auto cache = open_cache(disk.folder().path());
  keep(*cache, "f(){}", "2");
  ASSERT_TRUE(disk.make_read_only(false));
  EXPECT_TRUE(cache->checkpoint());
  keep(*cache, "g(){}", "3");
  EXPECT_EQ(values(*Restarted(disk.folder())).size(), 3u);
}

/// For a user who is not root: permissions.
class NobodyTest : public FolderTest {
 protected:
  void SetUp() override {
    SKIP_WHERE_FORK_AND_THREADS_DO_NOT_MIX();
    std::filesystem::permissions(folder.path(), std::filesystem::perms(0755));
  }
  [[nodiscard]] static bool become_nobody() { return ::geteuid() != 0 || (::setgid(65534) == 0 && ::setuid(65534) == 0); }
};

TEST_F(NobodyTest, A_document_that_may_not_be_read_is_told_left_alone_and_gone_around_in_memory) {
  folder.write("calc.json", incumbent_document({{"old(){}", "1", date()}}));
  std::filesystem::permissions(folder / "calc.json", std::filesystem::perms::none);
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0777));
  EXPECT_TRUE(Process([&](Process&) {
                EXPECT_TRUE(become_nobody());
                auto cache = open_cache(folder.path());
                EXPECT_EQ(warnings.with("Permission denied"), 1u) << warnings.text();
                keep(*cache, "f(){}", "2");
                EXPECT_EQ(ask(*cache, "f(){}"), "2");
                EXPECT_FALSE(cache->checkpoint());
                return cache->info().memory_only;
              }).well());
  EXPECT_FALSE(exists("calc.journal"));
  EXPECT_NE(std::filesystem::file_size(folder / "calc.json"), 0u);
}

TEST_F(NobodyTest, In_a_folder_that_one_may_only_read_what_is_there_is_read) {
  folder.write("calc.json", incumbent_document({{"old(){}", "1", date()}}));
  std::filesystem::permissions(folder.path(), std::filesystem::perms(0555));
  EXPECT_TRUE(Process([&](Process&) {
                EXPECT_TRUE(become_nobody());
                auto cache = open_cache(folder.path());
                EXPECT_EQ(ask(*cache, "old(){}"), "1");
                keep(*cache, "f(){}", "2");
                EXPECT_EQ(warnings.with("Permission denied"), 1u) << warnings.text();
                return ask(*cache, "f(){}") == "2";
              }).well());
}

}  // namespace
}  // namespace cacherator::engine
