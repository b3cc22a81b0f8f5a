// Signature Version 4 of AWS: of requests with a body. Source: AWS General Reference, "Signing AWS API requests". Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cacherator/detail/entry.hpp"
#include "dynamodb/credentials.hpp"

namespace cacherator::engine::dynamodb {

using Header = std::pair<std::string, std::string>;

struct Signable {
  std::string_view method{"POST"};
  std::string_view host{};  ///< with its port where that is not the scheme's own
  std::string_view path{"/"};
  std::string_view query{};              ///< as in the URL, without '?'
  const std::vector<Header>* headers{};  ///< all are signed; without host, x-amz-date and x-amz-security-token
  std::string_view body{};
};

/// The steps, for tests on AWS's published vectors.
struct Signed {
  std::string canonical_request{}, string_to_sign{}, signature{};
  std::vector<Header> headers{};  ///< to be sent beside the given ones: x-amz-date, x-amz-security-token if there is one, authorization
};

/// `at`: the time of signing, the server's clock as far as it is known.
[[nodiscard]] Signed sign(const Signable& request, const Credentials& credentials, std::string_view region, std::string_view service, Time at);

}  // namespace cacherator::engine::dynamodb
