// Every single-byte change and every truncation of a small journal and a small document: no crash, no wrong value out of the journal, and
// nothing gone without a word.
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "cacherator/detail/cache.hpp"
#include "temporary_folder.hpp"

namespace cacherator::engine {
namespace {

using Values = std::map<std::string, std::string>;

class DamageTest : public testing::Test {
 protected:
  DamageTest() {
    set_log_sink([this](std::string_view) {
      std::lock_guard lock(mutex_);
      ++warnings_;
    });
    auto cache = open(folder_.path() / "whole");
    for (int i = 0; i < 4; ++i) keep(*cache, "f(" + std::to_string(i) + ",){}", "\"value " + std::to_string(i) + "\"");
    journal_ = read("whole", "d.journal");
    whole_ = values(*cache);
    EXPECT_TRUE(cache->checkpoint());
    document_ = read("whole", "d.json");
  }
  ~DamageTest() override { set_log_sink(nullptr); }

  static std::shared_ptr<Cache> open(const std::filesystem::path& folder) {
    auto opened = Cache::open({.data_id = "d", .directory = folder.string()});
    if (!opened) throw std::runtime_error(opened.fault().message);
    return *opened;
  }
  static void keep(Cache& cache, const std::string& signature, const std::string& value) {
    auto answer = cache.ask({.signature = signature, .digest = {}, .old_signature = {}, .ttl = 1, .lineage = {}});
    EXPECT_FALSE(cache.keep(std::get<Lead>(answer), signature, {}, value, 1).cleared);
  }
  static Values values(Cache& cache) {
    Values all;
    for (const auto& [signature, entry] : cache.entries()) all[signature] = entry.value;
    return all;
  }
  [[nodiscard]] std::string read(const std::string& folder, const std::string& name) const { return folder_.read(folder + '/' + name); }

  /// What a cache finds in a folder with this one file, and whether anything was said or counted.
  struct Found {
    Values values;
    bool told;
  };
  Found look(const std::string& file, const std::string& bytes) {
    const std::string name = std::to_string(++looks_);
    std::filesystem::create_directory(folder_.path() / name);
    folder_.write(name + '/' + file, bytes);
    warnings_ = 0;
    auto cache = open(folder_.path() / name);
    Found found{values(*cache), false};
    const Info info = cache->info();
    found.told = warnings_ + info.damaged_records + info.damaged_documents > 0;
    cache.reset();
    std::filesystem::remove_all(folder_.path() / name);
    return found;
  }
  void expect_nothing_wrong(const Found& found, const std::string& what) const {
    for (const auto& [signature, value] : found.values) {
      const auto original = whole_.find(signature);
      EXPECT_TRUE(original != whole_.end() && original->second == value) << what << ": " << signature << " is " << value;
    }
    EXPECT_TRUE(found.values.size() == whole_.size() || found.told) << what << ": an entry is gone in silence";
  }

  TemporaryFolder folder_;
  std::string journal_, document_;
  Values whole_;
  std::mutex mutex_;
  std::size_t warnings_ = 0;
  int looks_ = 0;
};

TEST_F(DamageTest, Each_changed_byte_of_a_journal_is_noticed) {
  ASSERT_EQ(look("d.journal", journal_).values, whole_);
  for (std::size_t at = 0; at + 1 < journal_.size(); ++at) {  // without its last newline the last record is not there yet
    for (const int change : {0x01, 0x80}) {
      auto bytes = journal_;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      expect_nothing_wrong(look("d.journal", bytes), "byte " + std::to_string(at) + " ^ " + std::to_string(change));
    }
  }
}

TEST_F(DamageTest, A_journal_that_ends_anywhere_gives_all_whole_records) {
  for (std::size_t size = 0; size < journal_.size(); ++size) {
    const auto found = look("d.journal", journal_.substr(0, size));
    for (const auto& [signature, value] : found.values) EXPECT_EQ(whole_.at(signature), value) << "cut at " << size;
    std::size_t complete = 0;  // records whose newline is there
    for (std::size_t at = journal_.find("{\"put\""); at != std::string::npos; at = journal_.find("{\"put\"", at + 1)) {
      complete += journal_.find('\n', at) < size;
    }
    EXPECT_GE(found.values.size(), complete) << "cut at " << size;
  }
}

TEST_F(DamageTest, A_document_that_ends_anywhere_is_told_of) {
  ASSERT_EQ(look("d.json", document_).values, whole_);
  for (std::size_t size = 1; size + 2 < document_.size(); ++size) {
    expect_nothing_wrong(look("d.json", document_.substr(0, size)), "cut at " + std::to_string(size));
  }
}

TEST_F(DamageTest, No_changed_byte_of_a_document_takes_another_entry_with_it_in_silence) {
  const auto owner = document_.find("\"d\"") + 1;  // another data_id's document is left alone
  for (std::size_t at = 0; at < document_.size(); ++at) {
    if (at == owner) continue;
    auto bytes = document_;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x80);  // no longer UTF-8
    const auto found = look("d.json", bytes);
    EXPECT_TRUE(found.values.size() >= whole_.size() || found.told) << "byte " << at;
  }
}

}  // namespace
}  // namespace cacherator::engine
