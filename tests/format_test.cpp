// The examples of docs/format.md are read as the page says.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdio>
#include <map>

#include "cacherator/detail/cache.hpp"
#include "local/store.hpp"
#include "platform/faults.hpp"
#include "source_dir.hpp"
#include "temporary_folder.hpp"

namespace cacherator::engine {
namespace {

/// The block of the page that begins with "```json <name>".
std::string block(const std::string& name) {
  std::ostringstream text;
  text << std::ifstream(CACHERATOR_SOURCE_DIR "/docs/format.md").rdbuf();
  const std::string page = text.str();
  const std::string fence = "```json " + name + '\n';
  const auto begin = page.find(fence);
  if (begin == std::string::npos) throw std::runtime_error("docs/format.md has no block " + name);
  return page.substr(begin + fence.size(), page.find("```", begin + fence.size()) - begin - fence.size());
}

std::vector<std::string> lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) all.push_back(line);
  return all;
}

/// It is the minute in which the page's examples were written: its entries are not outdated yet.
struct ThatMinute final : platform::Faults {
  std::int64_t clock(std::int64_t) override { return 1'795'419'300 * kSecond; }
};

class FormatTest : public testing::Test {
 protected:
  FormatTest() {
    static ThatMinute then;
    platform::faults = &then;
  }
  ~FormatTest() override { platform::faults = nullptr; }

  [[nodiscard]] std::shared_ptr<Cache> open() const {
    auto cache = Cache::open({.data_id = "calc", .directory = folder_.str()});
    return cache ? *cache : nullptr;
  }
  [[nodiscard]] std::map<std::string, std::string> values() const {
    std::map<std::string, std::string> all;
    for (const auto& [signature, entry] : open()->entries()) all[signature] = entry.value;
    return all;
  }

  TemporaryFolder folder_;
};

TEST_F(FormatTest, The_pages_document_is_read) {
  folder_.write("calc.json", block("document"));
  const std::map<std::string, std::string> expected = {{"expensive_calculation(2, 10){}", "1024"},
                                                       {"pair(){}", R"({"$cacherator": "tuple", "value": [1, 2]})"}};
  EXPECT_EQ(values(), expected);
  const auto state = open()->state();
  ASSERT_EQ(state.size(), 1u);
  EXPECT_EQ(state[0].name, "score");
  EXPECT_EQ(state[0].value, "100");
}

TEST_F(FormatTest, The_checksums_on_the_page_are_those_of_its_lines) {
  for (const auto& line : lines(block("journal") + block("journal of a table"))) {
    const auto body = line.substr(0, line.rfind(",\"crc\""));
    char expected[9];
    std::snprintf(expected, sizeof expected, "%08lx", crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
    EXPECT_EQ(line, body + ",\"crc\":\"" + expected + "\"}");
  }
}

TEST_F(FormatTest, The_pages_journal_goes_on_where_its_document_ends) {
  folder_.write("calc.json", block("document"));
  folder_.write("calc.journal", block("journal"));
  const auto found = values();
  EXPECT_EQ(found.count("expensive_calculation(2, 10){}"), 0u);
  EXPECT_EQ(found.at("expensive_calculation(2, 11){}"), "2048");
  EXPECT_EQ(found.at("old(1,){}"), "[1]");
  const auto state = open()->state();
  ASSERT_EQ(state.size(), 1u);
  EXPECT_EQ(state[0].value, "120");
}

TEST_F(FormatTest, What_the_pages_journal_says_of_a_table_is_known_and_stays_known_in_the_document) {
  folder_.write("calc.json", block("document"));
  folder_.write("calc.journal", block("journal") + block("journal of a table"));
  const auto look = [&] {
    const auto store = *Store::open({.data_id = "calc", .directory = folder_.str()});
    const TableTokens tokens = store->tokens("1f2e3d4c");
    EXPECT_EQ(tokens.born, "6b041f2800000000000000aa");
    EXPECT_EQ(tokens.of.at("f:half"), "6b04203100000000000000bb");
    EXPECT_EQ(store->tokens_of("1f2e3d4c", "half(1,){}", ""), "6b041f2800000000000000aa.6b04203100000000000000bb");
    EXPECT_EQ(store->tokens_of("1f2e3d4c", "double(1,){}", ""), "6b041f2800000000000000aa");
    EXPECT_EQ(store->tokens_of("00000000", "double(1,){}", ""), "");
    EXPECT_TRUE(store->pending("1f2e3d4c").empty()) << "the table was told of the clear";
    const auto entry = store->find("expensive_calculation(2, 12){}", "");
    ASSERT_TRUE(entry);
    EXPECT_EQ(entry->tokens, "6b041f2800000000000000aa");
    EXPECT_EQ(entry->in, "1f2e3d4c");
  };
  look();
  ASSERT_TRUE(open()->checkpoint());
  std::filesystem::remove(folder_ / "calc.journal");
  look();
}

TEST_F(FormatTest, A_line_whose_checksum_is_wrong_is_counted_and_the_others_count) {
  auto journal = block("journal");
  const auto at = journal.find("2048");
  ASSERT_NE(at, std::string::npos);
  journal[at] = '3';
  folder_.write("calc.json", block("document"));
  folder_.write("calc.journal", journal);
  EXPECT_EQ(values().count("expensive_calculation(2, 11){}"), 0u);
  EXPECT_EQ(values().count("old(1,){}"), 1u);
  EXPECT_GE(open()->info().damaged_records, 1u);
}

TEST_F(FormatTest, Folded_into_the_document_it_says_the_same) {
  folder_.write("calc.json", block("document"));
  folder_.write("calc.journal", block("journal"));
  const auto before = values();
  ASSERT_TRUE(open()->checkpoint());
  EXPECT_NE(folder_.read("calc.json").find("5f0c9a7be1d24c38a6b1f0e2d3c4b5a7"), std::string::npos) << "the journal's id is not among the folded";
  std::filesystem::remove(folder_ / "calc.journal");
  folder_.write("calc.journal", block("journal"));  // as if it had come back: it is folded, and not read again
  EXPECT_EQ(values(), before);
}

}  // namespace
}  // namespace cacherator::engine
