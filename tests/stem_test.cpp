#include "local/stem.hpp"

#include <gtest/gtest.h>

namespace cacherator::engine {
namespace {

// What python-slugify answers, asked for each of these texts.
struct Case {
  const char *data_id, *stem;
};
constexpr Case kCases[] = {
#include "slugs.inc"
};

TEST(Stem, Is_the_incumbents_slug_for_every_ASCII_text) {
  for (const auto& [data_id, stem] : kCases) EXPECT_EQ(slug(data_id), stem) << data_id;
}

TEST(Stem, Two_data_ids_with_one_slug_have_different_marked_names) {
  const auto a = stems("a b", ""), b = stems("a-b", ""), c = stems("A_B", "");
  ASSERT_TRUE(a && b && c);
  EXPECT_EQ(a->plain, "a-b");
  EXPECT_EQ(b->plain, "a-b");
  EXPECT_EQ(c->plain, "a-b");
  EXPECT_NE(a->marked, b->marked);
  EXPECT_NE(b->marked, c->marked);
  EXPECT_EQ(a->marked, "a-b-c8687a08");
}

TEST(Stem, Never_leaves_its_folder_and_never_exceeds_what_a_file_system_takes) {
  for (std::string data_id : {std::string("../../etc/passwd"), std::string("/"), std::string(".."), std::string(10'000, 'x'), std::string(10'000, '/'),
                              std::string("\xE4\xBD\xA0\xE5\xA5\xBD"), std::string("caf\xC3\xA9/../x")}) {
    const auto names = stems(data_id, "");
    ASSERT_TRUE(names) << data_id;
    for (const auto& name : {names->plain, names->marked}) {
      EXPECT_EQ(name.find_first_of("/.\\"), std::string::npos) << name;
      EXPECT_LE(name.size() + std::string("-12345678.json.damaged-20261123T074334Z").size(), 255u) << name;
    }
    EXPECT_FALSE(names->marked.empty());
  }
}

TEST(Stem, A_long_data_id_is_cut_and_named_by_its_digest_as_the_incumbent_does) {
  const auto names = stems(std::string(200, 'a'), "");
  ASSERT_TRUE(names);
  EXPECT_EQ(names->plain, std::string(140, 'a') + "-c2a908d98f5df987ade41b5fce213067efbcc21ef2240212a41e54b5e7c28ae5");
}

TEST(Stem, Beyond_ASCII_the_name_is_the_ASCII_part_and_a_digest) {
  const auto cafe = stems("caf\xC3\xA9 1", ""), chinese = stems("\xE4\xBD\xA0", "");
  ASSERT_TRUE(cafe && chinese);
  EXPECT_FALSE(cafe->has_plain);
  EXPECT_TRUE(cafe->marked.starts_with("caf-1-")) << cafe->marked;
  EXPECT_EQ(chinese->marked.size(), 8u);
  const auto known = stems("caf\xC3\xA9", "cafe");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->plain, "cafe");
}

TEST(Stem, Text_that_cannot_be_a_data_id_is_the_callers_mistake) {
  for (std::string data_id : {std::string(""), std::string("a\0b", 3), std::string("\xFF")}) {
    const auto names = stems(data_id, "");
    ASSERT_FALSE(names);
    EXPECT_EQ(names.fault().kind, Fault::Kind::misuse);
    EXPECT_TRUE(names.fault().message.starts_with("data_id: ")) << names.fault().message;
  }
}

}  // namespace
}  // namespace cacherator::engine
