// Those who may know our credentials, one after the other, in botocore's order.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dynamodb/credentials.hpp"

namespace cacherator::engine::dynamodb {

/// What is asked for.
struct Search {
  const Environment& environment;
  const Profiles& profiles;
  std::string profile{};               ///< whose settings count
  bool environment_counts = true;      ///< false while the source of a role's profile is looked for
  std::vector<std::string> visited{};  ///< profiles on the way to this one
};

/// What a provider says.
struct Said {
  enum class Kind : std::uint8_t {
    absent,   ///< nobody has set it up
    found,    ///< `credentials`
    failed,   ///< it is set up, and did not do: none after it is asked
    foreign,  ///< it is set up in a way that is not ours, only botocore's: none after it is asked
  };
  Kind kind = Kind::absent;
  std::string said{};  ///< what is not there, or went wrong and what to do; no secret
  Credentials credentials{};
};

struct Provider {
  Said (*ask)(const Search& search);
  /// It would wait for another process or machine; null: never.
  bool (*blocks)(const Search& search) = nullptr;
};

/// All, and those that know profiles only.
[[nodiscard]] std::span<const Provider> whole_chain();
[[nodiscard]] std::span<const Provider> profile_chain();

/// The first answer that is not `absent`; else an absent one that says what all said. Nothing: one would have blocked that may not.
[[nodiscard]] std::optional<Said> ask_in_order(std::span<const Provider> chain, const Search& search, bool may_block);

// The providers, by file.
Said ask_environment(const Search& search);  // providers_static.cpp
Said ask_whether_profile_is_there(const Search& search);
Said ask_sso(const Search& search);
Said ask_credentials_file(const Search& search);
Said ask_config_file(const Search& search);

Said ask_login(const Search& search);
Said ask_process(const Search& search);  // providers_process.cpp
bool process_blocks(const Search& search);
Said ask_role(const Search& search);  // providers_role.cpp
bool role_blocks(const Search& search);
Said ask_web_identity(const Search& search);
bool web_identity_blocks(const Search& search);
Said ask_container(const Search& search);  // providers_metadata.cpp
bool container_blocks(const Search& search);
[[nodiscard]] std::string container_url(const Environment& environment);  ///< empty: none is set
Said ask_instance(const Search& search);
bool instance_blocks(const Search& search);

/// The credentials in a JSON object as programs and metadata services give it; `token`: what that is called there.
/// `change` is made before they are looked at.
[[nodiscard]] Said read_json(std::string_view text, const char* token, const std::string& source, void (*change)(Credentials&) = nullptr);
/// Credentials, if they are whole, in time and can stand in a header; else what is wrong with them, which says `source`.
[[nodiscard]] Said checked(Credentials credentials);
[[nodiscard]] Said failed(std::string said);
/// "2026-11-23T07:34:38Z", with or without a fraction and an offset; without a zone it is UTC.
[[nodiscard]] std::optional<Time> parse_time(std::string_view text);

}  // namespace cacherator::engine::dynamodb
