// Where a table is, from its name, the environment and the profiles.
#include <gtest/gtest.h>

#include "digest.hpp"
#include "dynamodb/endpoint.hpp"
#include "world.hpp"

namespace cacherator::engine::dynamodb {
namespace {

Settings resolve(const World& world, const std::string& table = "my-cache") {
  auto settings = Settings::resolve(table, world.environment(), world.profiles());
  EXPECT_TRUE(settings) << settings.fault().message;
  return settings ? *settings : Settings{};
}

std::string fault(const World& world, const std::string& table = "my-cache") {
  const auto settings = Settings::resolve(table, world.environment(), world.profiles());
  EXPECT_FALSE(settings);
  if (settings) return {};
  EXPECT_EQ(settings.fault().kind, Fault::Kind::misuse);
  return settings.fault().message;
}

std::string endpoint_with(World& world, const std::map<std::string, std::string>& more) {
  const auto before = world.variables;
  world.variables.insert(more.begin(), more.end());
  const auto endpoint = resolve(world).endpoint;
  world.variables = before;
  return endpoint;
}

TEST(Settings, AWS_REGION_alone_is_enough) {
  const auto settings = resolve(World().set("AWS_REGION", "eu-west-1"));
  EXPECT_EQ(settings.region, "eu-west-1");
  EXPECT_EQ(settings.endpoint, "https://dynamodb.eu-west-1.amazonaws.com");
  EXPECT_EQ(settings.table, "my-cache");
  EXPECT_EQ(settings.id, sha256_hex("eu-west-1/my-cache").substr(0, 8));
  EXPECT_EQ(settings.ca_bundle, "");
}

TEST(Settings, The_region_is_that_of_the_environment_before_that_of_the_profile) {
  World world;
  world.config("[default]\nregion = ap-south-1\n[profile p]\nregion = sa-east-1\n");
  EXPECT_EQ(resolve(world).region, "ap-south-1");
  EXPECT_EQ(resolve(world.set("AWS_PROFILE", "p")).region, "sa-east-1");
  EXPECT_EQ(resolve(world.set("AWS_DEFAULT_REGION", "us-west-2")).region, "us-west-2");
  EXPECT_EQ(resolve(world.set("AWS_REGION", "us-west-1")).region, "us-west-1");
}

TEST(Settings, A_region_that_is_nowhere_named_is_no_fault) {
  const auto settings = resolve(World());
  EXPECT_EQ(settings.region, "");
  EXPECT_EQ(settings.endpoint, "");
}

TEST(Settings, An_own_endpoint_needs_no_region) {
  const auto settings = resolve(World().set("AWS_ENDPOINT_URL_DYNAMODB", "http://localhost:8000/"));
  EXPECT_EQ(settings.endpoint, "http://localhost:8000");
  EXPECT_EQ(settings.region, "us-east-1");
  EXPECT_EQ(settings.id, sha256_hex("http://localhost:8000/my-cache").substr(0, 8));
}

TEST(Settings, The_endpoint_is_found_in_the_order_of_botocore) {
  World world;
  world.config(
      "[default]\nregion = eu-west-1\nservices = mine\nendpoint_url = http://profile\n[services mine]\ndynamodb =\n  endpoint_url = http://services\n");
  EXPECT_EQ(resolve(world).endpoint, "http://services");
  EXPECT_EQ(endpoint_with(world, {{"AWS_ENDPOINT_URL", "http://all"}}), "http://all");
  EXPECT_EQ(endpoint_with(world, {{"AWS_ENDPOINT_URL", "http://all"}, {"AWS_ENDPOINT_URL_DYNAMODB", "http://one"}}), "http://one");
  EXPECT_EQ(endpoint_with(world, {{"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "True"}}), "https://dynamodb.eu-west-1.amazonaws.com");
  world.config("[default]\nregion = eu-west-1\nendpoint_url = http://profile\n");
  EXPECT_EQ(resolve(world).endpoint, "http://profile");
  EXPECT_EQ(resolve(world).region, "eu-west-1");
  world.config("[default]\nregion = eu-west-1\nendpoint_url = http://profile\nignore_configured_endpoint_urls = true\n");
  EXPECT_EQ(resolve(world).endpoint, "https://dynamodb.eu-west-1.amazonaws.com");
}

TEST(Settings, Each_partition_has_its_own_endpoints) {
  const auto endpoint = [](const std::string& region, bool fips, bool dual, const std::string& service = "dynamodb") {
    World world;
    world.set("AWS_USE_FIPS_ENDPOINT", fips ? "true" : "").set("AWS_USE_DUALSTACK_ENDPOINT", dual ? "true" : "false");
    return regional_endpoint(service, region, world.environment(), world.profiles());
  };
  EXPECT_EQ(endpoint("us-east-1", false, false), "https://dynamodb.us-east-1.amazonaws.com");
  EXPECT_EQ(endpoint("us-east-1", true, false), "https://dynamodb-fips.us-east-1.amazonaws.com");
  EXPECT_EQ(endpoint("us-east-1", false, true), "https://dynamodb.us-east-1.api.aws");
  EXPECT_EQ(endpoint("us-east-1", true, true), "https://dynamodb-fips.us-east-1.api.aws");
  EXPECT_EQ(endpoint("cn-north-1", false, false), "https://dynamodb.cn-north-1.amazonaws.com.cn");
  EXPECT_EQ(endpoint("cn-north-1", false, true), "https://dynamodb.cn-north-1.api.amazonwebservices.com.cn");
  EXPECT_EQ(endpoint("us-gov-west-1", true, false), "https://dynamodb.us-gov-west-1.amazonaws.com");
  EXPECT_EQ(endpoint("us-isob-east-1", false, false), "https://dynamodb.us-isob-east-1.sc2s.sgov.gov");
  EXPECT_EQ(endpoint("eusc-de-east-1", false, false), "https://dynamodb.eusc-de-east-1.amazonaws.eu");
  EXPECT_EQ(endpoint("local", false, false), "http://localhost:8000");
  EXPECT_EQ(endpoint("eu-west-1", true, false, "sts"), "https://sts-fips.eu-west-1.amazonaws.com");
  EXPECT_EQ(endpoint("us-gov-west-1", true, false, "sts"), "https://sts.us-gov-west-1.amazonaws.com");
}

TEST(Settings, A_profile_may_want_FIPS_and_dual_stack) {
  World world;
  world.config("[default]\nregion = eu-west-1\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n");
  EXPECT_EQ(resolve(world).endpoint, "https://dynamodb-fips.eu-west-1.api.aws");
  EXPECT_EQ(resolve(world.set("AWS_USE_FIPS_ENDPOINT", "false")).endpoint, "https://dynamodb.eu-west-1.api.aws");
}

TEST(Settings, The_certificates_are_those_of_the_environment_before_those_of_the_profile) {
  World world;
  world.config("[default]\nca_bundle = ~/own.pem\n").set("AWS_REGION", "eu-west-1");
  EXPECT_EQ(resolve(world).ca_bundle, world.folder.str() + "/own.pem");
  EXPECT_EQ(resolve(world.set("AWS_CA_BUNDLE", "/etc/other.pem")).ca_bundle, "/etc/other.pem");
}

TEST(Settings, The_ARN_of_a_table_says_its_region) {
  const std::string arn = "arn:aws:dynamodb:eu-west-3:123456789012:table/my-cache";
  const auto settings = resolve(World().set("AWS_REGION", "us-east-1"), arn);
  EXPECT_EQ(settings.region, "eu-west-3");
  EXPECT_EQ(settings.endpoint, "https://dynamodb.eu-west-3.amazonaws.com");
  EXPECT_EQ(settings.table, arn);
}

TEST(Settings, What_can_be_no_table_is_a_misuse_that_names_it_and_what_would_do) {
  const World world;
  for (const std::string table : {"", "ab", "a b c", "caf\u00e9", "a/b/c"}) {
    const auto message = fault(world, table);
    EXPECT_EQ(message.find("dynamodb_table: '" + table + "'"), 0u) << message;
    EXPECT_NE(message.find("my-cache"), std::string::npos);
  }
  EXPECT_NE(fault(world, std::string(256, 'a')), "");
  EXPECT_EQ(resolve(world, "A.b_c-9").table, "A.b_c-9");
  EXPECT_EQ(resolve(world, std::string(255, 'a')).table.size(), 255u);
  for (const std::string arn : {"arn:aws:s3:::bucket", "arn:aws:dynamodb:eu-west-1:123456789012:table/", "arn:aws:dynamodb::123456789012:table/abc",
                                "arn:aws:dynamodb:eu-west-1:12:table/abc", "arn:aws:dynamodb:eu-west-1:123456789012:table/abc/index/i",
                                "arn:", "arn:aws:dynamodb:e.x/:123456789012:table/abc"}) {
    EXPECT_NE(fault(world, arn).find("ARN"), std::string::npos) << arn;
  }
}

TEST(Settings, A_region_or_endpoint_that_can_be_none_is_a_misuse_that_says_where_it_stands) {
  EXPECT_EQ(fault(World().set("AWS_REGION", "eu west")).find("AWS_REGION: 'eu west'"), 0u);
  EXPECT_EQ(fault(World().set("AWS_REGION", "evil.example/")).find("AWS_REGION"), 0u);
  EXPECT_EQ(fault(World().set("AWS_ENDPOINT_URL", "localhost:8000")).find("AWS_ENDPOINT_URL: 'localhost:8000'"), 0u);
  EXPECT_EQ(fault(World().set("AWS_ENDPOINT_URL_DYNAMODB", "ftp://x")).find("AWS_ENDPOINT_URL_DYNAMODB"), 0u);
  EXPECT_EQ(fault(World().set("AWS_ENDPOINT_URL", "http:///x")).find("AWS_ENDPOINT_URL"), 0u);
  World world;
  world.config("[default]\nendpoint_url = x\n");
  EXPECT_EQ(fault(world).find("endpoint_url of the profile 'default'"), 0u);
}

TEST(Settings, A_password_in_an_endpoint_is_refused_and_not_repeated) {
  const auto message = fault(World().set("AWS_ENDPOINT_URL", "http://me:hunter2@localhost"));
  EXPECT_EQ(message.find("hunter2"), std::string::npos) << message;
  EXPECT_NE(message.find("AWS_ENDPOINT_URL"), std::string::npos);
}

TEST(Settings, Tables_of_one_name_in_two_places_have_two_ids) {
  const auto one = resolve(World().set("AWS_REGION", "eu-west-1")).id, two = resolve(World().set("AWS_REGION", "eu-west-2")).id;
  EXPECT_NE(one, two);
  EXPECT_EQ(one.size(), 8u);
}

TEST(Settings, The_host_of_an_endpoint_leaves_out_only_the_usual_port) {
  EXPECT_EQ(host_of("https://a.example"), "a.example");
  EXPECT_EQ(host_of("https://a.example:443/x"), "a.example");
  EXPECT_EQ(host_of("http://a.example:443/x"), "a.example:443");
  EXPECT_EQ(host_of("http://localhost:8000"), "localhost:8000");
  EXPECT_EQ(host_of("http://localhost:80"), "localhost");
  EXPECT_EQ(host_of("http://[::1]:8000"), "[::1]:8000");
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
