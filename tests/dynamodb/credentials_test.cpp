// Each provider against what it would meet: real files, real programs, and services on the loopback. Refreshing: credential_source_test.cpp.
#include "dynamodb/credentials.hpp"

#include <gtest/gtest.h>

#include <chrono>

#include "cacherator/detail/cache.hpp"
#include "dynamodb/providers.hpp"
#include "http_server.hpp"
#include "local/dates.hpp"
#include "world.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Reply = HttpServer::Reply;
using Request = HttpServer::Request;
using namespace std::chrono_literals;

/// "2036-11-23T07:34:38Z": in a while.
constexpr const char* kLater = "2036-11-23T07:34:38Z";

Credentials fetch(const World& world) {
  auto found = fetch_credentials(world.environment(), world.profiles());
  EXPECT_TRUE(found) << found.fault().message;
  return found ? *found : Credentials{};
}

std::string fault(const World& world) {
  const auto found = fetch_credentials(world.environment(), world.profiles());
  EXPECT_FALSE(found) << found->key_id;
  return found ? "" : found.fault().message;
}

bool says(const std::string& message, const std::string& what) { return message.find(what) != std::string::npos; }

std::chrono::milliseconds time_of_it(const std::function<void()>& what) {
  const auto begin = std::chrono::steady_clock::now();
  what();
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
}

std::string json(const std::string& key_id, const std::string& token = "Token", const std::string& expiration = kLater) {
  return R"({"Code": "Success", "Version": 1, "AccessKeyId": ")" + key_id + R"(", "SecretAccessKey": "s3cret", ")" + token + R"(": "t0ken", "Expiration": ")" +
         expiration + "\"}";
}

/// A program of the user's, as a script.
std::string program(const World& world, const std::string& name, const std::string& script) {
  world.folder.write(name, "#!/bin/sh\n" + script + "\n");
  std::filesystem::permissions(world.folder / name, std::filesystem::perms::owner_all);
  return (world.folder / name).string();
}

Reply sts_reply(const std::string& key_id) {
  return {.body =
              "<AssumeRoleResponse "
              "xmlns=\"x\"><AssumeRoleResult><AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser><Credentials><AccessKeyId>" +
              key_id + "</AccessKeyId><SecretAccessKey>s3&amp;cret</SecretAccessKey><SessionToken>t0ken</SessionToken><Expiration>" + kLater +
              "</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"};
}

// --- the environment and files

TEST(Credentials, Those_of_the_environment_come_first) {
  World world;
  world.credentials("[default]\naws_access_key_id = file\naws_secret_access_key = s\n").set("AWS_ACCESS_KEY_ID", "env").set("AWS_SECRET_ACCESS_KEY", "s3cret");
  const auto plain = fetch(world);
  EXPECT_EQ(plain.key_id, "env");
  EXPECT_EQ(plain.secret, "s3cret");
  EXPECT_EQ(plain.token, "");
  EXPECT_EQ(plain.expires, 0);
  EXPECT_EQ(plain.source, "environment");
  const auto ending = fetch(world.set("AWS_SESSION_TOKEN", "t0ken").set("AWS_CREDENTIAL_EXPIRATION", "2036-11-23T08:34:38+01:00"));
  EXPECT_EQ(ending.token, "t0ken");
  EXPECT_EQ(utc_stamp(ending.expires), "20361123T073438Z");
}

TEST(Credentials, Those_of_the_environment_count_also_where_a_profile_is_named) {
  World world;
  world.credentials("[p]\naws_access_key_id = file\naws_secret_access_key = s\n").set("AWS_PROFILE", "p");
  EXPECT_EQ(fetch(world).key_id, "file");
  EXPECT_EQ(fetch(world.set("AWS_ACCESS_KEY_ID", "env").set("AWS_SECRET_ACCESS_KEY", "s")).key_id, "env");
}

