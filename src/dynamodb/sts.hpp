// AWS's Security Token Service: credentials of a role for other credentials, or for a token.
#pragma once

#include <string>
#include <vector>

#include "dynamodb/providers.hpp"
#include "dynamodb/sign.hpp"

namespace cacherator::engine::dynamodb {

struct RoleRequest {
  std::string action{};                ///< "AssumeRole", "AssumeRoleWithWebIdentity"
  std::vector<Header> parameters{};    ///< all but Action and Version
  const Credentials* signer{};         ///< null: not signed
  std::vector<std::string> secrets{};  ///< what must not appear in a message
  std::string source{};                ///< for messages
};

/// Blocks: up to three attempts, of 5 s each.
[[nodiscard]] Said assume_role(const RoleRequest& request, const Search& search);

}  // namespace cacherator::engine::dynamodb
