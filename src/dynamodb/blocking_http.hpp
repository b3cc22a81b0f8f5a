// One HTTP request that is waited for: what the providers of credentials need. Never on a thread that must not block.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "cacherator/detail/entry.hpp"
#include "cacherator/detail/result.hpp"
#include "dynamodb/sign.hpp"

namespace cacherator::engine::dynamodb {

struct HttpRequest {
  std::string method{"GET"};
  std::string url{};
  std::vector<Header> headers{};
  std::string body{};  ///< sent with POST and PUT
  std::string ca_bundle{};
  bool through_proxy = false;  ///< as the environment says; else straight
  std::chrono::milliseconds connect_limit{1000}, limit{1000};
};

struct HttpReply {
  long status = 0;
  std::string body{};  ///< at most 256 KiB
  Time date = 0;       ///< the server's clock; 0: it did not say
};

/// Only http and https; redirects are not followed, certificates are checked. The Fault (io) is why there is no reply, without the URL.
[[nodiscard]] Result<HttpReply> send(const HttpRequest& request);

/// The text percent-encoded for a form or a query.
[[nodiscard]] std::string form_encoded(std::string_view text);

}  // namespace cacherator::engine::dynamodb
