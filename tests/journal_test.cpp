// The journal's lines (record.cpp) and its file (journal.cpp).
#include "local/journal.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cmath>

#include "local_layer.hpp"

namespace cacherator::engine {
namespace {

constexpr Time kThen = 1795419278123456000;

/// The line of one encoded record, without its newlines.
template <class... Parts>
std::string line(const Parts&... parts) {
  std::string text;
  encode(text, parts...);
  EXPECT_TRUE(text.starts_with('\n') && text.ends_with('\n')) << "newline, line, newline";
  EXPECT_EQ(text.find('\n', 1), text.size() - 1) << "one line";
  return text.substr(1, text.size() - 2);
}
std::string put_line(std::string_view signature, std::string_view value, double ttl = 1, bool plain = false) {
  std::string text;
  encode(text, DocumentEntry{.signature = signature, .value = value, .utc = kThen, .ttl = ttl, .under = 3, .plain = plain});
  EXPECT_EQ(text.find('\n', 1), text.size() - 1) << "one line";
  return text.substr(1, text.size() - 2);
}
template <class Kind>
bool is(std::string_view text) {
  return std::holds_alternative<Kind>(parse_record(text));
}
std::string inner(const std::string& text) { return text.substr(1, text.size() - 2); }

TEST(Record, A_put_comes_back_as_it_was) {
  for (const char* signature : {"f(1,){}", "f('\"\\\n\xc3\xa9',){}", "f('\xed\xa0\x80',){}"}) {
    const std::string text = put_line(signature, "[1, \"\\ud800\", NaN]", 0.25);
    const auto parsed = parse_record(text);
    const auto& put = std::get<PutRecord>(parsed);
    EXPECT_EQ(put.signature, signature);
    EXPECT_EQ(put.value, "[1, \"\\ud800\", NaN]");
    EXPECT_EQ(put.utc, kThen);
    EXPECT_EQ(put.ttl, 0.25);
    EXPECT_EQ(put.under, 3u);
    EXPECT_FALSE(put.plain);
  }
  const std::string plain = put_line("f(){}", "1", 1, true);
  const auto parsed = parse_record(plain);
  EXPECT_TRUE(std::get<PutRecord>(parsed).plain);
  EXPECT_TRUE(std::isnan(std::get<PutRecord>(parsed).ttl));
}

TEST(Record, A_ttl_without_end_is_a_number_too) {
  const std::string text = put_line("f(){}", "1", INFINITY);
  const auto parsed = parse_record(text);
  EXPECT_GE(std::get<PutRecord>(parsed).ttl, 1e300);
}

TEST(Record, A_value_of_512_levels_or_of_several_lines_is_one_line_that_is_read) {
  const std::string deep = std::string(512, '[') + std::string(512, ']'), text = put_line("f(){}", deep);
  const auto parsed = parse_record(text);
  ASSERT_TRUE(std::holds_alternative<PutRecord>(parsed));
  EXPECT_EQ(std::get<PutRecord>(parsed).value, deep);
  const std::string lines = put_line("f(){}", "{\n  \"a b\": \"\\n\\\"\",\r\n\t\"c\": [1,\n2]\n}");
  const auto again = parse_record(lines);
  EXPECT_EQ(std::get<PutRecord>(again).value, R"({"a b":"\n\"","c":[1,2]})");
}

TEST(Record, The_other_kinds_come_back_as_they_were) {
  const auto drop = parse_record(line(DropRecord{"f(\"x\",){}", kThen}));
  EXPECT_EQ(std::get<DropRecord>(drop).signature, "f(\"x\",){}");
  const auto clear = parse_record(line(ClearRecord{"*", 7, kThen}));
  EXPECT_EQ(std::get<ClearRecord>(clear).function, "*");
  EXPECT_EQ(std::get<ClearRecord>(clear).number, 7u);
  EXPECT_EQ(std::get<ClearRecord>(clear).utc, kThen);
  const std::string state = line(StateRecord{"score", "5", kThen, false, true}), gone = line(StateRecord{"score", "", kThen, true, false});
  const auto variable = parse_record(state), nothing = parse_record(gone);
  EXPECT_EQ(std::get<StateRecord>(variable).value, "5");
  EXPECT_TRUE(std::get<StateRecord>(variable).plain);
  EXPECT_TRUE(std::get<StateRecord>(nothing).gone);
  const auto saved = parse_record(line(SavedRecord{-1000}));
  EXPECT_EQ(std::get<SavedRecord>(saved).utc, -1000);
  const auto header =
      parse_record(line(JournalHeader{.data_id = "calc", .id = id_of('1'), .after = id_of('2'), .cleared = {{"a\"b", {5, kThen}}}, .clock = 9}));
  EXPECT_EQ(std::get<JournalHeader>(header).data_id, "calc");
  EXPECT_EQ(std::get<JournalHeader>(header).id, id_of('1'));
  EXPECT_EQ(std::get<JournalHeader>(header).after, id_of('2'));
  EXPECT_EQ(std::get<JournalHeader>(header).cleared.at("a\"b").number, 5u);
  EXPECT_EQ(std::get<JournalHeader>(header).clock, 9u);
}

TEST(Record, Whatever_byte_is_changed_the_line_is_damaged_or_means_the_same) {
  const std::string text = put_line("f(1,){}", "[1, 2]");
  for (std::size_t at = 0; at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = text;
      changed[at] = static_cast<char>(changed[at] ^ 1 << bit);
      const auto parsed = parse_record(changed);
      if (std::holds_alternative<DamagedRecord>(parsed)) continue;
      ASSERT_TRUE(std::holds_alternative<PutRecord>(parsed)) << changed;
      EXPECT_EQ(std::get<PutRecord>(parsed).value, "[1, 2]") << changed;
      EXPECT_GE(at, text.size() - 10) << "only letters of the checksum may be large: " << changed;
    }
    EXPECT_TRUE(is<DamagedRecord>(std::string_view(text).substr(0, at))) << at;
    EXPECT_TRUE(is<DamagedRecord>(std::string_view(text).substr(at + 1))) << at;
  }
}

