// Where the table is, and how it is reached: region, endpoint and the rest, as the AWS SDKs read them from environment and profile.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "cacherator/detail/result.hpp"

namespace cacherator::engine::dynamodb {

/// The environment's variable; nothing: it is not set, or empty. Tests give their own.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
[[nodiscard]] Environment process_environment();

/// The shared files ~/.aws/config and ~/.aws/credentials (AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE).
struct Profiles {
  using Section = std::map<std::string, std::string, std::less<>>;  ///< nested settings are "dynamodb.endpoint_url"
  std::string name{"default"};                                      ///< AWS_DEFAULT_PROFILE, AWS_PROFILE
  std::map<std::string, Section, std::less<>> config{};             ///< "default", "work" (without "profile "); "services mine"; "sso-session x"
  std::map<std::string, Section, std::less<>> credentials{};
  std::string config_path{}, credentials_path{};  ///< what was read; empty: these profiles come from no file

  /// Reads both files; a file that is not there is empty, a line that makes no sense is skipped. Blocks for no longer than that takes.
  static Profiles read(const Environment& environment);
  /// Either file has it.
  [[nodiscard]] bool has(const std::string& profile) const;
  /// A setting of a profile: of the credentials file, else of the config file.
  [[nodiscard]] std::optional<std::string> get(const std::string& profile, const std::string& key) const;
};

struct Settings {
  std::string table{};
  std::string region{};
  std::string endpoint{};   ///< "https://dynamodb.eu-west-1.amazonaws.com" or the user's own, without a slash at its end
  std::string ca_bundle{};  ///< a file; empty: the system's
  std::string id{};         ///< 8 hex digits that tell this table from others in the files: of region (or own endpoint) and table
  std::chrono::milliseconds connect_limit{1000};
  std::chrono::milliseconds call_limit{3000};  ///< of one operation with all its attempts

  /// Faults (misuse): a table's name or ARN that cannot be one; a region or an own endpoint that cannot be one. A region that is nowhere
  /// named is no fault here: `region` and `endpoint` are empty, and the first request is answered with what to do.
  static Result<Settings> resolve(const std::string& table, const Environment& environment, const Profiles& profiles);
};

}  // namespace cacherator::engine::dynamodb
