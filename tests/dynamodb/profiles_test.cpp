// The shared files, as botocore reads them.
#include <gtest/gtest.h>

#include "world.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Section = Profiles::Section;

TEST(Profiles, Files_that_are_not_there_are_empty) {
  const auto profiles = World().profiles();
  EXPECT_EQ(profiles.name, "default");
  EXPECT_TRUE(profiles.config.empty());
  EXPECT_TRUE(profiles.credentials.empty());
  EXPECT_FALSE(profiles.has("default"));
  EXPECT_FALSE(profiles.get("default", "region"));
}

TEST(Profiles, Sections_of_the_config_file_are_known_by_the_names_behind_their_kinds) {
  World world;
  world.config(
      "[default]\nregion = a\n[profile work]\nregion = b\n[profile 'my work']\nregion = c\n[profile\t\"x y\"]\nregion=d\n"
      "[sso-session s]\nsso_region = e\n[services mine]\ndynamodb =\n  endpoint_url = http://f\n[other]\nregion = g\n[profile]\nregion = h\n[profile a "
      "b]\nregion = i\n");
  const auto profiles = world.profiles();
  EXPECT_EQ(profiles.get("default", "region"), "a");
  EXPECT_EQ(profiles.get("work", "region"), "b");
  EXPECT_EQ(profiles.get("my work", "region"), "c");
  EXPECT_EQ(profiles.get("x y", "region"), "d");
  EXPECT_EQ(profiles.get("sso-session s", "sso_region"), "e");
  EXPECT_EQ(profiles.get("services mine", "dynamodb.endpoint_url"), "http://f");
  EXPECT_EQ(profiles.config.size(), 6u) << "what is no profile is left out";
}

TEST(Profiles, Sections_of_the_credentials_file_are_known_by_their_whole_names) {
  World world;
  world.credentials("[work]\naws_access_key_id = a\n[profile x]\naws_access_key_id = b\n");
  const auto profiles = world.profiles();
  EXPECT_EQ(profiles.get("work", "aws_access_key_id"), "a");
  EXPECT_FALSE(profiles.has("x"));
  EXPECT_TRUE(profiles.has("profile x"));
}

TEST(Profiles, Settings_are_read_with_either_sign_in_any_case_and_with_all_that_follows) {
  World world;
  world.config("[default]\nA=1\n b : 2\nC = x = y # not a comment ; either\nd: p:q\ne =\nf\n= g\n");
  EXPECT_EQ(world.profiles().config["default"], (Section{{"a", "1\nb : 2"}, {"c", "x = y # not a comment ; either"}, {"d", "p:q"}, {"e", ""}}));
}

TEST(Profiles, Comments_and_empty_lines_are_skipped_also_within_a_setting) {
  World world;
  world.config("# a\n; b\n\n[default]\n  # c\nregion = x\n\n; d\noutput =\n\n  # e\n");
  EXPECT_EQ(world.profiles().config["default"], (Section{{"region", "x"}, {"output", ""}}));
}

TEST(Profiles, A_setting_goes_on_in_lines_that_are_indented_deeper) {
  World world;
  world.config("[default]\ncredential_process = a\n  b\n\n  # c\n  d = e\n\nregion = r\n");
  EXPECT_EQ(world.profiles().config["default"], (Section{{"credential_process", "a\nb\n\nd = e"}, {"region", "r"}}));
}

TEST(Profiles, A_setting_without_a_value_has_the_ones_that_are_indented_deeper) {
  World world;
  world.config("[default]\ns3 =\n    max_queue_size = 1\n    # c\n\n    nonsense\n    addressing_style= path\nregion = r\n");
  EXPECT_EQ(world.profiles().config["default"], (Section{{"s3", ""}, {"s3.max_queue_size", "1"}, {"s3.addressing_style", "path"}, {"region", "r"}}));
}

TEST(Profiles, Lines_that_make_no_sense_cost_only_themselves) {
  World world;
  world.config("stray = 1\n[unclosed\n[]\n[default] ; behind\nregion = r\nno sign\n= nothing\n[default]\noutput = json\n");
  EXPECT_EQ(world.profiles().config["default"], (Section{{"region", "r"}, {"output", "json"}}));
}

TEST(Profiles, Windows_line_ends_and_a_byte_order_mark_do_not_matter) {
  World world;
  world.config("\xEF\xBB\xBF[default]\r\nregion = r\r\noutput = json\r\n");
  EXPECT_EQ(world.profiles().config["default"], (Section{{"region", "r"}, {"output", "json"}}));
}

TEST(Profiles, The_section_DEFAULT_gives_all_others_what_they_lack) {
  World world;
  world.config("[DEFAULT]\nregion = d\noutput = json\n[default]\nregion = r\n[profile p]\n");
  const auto profiles = world.profiles();
  EXPECT_EQ(profiles.get("default", "region"), "r");
  EXPECT_EQ(profiles.get("p", "region"), "d");
  EXPECT_EQ(profiles.get("p", "output"), "json");
}

TEST(Profiles, The_files_and_the_profile_may_be_named_by_the_environment) {
  World world;
  world.folder.write("c", "[profile p]\nregion = r\n");
  world.folder.write("s", "[p]\naws_access_key_id = k\n");
  world.set("HERE", world.folder.str()).set("AWS_CONFIG_FILE", "${HERE}/c").set("AWS_SHARED_CREDENTIALS_FILE", "~/s").set("AWS_PROFILE", "p");
  const auto profiles = world.profiles();
  EXPECT_EQ(profiles.name, "p");
  EXPECT_EQ(profiles.get("p", "region"), "r");
  EXPECT_EQ(profiles.get("p", "aws_access_key_id"), "k");
  EXPECT_EQ(world.set("AWS_DEFAULT_PROFILE", "q").profiles().name, "q") << "as botocore has it";
}

TEST(Profiles, The_credentials_file_comes_before_the_config_file) {
  World world;
  world.config("[default]\nregion = a\noutput = json\n").credentials("[default]\nregion = b\n");
  EXPECT_EQ(world.profiles().get("default", "region"), "b");
  EXPECT_EQ(world.profiles().get("default", "output"), "json");
}

TEST(Profiles, A_folder_or_a_huge_file_in_a_files_place_is_as_good_as_none) {
  World world;
  world.credentials(std::string(2 << 20, '#') + "\n[default]\nregion = r\n");
  std::filesystem::create_directory(world.folder.path() / ".aws/config");
  EXPECT_FALSE(world.profiles().has("default"));
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