TEST(Record, A_good_checksum_does_not_make_a_record_of_what_lacks_its_members) {
  for (const char* members :
       {R"("put":"f(){}","utc":1.0)", R"("put":"f(){}","value":1)", R"("put":5,"value":1,"utc":1.0)", R"("clear":"f","utc":1.0)",
        R"("clear":"f","n":0,"utc":1.0)", R"("clear":"f","n":1)", R"("state":"x","utc":1.0)", R"("state":"x","value":1)", R"("saved":"today")", R"("drop":1)",
        R"("cacherator":"document","format":1)", R"("cacherator":"journal","format":1,"id":"12")", R"("put":"f(){}","value":1,"utc":1e300)"}) {
    EXPECT_TRUE(is<DamagedRecord>(inner(record(members)))) << members;
  }
}

TEST(Record, An_unknown_first_member_makes_it_unknown_and_it_is_written_again_as_it_was) {
  const std::string unknown = record(R"("moon":"full","put":"f(){}","value":1,"utc":1.0)");
  const std::string text = inner(unknown);
  const auto parsed = parse_record(text);
  ASSERT_TRUE(std::holds_alternative<UnknownRecord>(parsed));
  std::string again;
  encode_raw(again, std::get<UnknownRecord>(parsed).line);
  EXPECT_EQ(again, unknown);
}

TEST(Record, Members_that_this_version_does_not_know_do_no_harm) {
  EXPECT_TRUE(is<PutRecord>(inner(record(R"("put":"f(){}","colour":"red","value":1,"utc":1.0,"ttl":5,"under":0)"))));
}

TEST(Record, A_header_of_a_higher_version_is_one_whatever_else_it_holds) {
  const std::string text = inner(record(R"("cacherator":"journal","format":2,"name":"calc")"));
  const auto parsed = parse_record(text);
  ASSERT_TRUE(std::holds_alternative<JournalHeader>(parsed));
  EXPECT_EQ(std::get<JournalHeader>(parsed).format, 2);
}

class JournalTest : public testing::Test {
 protected:
  JournalTest() { folder_fd_ = platform::Descriptor(platform::open_folder(folder_.str())); }

  void begin(const std::string& more = "") { folder_.write("j", journal_header(id_of('1')) + more); }
  [[nodiscard]] Journal open(const char* name = "j") const {
    Journal journal;
    EXPECT_EQ(Journal::open(folder_fd_.get(), name, journal), 0);
    return journal;
  }
  static std::string read(Journal& journal) {
    std::shared_ptr<std::string> lines;
    EXPECT_EQ(journal.read_new(lines), 0);
    return lines ? *lines : "";
  }
  void add(const std::string& bytes) const { std::ofstream(folder_ / "j", std::ios::app | std::ios::binary) << bytes; }

  TemporaryFolder folder_;
  platform::Descriptor folder_fd_;
};