TEST(Credentials, Half_of_them_in_the_environment_is_a_fault_and_not_a_reason_to_look_on) {
  World world;
  world.credentials("[default]\naws_access_key_id = file\naws_secret_access_key = s\n").set("AWS_ACCESS_KEY_ID", "env");
  EXPECT_TRUE(says(fault(world), "AWS_SECRET_ACCESS_KEY"));
}

TEST(Credentials, Those_that_have_expired_or_hold_a_line_break_are_not_used) {
  World world;
  world.set("AWS_ACCESS_KEY_ID", "env").set("AWS_SECRET_ACCESS_KEY", "s3cret").set("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z");
  EXPECT_TRUE(says(fault(world), "expired"));
  EXPECT_TRUE(says(fault(world.set("AWS_CREDENTIAL_EXPIRATION", "tomorrow")), "'tomorrow'"));
  const auto message = fault(world.set("AWS_CREDENTIAL_EXPIRATION", "").set("AWS_ACCESS_KEY_ID", "a\r\nx: y"));
  EXPECT_TRUE(says(message, "character")) << message;
}

TEST(Credentials, The_credentials_file_comes_before_a_program_and_that_before_the_config_file) {
  World world;
  const auto path = program(world, "give", "echo '" + json("program", "SessionToken") + "'");
  world.config("[default]\ncredential_process = " + path + "\naws_access_key_id = config\naws_secret_access_key = s\n");
  EXPECT_EQ(fetch(world).key_id, "program");
  world.credentials("[default]\naws_access_key_id = file\naws_secret_access_key = s\naws_session_token = t\n");
  EXPECT_EQ(fetch(world).key_id, "file");
  EXPECT_EQ(fetch(world).token, "t");
  EXPECT_TRUE(says(fetch(world).source, "profile 'default'"));
  World other;
  other.config("[default]\naws_access_key_id = config\naws_secret_access_key = s\n");
  EXPECT_EQ(fetch(other).key_id, "config");
}

TEST(Credentials, A_profile_that_is_nowhere_is_a_fault_that_names_it_and_the_files) {
  World world;
  const auto message = fault(world.set("AWS_PROFILE", "nobody"));
  EXPECT_TRUE(says(message, "'nobody'") && says(message, world.folder.str() + "/.aws/config")) << message;
}

