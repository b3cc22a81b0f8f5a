// Roles that a profile or the environment names: assumed with other credentials, or with a token of another identity.
#include <algorithm>

#include "cacherator/detail/cache.hpp"
#include "dynamodb/small_file.hpp"
#include "dynamodb/sts.hpp"
#include "dynamodb/words.hpp"

namespace cacherator::engine::dynamodb {
namespace {

std::optional<std::string> setting(const Search& search, const char* key) { return search.profiles.get(search.profile, key); }

bool has_role(const Profiles& profiles, const std::string& profile) {
  return profiles.get(profile, "role_arn") && !profiles.get(profile, "web_identity_token_file");
}
bool has_keys(const Profiles& profiles, const std::string& profile) {
  return profiles.get(profile, "aws_access_key_id") || profiles.get(profile, "aws_secret_access_key");
}

/// A fresh one for each time, so that AWS's logs tell them apart.
std::string session_name(const std::optional<std::string>& given) { return given.value_or("cacherator-" + std::to_string(now() / kSecond)); }

Said ask_named_source(const std::string& name, const Search& search, const std::string& what) {
  const auto known = lower(name);
  Said answer;
  if (known == "environment") {
    answer = ask_environment(search);
  } else if (known == "ecscontainer") {
    answer = ask_container(search);
  } else if (known == "ec2instancemetadata") {
    answer = ask_instance(search);
  } else {
    return failed(what + ": credential_source = " + name + " is none; give Environment, EcsContainer or Ec2InstanceMetadata");
  }
  if (answer.kind == Said::Kind::absent) return failed(what + ": credential_source = " + name + " has no credentials: " + answer.said);
  return answer;
}

Said ask_source_profile(const std::string& name, const Search& search, const std::string& what) {
  const auto& profiles = search.profiles;
  if (!profiles.has(name)) return failed(what + ": source_profile = " + name + " is in neither " + profiles.config_path + " nor " + profiles.credentials_path);
  const bool own = name == search.profile;
  const bool visited = own || std::find(search.visited.begin(), search.visited.end(), name) != search.visited.end();
  if (visited && !(own && has_keys(profiles, name)))
    return failed(what + ": source_profile = " + name + " leads back to where it began; name one with credentials");
  Search source{.environment = search.environment, .profiles = profiles, .profile = name, .environment_counts = false, .visited = search.visited};
  source.visited.push_back(search.profile);
  if (!has_keys(profiles, name) && has_role(profiles, name)) return ask_role(source);
  auto answer = *ask_in_order(profile_chain(), source, true);
  if (answer.kind == Said::Kind::absent) return failed(what + ": source_profile = " + name + " has no credentials: " + answer.said);
  return answer;
}

}  // namespace

bool role_blocks(const Search& search) { return has_role(search.profiles, search.profile); }

Said ask_role(const Search& search) {
  if (!has_role(search.profiles, search.profile)) return {};
  const std::string what = "the role of the profile '" + search.profile + "'";
  const auto source_profile = setting(search, "source_profile"), credential_source = setting(search, "credential_source");
  if (source_profile.has_value() == credential_source.has_value()) return failed(what + ": give source_profile or credential_source, one of them");
  if (setting(search, "mfa_serial")) {
    return {
        .kind = Said::Kind::foreign,
        .said = what + " needs a code (mfa_serial), which cannot be asked for here; use a profile that needs none, or export credentials to the environment"};
  }
  auto source = source_profile ? ask_source_profile(*source_profile, search, what) : ask_named_source(*credential_source, search, what);
  if (source.kind != Said::Kind::found) return source;

  RoleRequest request{.action = "AssumeRole", .signer = &source.credentials, .source = what};
  request.secrets = {source.credentials.secret, source.credentials.token};
  request.parameters = {{"RoleArn", *setting(search, "role_arn")}, {"RoleSessionName", session_name(setting(search, "role_session_name"))}};
  if (const auto id = setting(search, "external_id")) {
    request.parameters.emplace_back("ExternalId", *id);
    request.secrets.push_back(*id);
  }
  const std::string duration = setting(search, "duration_seconds").value_or("");
  if (!duration.empty() && duration.find_first_not_of("0123456789") == duration.npos) request.parameters.emplace_back("DurationSeconds", duration);
  return assume_role(request, search);
}

namespace {

std::optional<std::string> from_either(const Search& search, const char* variable, const char* key) {
  auto value = search.environment_counts ? search.environment(variable) : std::nullopt;
  return value ? value : setting(search, key);
}

std::optional<std::string> token_file(const Search& search) { return from_either(search, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file"); }

}  // namespace

bool web_identity_blocks(const Search& search) { return token_file(search).has_value(); }

Said ask_web_identity(const Search& search) {
  const auto path = token_file(search);
  if (!path) return {};
  const std::string what = "web identity in " + *path;
  const auto role = from_either(search, "AWS_ROLE_ARN", "role_arn");
  if (!role) return failed(what + ": no role is named; set AWS_ROLE_ARN, or role_arn in the profile '" + search.profile + "'");
  const auto text = read_small_file(expand_path(*path, search.environment));
  const std::string token(trimmed(text.value_or("")));
  if (token.empty()) return failed(what + ": the file cannot be read, or is empty");
  RoleRequest request{.action = "AssumeRoleWithWebIdentity", .secrets = {token}, .source = what};
  request.parameters = {
      {"RoleArn", *role}, {"RoleSessionName", session_name(from_either(search, "AWS_ROLE_SESSION_NAME", "role_session_name"))}, {"WebIdentityToken", token}};
  return assume_role(request, search);
}

}  // namespace cacherator::engine::dynamodb
