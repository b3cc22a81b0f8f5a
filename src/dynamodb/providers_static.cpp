// Credentials that stand in the environment or in a file.
#include "dynamodb/providers.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr const char* kKeyId = "aws_access_key_id";

Said in_section(const Profiles::Section& section, const std::string& source) {
  const auto get = [&](const char* key) {
    const auto found = section.find(key);
    return found == section.end() ? std::string() : found->second;
  };
  Credentials credentials{.key_id = get(kKeyId), .secret = get("aws_secret_access_key"), .token = get("aws_security_token"), .source = source};
  if (credentials.token.empty()) credentials.token = get("aws_session_token");
  return checked(std::move(credentials));
}

Said in_file(const std::map<std::string, Profiles::Section, std::less<>>& sections, const std::string& path, const Search& search) {
  const auto section = sections.find(search.profile);
  if (section == sections.end() || section->second.find(kKeyId) == section->second.end()) {
    return {.said = "the profile '" + search.profile + "' has no " + kKeyId + " in " + path};
  }
  return in_section(section->second, "profile '" + search.profile + "' in " + path);
}

Said of_botocore(const std::string& what, const std::string& command, const Search& search) {
  const std::string option = " --profile " + search.profile;
  return {.kind = Said::Kind::foreign,
          .said = "the profile '" + search.profile + "' signs in by " + what + ", which only botocore can: in Python, install botocore and run '" + command +
                  option + "'; elsewhere, name a profile with credential_process = aws configure export-credentials" + option};
}

}  // namespace

Said ask_environment(const Search& search) {
  const auto get = [&](const char* name) { return search.environment(name).value_or(""); };
  Credentials credentials{
      .key_id = get("AWS_ACCESS_KEY_ID"), .secret = get("AWS_SECRET_ACCESS_KEY"), .token = get("AWS_SECURITY_TOKEN"), .source = "environment"};
  if (credentials.key_id.empty()) return {.said = "AWS_ACCESS_KEY_ID is not set"};
  if (credentials.secret.empty()) return failed("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not; set both");
  if (credentials.token.empty()) credentials.token = get("AWS_SESSION_TOKEN");
  if (const auto end = get("AWS_CREDENTIAL_EXPIRATION"); !end.empty()) {
    const auto time = parse_time(end);
    if (!time) return failed("AWS_CREDENTIAL_EXPIRATION: '" + end + "' is no time such as 2026-11-23T07:34:38Z");
    credentials.expires = *time;
  }
  return checked(std::move(credentials));
}

Said ask_whether_profile_is_there(const Search& search) {
  const auto& profiles = search.profiles;
  if (search.profile == "default" || profiles.has(search.profile)) return {};
  return failed("AWS_PROFILE: the profile '" + search.profile + "' is in neither " + profiles.config_path + " nor " + profiles.credentials_path +
                "; write it there, or name another");
}

Said ask_sso(const Search& search) {
  const auto has = [&](const char* key) { return search.profiles.get(search.profile, key).has_value(); };
  return has("sso_account_id") || has("sso_role_name") ? of_botocore("SSO", "aws sso login", search) : Said{};
}

Said ask_login(const Search& search) {
  return search.profiles.get(search.profile, "login_session") ? of_botocore("a login session", "aws login", search) : Said{};
}

Said ask_credentials_file(const Search& search) { return in_file(search.profiles.credentials, search.profiles.credentials_path, search); }
Said ask_config_file(const Search& search) { return in_file(search.profiles.config, search.profiles.config_path, search); }

}  // namespace cacherator::engine::dynamodb