TEST(Credentials, Where_there_are_none_the_fault_lists_what_was_looked_for_and_what_to_do) {
  World world;
  const auto message = fault(world);
  for (const char* part :
       {"AWS_ACCESS_KEY_ID", ".aws/credentials", ".aws/config", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_EC2_METADATA_DISABLED", "aws configure"}) {
    EXPECT_TRUE(says(message, part)) << part << " in " << message;
  }
}

TEST(Credentials, SSO_and_login_are_left_to_botocore) {
  World world;
  world.config("[default]\nsso_session = s\nsso_account_id = 1\nsso_role_name = r\n[sso-session s]\nsso_region = eu-west-1\n");
  EXPECT_TRUE(says(fault(world), "aws sso login --profile default"));
  world.config("[default]\nlogin_session = arn\n");
  EXPECT_TRUE(says(fault(world), "aws login"));
}

TEST(Credentials, The_fallback_is_asked_where_none_were_found_and_only_then) {
  int asked = 0;
  set_credentials_fallback([&](bool) -> Result<Credentials> {
    ++asked;
    return Credentials{.key_id = "other", .secret = "s"};
  });
  World world;
  EXPECT_EQ(fetch(world).key_id, "other");
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(fetch(world.set("AWS_ACCESS_KEY_ID", "env").set("AWS_SECRET_ACCESS_KEY", "s")).key_id, "env");
  EXPECT_EQ(asked, 1);
  set_credentials_fallback([](bool) -> Result<Credentials> { return Fault{Fault::Kind::io, "nor has botocore"}; });
  EXPECT_TRUE(says(fault(World()), "nor has botocore"));
  set_credentials_fallback({});
}

// --- programs

TEST(Credentials, A_program_gets_its_arguments_as_a_shell_would_split_them) {
  World world;
  const auto path = program(world, "give it", R"(printf '{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s"}' "$1" "$2")");
  world.config("[default]\ncredential_process = \"" + path + "\" 'a|b' \"c d\"\\ $HOME\n");
  const auto found = fetch(world);
  EXPECT_EQ(found.key_id, "a|b");
  EXPECT_EQ(found.secret, "c d $HOME") << "no shell has seen it";
  EXPECT_EQ(found.expires, 0);
}

TEST(Credentials, A_program_that_does_not_do_is_a_fault_without_what_it_printed) {
  World world;
  const std::vector<std::pair<std::string, std::string>> all{
      {"echo s3cret >&2; exit 3", "ended with 3"},
      {"kill -9 $$", "signal 9"},
      {"echo s3cret", "no JSON"},
      {R"(echo '{"Version": 2, "AccessKeyId": "a", "SecretAccessKey": "s3cret"}')", "Version"},
      {R"(echo '{"Version": 1, "SecretAccessKey": "s3cret"}')", "id is missing"},
      {R"(echo '{"Version": 1, "AccessKeyId": "a"}')", "secret key is missing"},
      {"echo '" + json("a", "SessionToken", "soon") + "'", "Expiration"},
      {"echo '" + json("a", "SessionToken", "2020-01-01T00:00:00Z") + "'", "expired"},
      {"yes s3cret", "more than 64 KiB"},
  };
  for (const auto& [script, what] : all) {
    world.config("[default]\ncredential_process = " + program(world, "give", script) + " --password s3cret\n");
    const auto message = fault(world);
    EXPECT_TRUE(says(message, what) && says(message, "credential_process") && !says(message, "s3cret")) << script << ": " << message;
  }
  world.config("[default]\ncredential_process = /nowhere/at-all\n");
  EXPECT_TRUE(says(fault(world), "/nowhere/at-all"));
  world.config("[default]\ncredential_process = x 'y\n");
  EXPECT_TRUE(says(fault(world), "quote"));
}

// --- roles

TEST(Credentials, A_role_is_assumed_with_those_of_its_source_profile) {
  HttpServer sts([](const Request&) { return sts_reply("role"); });
  World world;
  world.config(
      "[profile r]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\nexternal_id = x y/z\nrole_session_name = me\nduration_seconds = 900\nregion = "
      "eu-west-1\n");
  world.credentials("[base]\naws_access_key_id = base\naws_secret_access_key = s\n");
  world.set("AWS_PROFILE", "r").set("AWS_ENDPOINT_URL_STS", sts.url());
  const auto found = fetch(world);
  EXPECT_EQ(found.key_id, "role");
  EXPECT_EQ(found.secret, "s3&cret");
  EXPECT_EQ(found.token, "t0ken");
  EXPECT_EQ(utc_stamp(found.expires), "20361123T073438Z");
  ASSERT_EQ(sts.requests().size(), 1u);
  const auto request = sts.requests()[0];
  EXPECT_EQ(request.method + " " + request.target, "POST /");
  EXPECT_EQ(request.body,
            "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr&RoleSessionName=me&ExternalId=x%20y%2Fz&DurationSeconds=900");
  const auto authorization = request.headers.at("authorization");
  EXPECT_TRUE(says(authorization, "Credential=base/") && says(authorization, "/eu-west-1/sts/aws4_request, SignedHeaders=content-type;host;x-amz-date,"))
      << authorization;
}

TEST(Credentials, The_source_of_a_role_may_be_another_role_or_the_profile_itself) {
  HttpServer sts([](const Request& request) { return sts_reply(says(request.body, "role%2Ffirst") ? "first" : "second"); });
  World world;
  world.config(
      "[profile second]\nrole_arn = arn:aws:iam::1:role/second\nsource_profile = first\n[profile first]\nrole_arn = arn:aws:iam::1:role/first\nsource_profile "
      "= first\n");
  world.credentials("[first]\naws_access_key_id = base\naws_secret_access_key = s\n");
  world.set("AWS_PROFILE", "first").set("AWS_ENDPOINT_URL", sts.url());
  EXPECT_EQ(fetch(world).key_id, "first");
  world.config(
      "[profile second]\nrole_arn = arn:aws:iam::1:role/second\nsource_profile = first\n[profile first]\nrole_arn = arn:aws:iam::1:role/first\nsource_profile "
      "= base\n");
  world.credentials("[base]\naws_access_key_id = base\naws_secret_access_key = s\n").set("AWS_PROFILE", "second");
  EXPECT_EQ(fetch(world).key_id, "second");
  ASSERT_EQ(sts.requests().size(), 3u);
  EXPECT_TRUE(says(sts.requests()[2].headers.at("authorization"), "Credential=first/"));
  EXPECT_EQ(sts.requests()[2].headers.at("x-amz-security-token"), "t0ken");
}

TEST(Credentials, A_roles_source_may_be_the_environment_a_container_or_an_instance) {
  HttpServer sts([](const Request&) { return sts_reply("role"); });
  HttpServer container([](const Request&) { return Reply{.body = json("container")}; });
  World world;
  world.config("[default]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = EcsContainer\n").set("AWS_ENDPOINT_URL_STS", sts.url());
  EXPECT_TRUE(says(fault(world), "AWS_CONTAINER_CREDENTIALS_FULL_URI"));
  EXPECT_EQ(fetch(world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", container.url() + "/c")).key_id, "role");
  EXPECT_TRUE(says(sts.requests().back().headers.at("authorization"), "Credential=container/20"));
  EXPECT_TRUE(says(sts.requests().back().headers.at("authorization"), "/us-east-1/sts/")) << "no region is named";
  world.config("[default]\nrole_arn = arn:aws:iam::1:role/r\ncredential_source = Nobody\n");
  EXPECT_TRUE(says(fault(world), "Nobody"));
}

TEST(Credentials, A_role_that_leads_in_circles_or_has_no_source_is_a_fault) {
  World world;
  world.set("AWS_PROFILE", "a");
  const auto of = [&](const std::string& text) { return fault(world.config("[profile a]\nrole_arn = r\n" + text)); };
  EXPECT_TRUE(says(of("source_profile = b\n[profile b]\nrole_arn = r\nsource_profile = a\n"), "leads back"));
  EXPECT_TRUE(says(of("source_profile = a\n"), "leads back"));
  EXPECT_TRUE(says(of("source_profile = c\n"), "source_profile = c"));
  EXPECT_TRUE(says(of(""), "source_profile or credential_source"));
  EXPECT_TRUE(says(of("source_profile = b\ncredential_source = Environment\n"), "one of them"));
  EXPECT_TRUE(says(of("source_profile = b\n[profile b]\nregion = r\n"), "has no credentials"));
  EXPECT_TRUE(says(of("source_profile = b\nmfa_serial = m\n"), "mfa_serial"));
}

struct RoleTest : testing::Test {
  RoleTest() {
    world.config("[default]\nrole_arn = r\nsource_profile = b\n")
        .credentials("[b]\naws_access_key_id = k\naws_secret_access_key = s3cret\naws_session_token = t0ken+/=\n");
  }
  World world;
};

TEST_F(RoleTest, What_STS_complains_of_is_told_without_any_secret) {
  HttpServer sts([](const Request&) {
    return Reply{.status = 403,
                 .body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no &lt;you&gt; t0ken+/= s3cret\nmore</Message></Error></ErrorResponse>"};
  });
  const auto message = fault(world.set("AWS_ENDPOINT_URL_STS", sts.url()));
  EXPECT_TRUE(says(message, "403 AccessDenied: no <you> *** ***") && !says(message, "more")) << message;
  EXPECT_EQ(sts.requests().size(), 1u) << "another try would not help";
}

TEST_F(RoleTest, A_signature_that_does_not_match_repeats_nothing_of_the_request) {
  HttpServer sts([](const Request&) {
    return Reply{.status = 403, .body = "<Error><Code>SignatureDoesNotMatch</Code><Message>x-amz-security-token:other</Message></Error>"};
  });
  const auto message = fault(world.set("AWS_ENDPOINT_URL_STS", sts.url()));
  EXPECT_TRUE(says(message, "secret key does not fit") && !says(message, "other")) << message;
}

TEST_F(RoleTest, A_server_that_is_busy_is_asked_three_times) {
  std::atomic<int> count = 0;
  HttpServer sts([&](const Request&) { return ++count < 3 ? Reply{.status = 503} : sts_reply("role"); });
  EXPECT_EQ(fetch(world.set("AWS_ENDPOINT_URL_STS", sts.url())).key_id, "role");
  count = -9;
  EXPECT_TRUE(says(fault(world), "503"));
  EXPECT_EQ(sts.requests().size(), 6u);
}

TEST_F(RoleTest, A_clock_that_is_wrong_is_put_right_by_the_servers) {
  std::atomic<int> count = 0;
  HttpServer sts([&](const Request&) {
    return ++count == 1
               ? Reply{.status = 403, .body = "<Error><Code>SignatureDoesNotMatch</Code></Error>", .headers = "Date: Mon, 23 Nov 2020 07:34:38 GMT\r\n"}
               : sts_reply("role");
  });
  EXPECT_EQ(fetch(world.set("AWS_ENDPOINT_URL_STS", sts.url())).key_id, "role");
  EXPECT_TRUE(sts.requests()[1].headers.at("x-amz-date").starts_with("20201123T07343"));
}

TEST_F(RoleTest, A_server_that_is_not_there_or_answers_nonsense_is_a_fault) {
  EXPECT_TRUE(says(fault(world.set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:1")), "cannot be reached"));
  HttpServer sts([](const Request&) { return Reply{.body = "<html>"}; });
  EXPECT_TRUE(says(fault(world.set("AWS_ENDPOINT_URL_STS", sts.url())), "no credentials"));
}

TEST(Credentials, A_web_identity_is_exchanged_unsigned_and_comes_before_files) {
  HttpServer sts([](const Request&) { return sts_reply("web"); });
  World world;
  world.folder.write("token", "t0ken.x-y\n");
  world.credentials("[default]\naws_access_key_id = file\naws_secret_access_key = s\n");
  world.set("AWS_WEB_IDENTITY_TOKEN_FILE", (world.folder / "token").string()).set("AWS_ENDPOINT_URL_STS", sts.url());
  EXPECT_TRUE(says(fault(world), "AWS_ROLE_ARN"));
  EXPECT_EQ(fetch(world.set("AWS_ROLE_ARN", "arn:r").set("AWS_ROLE_SESSION_NAME", "me")).key_id, "web");
  const auto request = sts.requests().at(0);
  EXPECT_EQ(request.body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Ar&RoleSessionName=me&WebIdentityToken=t0ken.x-y");
  EXPECT_FALSE(request.headers.contains("authorization"));
  world.folder.write("token", "");
  EXPECT_TRUE(says(fault(world), "empty"));
}

TEST(Credentials, A_web_identity_may_stand_in_a_profile_and_be_the_source_of_a_role) {
  HttpServer sts([](const Request& request) { return sts_reply(says(request.body, "WithWebIdentity") ? "web" : "role"); });
  World world;
  world.folder.write("token", "t0ken");
  world.config("[default]\nrole_arn = a\nsource_profile = w\n[profile w]\nrole_arn = b\nweb_identity_token_file = ~/token\n")
      .set("AWS_ENDPOINT_URL_STS", sts.url());
  EXPECT_EQ(fetch(world).key_id, "role");
  EXPECT_TRUE(says(sts.requests().at(1).headers.at("authorization"), "Credential=web/"));
  EXPECT_EQ(fetch(world.set("AWS_PROFILE", "w")).key_id, "web");
}

// --- containers

TEST(Credentials, A_container_is_asked_with_its_token_and_a_tokens_file_comes_first) {
  HttpServer server([](const Request&) { return Reply{.body = json("container")}; });
  World world;
  world.folder.write("token", "of the file\n");
  world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/creds?id=1");
  const auto found = fetch(world);
  EXPECT_EQ(found.key_id, "container");
  EXPECT_EQ(found.token, "t0ken");
  EXPECT_GT(found.expires, 0);
  fetch(world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "of the variable"));
  fetch(world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", (world.folder / "token").string()));
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].method + " " + requests[0].target, "GET /creds?id=1");
  EXPECT_FALSE(requests[0].headers.contains("authorization"));
  EXPECT_EQ(requests[1].headers.at("authorization"), "of the variable");
  EXPECT_EQ(requests[2].headers.at("authorization"), "of the file");
  EXPECT_TRUE(says(fault(world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/nowhere")), "/nowhere"));
  EXPECT_TRUE(says(fault(world.set("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "").set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "a\nb")), "line break"));
}

TEST(Credentials, A_relative_address_of_a_container_is_that_of_ECS_and_comes_first) {
  World world;
  world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://localhost/x").set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/creds");
  EXPECT_EQ(container_url(world.environment()), "http://169.254.170.2/v2/creds");
}

TEST(Credentials, No_other_host_is_asked_for_a_containers_credentials_without_a_certificate) {
  for (const char* url : {"http://192.0.2.1/x", "http://evil.example/x", "http://127.0.0.1@evil.example/", "http://127.0.0.1.evil.example/", "http://10.0.0.1/",
                          "http://169.254.170.3/", "file:///etc/passwd", "ftp://localhost/", "nonsense", "http://[fd00:ec2::24]/"}) {
    World world;
    const auto message = fault(world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url).set("AWS_CONTAINER_AUTHORIZATION_TOKEN", "s3cret"));
    EXPECT_TRUE(says(message, "may not be asked")) << url << ": " << message;
  }
  for (const char* url : {"http://127.0.0.1:1/", "http://127.8.8.8:1/", "http://localhost:1/", "http://[::1]:1/", "https://127.0.0.1:1/"}) {
    World world;
    const auto message = fault(world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", url));
    EXPECT_TRUE(says(message, "cannot be had")) << url << ": " << message;
  }
}

TEST(Credentials, A_container_that_fails_is_asked_three_times_and_then_a_fault) {
  std::atomic<int> count = 0;
  HttpServer server([&](const Request&) { return ++count < 3 ? Reply{.status = 500, .body = "s3cret"} : Reply{.body = json("container")}; });
  World world;
  world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url());
  EXPECT_EQ(fetch(world).key_id, "container");
  count = -9;
  const auto message = fault(world);
  EXPECT_TRUE(says(message, "500") && !says(message, "s3cret")) << message;
}

TEST(Credentials, What_a_container_sends_is_not_followed_elsewhere_and_not_read_without_end) {
  World world;
  HttpServer elsewhere([](const Request&) { return Reply{.body = json("elsewhere")}; });
  HttpServer server([&](const Request& request) {
    if (request.target == "/moved") return Reply{.status = 302, .headers = "Location: " + elsewhere.url() + "\r\n"};
    if (request.target == "/large") return Reply{.body = json(std::string(1 << 20, 'x'))};
    return Reply{.body = "[1, 2"};
  });
  EXPECT_TRUE(says(fault(world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/moved")), "302"));
  EXPECT_TRUE(elsewhere.requests().empty());
  EXPECT_TRUE(says(fault(world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/large")), "larger"));
  EXPECT_TRUE(says(fault(world.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url() + "/broken")), "no JSON"));
}

// --- instances

struct InstanceTest : testing::Test {
  Reply answer(const Request& request) const {
    if (request.target == "/latest/api/token") return request.method == "PUT" ? Reply{.status = token_status, .body = "imds-token"} : Reply{.status = 405};
    const auto token = request.headers.find("x-aws-ec2-metadata-token");
    if (token == request.headers.end() || token->second != "imds-token") return {.status = 401};
    if (request.target == "/latest/meta-data/iam/security-credentials/") return {.status = role.empty() ? 404 : 200, .body = role};
    if (request.target == "/latest/meta-data/iam/security-credentials/" + role) return {.body = body};
    return {.status = 404};
  }

  std::string role = "my-role", body = json("instance");
  int token_status = 200;
  HttpServer server{[this](const Request& request) { return answer(request); }};
  World world;
  void SetUp() override { world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url()).set("AWS_EC2_METADATA_DISABLED", ""); }
};

TEST_F(InstanceTest, The_role_of_an_instance_comes_last) {
  const auto found = fetch(world);
  EXPECT_EQ(found.key_id, "instance");
  EXPECT_EQ(found.token, "t0ken");
  EXPECT_EQ(utc_stamp(found.expires), "20361123T073438Z");
  ASSERT_EQ(server.requests().size(), 3u);
  EXPECT_EQ(server.requests()[0].headers.at("x-aws-ec2-metadata-token-ttl-seconds"), "21600");
}

TEST_F(InstanceTest, Nobody_is_asked_where_the_environment_has_credentials_or_it_is_switched_off) {
  EXPECT_EQ(fetch(world.set("AWS_ACCESS_KEY_ID", "env").set("AWS_SECRET_ACCESS_KEY", "s")).key_id, "env");
  fault(world.set("AWS_ACCESS_KEY_ID", "").set("AWS_EC2_METADATA_DISABLED", "TRUE"));
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(InstanceTest, An_instance_without_a_role_or_that_gives_nonsense_is_told_of) {
  role = "";
  EXPECT_TRUE(says(fault(world), "no role for this instance (404)"));
  role = "my-role";
  body = R"({"Code": "AssumeRoleUnauthorizedAccess", "Message": "no"})";
  EXPECT_TRUE(says(fault(world), "missing"));
  body = "<html>";
  EXPECT_TRUE(says(fault(world), "no JSON"));
  token_status = 403;
  EXPECT_TRUE(says(fault(world), "no token (403)"));
}

TEST_F(InstanceTest, Old_credentials_of_a_service_that_has_no_new_ones_are_used_for_a_while) {
  body = json("old", "Token", "2020-01-01T00:00:00Z");
  const auto found = fetch(world);
  EXPECT_EQ(found.key_id, "old");
  EXPECT_GT(found.expires, now() + 15 * 60 * kSecond);
  EXPECT_LT(found.expires, now() + 30 * 60 * kSecond);
}

TEST_F(InstanceTest, The_endpoint_may_stand_in_a_profile) {
  world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", "").config("[default]\nec2_metadata_service_endpoint = " + server.url() + "/\n");
  EXPECT_EQ(fetch(world).key_id, "instance");
}

TEST(Credentials, A_metadata_service_that_never_answers_costs_a_second) {
  HttpServer server([](const Request&) { return Reply{.none = true}; });
  World world;
  world.set("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url()).set("AWS_EC2_METADATA_DISABLED", "");
  std::string message;
  const auto time = time_of_it([&] { message = fault(world); });
  EXPECT_TRUE(says(message, "did not answer")) << message;
  EXPECT_GE(time, 900ms);
  EXPECT_LT(time, 1800ms);
  EXPECT_EQ(server.requests().size(), 1u);
}

}  // namespace
}  // namespace cacherator::engine::dynamodb