TEST_F(JournalTest, What_is_no_file_is_refused_at_once) {
  Journal journal;
  EXPECT_EQ(Journal::open(folder_fd_.get(), "j", journal), -ENOENT);
  std::filesystem::create_directory(folder_ / "d");
  EXPECT_EQ(Journal::open(folder_fd_.get(), "d", journal), -EISDIR);
  ASSERT_EQ(::mkfifo((folder_ / "p").c_str(), 0600), 0);
  EXPECT_EQ(Journal::open(folder_fd_.get(), "p", journal), -EINVAL);
  begin();
  std::filesystem::create_symlink("j", folder_ / "l");
  EXPECT_EQ(Journal::open(folder_fd_.get(), "l", journal), -ELOOP);
  EXPECT_FALSE(journal);
}

TEST_F(JournalTest, Its_header_is_known_once_it_was_read) {
  begin();
  auto journal = open();
  EXPECT_EQ(journal.header().format, 0);
  read(journal);
  EXPECT_EQ(journal.header().format, 1);
  EXPECT_EQ(journal.header().id, id_of('1'));
  EXPECT_TRUE(journal.holds_nothing());
  add(put_record("f(){}", "1"));
  EXPECT_TRUE(journal.has_more());
  EXPECT_EQ(read(journal), put_record("f(){}", "1"));
  EXPECT_FALSE(journal.holds_nothing());
  EXPECT_FALSE(journal.has_more());
  EXPECT_EQ(read(journal), "");
}

TEST_F(JournalTest, A_first_line_that_is_no_header_is_told_from_one_that_is_not_there_yet) {
  folder_.write("j", "");
  auto journal = open();
  EXPECT_EQ(read(journal), "");
  EXPECT_EQ(journal.header().format, 0);
  add("\n");
  read(journal);
  EXPECT_EQ(journal.header().format, 0);
  add("garbage\n");
  read(journal);
  EXPECT_EQ(journal.header().format, -1);
}

TEST_F(JournalTest, A_line_is_there_with_its_newline_and_not_before) {
  const std::string whole = put_record("f(){}", "1"), torn = put_record("g(){}", "2");
  begin(whole + torn.substr(0, torn.size() - 1));
  auto journal = open();
  EXPECT_EQ(read(journal), journal_header(id_of('1')) + whole + "\n") << "the newline before the torn line is all that there is of it";
  EXPECT_TRUE(journal.has_more());
  EXPECT_EQ(read(journal), "");
  add("\n");
  EXPECT_EQ(read(journal), torn.substr(1));
}

TEST_F(JournalTest, What_was_appended_here_need_not_be_read_again) {
  begin();
  auto journal = open();
  read(journal);
  ASSERT_EQ(journal.append(put_record("f(){}", "1")), 0);
  EXPECT_TRUE(journal.settle(folder_fd_.get(), "j"));
  EXPECT_EQ(read(journal), "");
  EXPECT_EQ(folder_.read("j"), journal_header(id_of('1')) + put_record("f(){}", "1"));
}

TEST_F(JournalTest, What_another_appended_in_between_is_read) {
  begin();
  auto journal = open();
  read(journal);
  add(put_record("g(){}", "2"));
  ASSERT_EQ(journal.append(put_record("f(){}", "1")), 0);
  EXPECT_TRUE(journal.settle(folder_fd_.get(), "j"));
  EXPECT_EQ(read(journal), put_record("g(){}", "2") + put_record("f(){}", "1"));
}

TEST_F(JournalTest, A_journal_that_was_moved_removed_or_replaced_is_noticed) {
  begin();
  auto journal = open();
  read(journal);
  EXPECT_TRUE(journal.is_at(folder_fd_.get(), "j"));
  std::filesystem::rename(folder_ / "j", folder_ / "j.old");
  EXPECT_FALSE(journal.is_at(folder_fd_.get(), "j"));
  ASSERT_EQ(journal.append(put_record("f(){}", "1")), 0);
  EXPECT_FALSE(journal.settle(folder_fd_.get(), "j")) << "the record is in a file that the path does not name";
  begin();
  EXPECT_FALSE(journal.settle(folder_fd_.get(), "j"));
  journal.release();
  EXPECT_FALSE(journal);
  EXPECT_FALSE(journal.reopen(folder_fd_.get(), "j")) << "it is another file";
  EXPECT_TRUE(journal.reopen(folder_fd_.get(), "j.old"));
}

TEST_F(JournalTest, A_file_that_was_let_go_is_taken_up_where_it_was_left) {
  begin(put_record("f(){}", "1"));
  auto journal = open();
  read(journal);
  journal.release();
  add(put_record("g(){}", "2"));
  ASSERT_TRUE(journal.reopen(folder_fd_.get(), "j"));
  EXPECT_EQ(read(journal), put_record("g(){}", "2"));
}

}  // namespace
}  // namespace cacherator::engine
