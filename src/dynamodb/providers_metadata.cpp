// Services beside the program that hand out the credentials of its role: a container's (ECS, EKS), and an EC2 instance's.
#include <arpa/inet.h>
#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <memory>
#include <thread>

#include "cacherator/detail/cache.hpp"
#include "dynamodb/blocking_http.hpp"
#include "dynamodb/endpoint.hpp"
#include "dynamodb/providers.hpp"
#include "dynamodb/small_file.hpp"
#include "dynamodb/words.hpp"
#include "local/members.hpp"
#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using std::chrono::milliseconds;

constexpr const char* kRelative = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
constexpr const char* kFull = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
constexpr std::array<std::string_view, 4> kContainerHosts{"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost"};
constexpr int kAttempts = 3;
constexpr milliseconds kPause{200}, kContainerLimit{2000};

bool is_loopback(std::string host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  in_addr four{};
  in6_addr six{};
  if (::inet_pton(AF_INET, host.c_str(), &four) == 1) return ntohl(four.s_addr) >> 24 == 127;
  return ::inet_pton(AF_INET6, host.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

/// A part of a URL as libcurl will read it; empty: it is no URL.
std::string part_of(const std::string& url, CURLUPart part) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), curl_url_cleanup);
  if (!parsed || curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK) return {};
  char* text = nullptr;
  if (curl_url_get(parsed.get(), part, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

/// The token goes to nobody who is not beside us, or known by a certificate.
bool may_be_asked(const std::string& url) {
  const auto scheme = part_of(url, CURLUPART_SCHEME), host = part_of(url, CURLUPART_HOST);
  if (scheme == "https") return !host.empty();
  return scheme == "http" && (is_loopback(host) || std::find(kContainerHosts.begin(), kContainerHosts.end(), host) != kContainerHosts.end());
}

/// The header's value; empty: none is wanted. The file is read anew each time, as it changes.
Result<std::string> container_token(const Search& search) {
  std::string token = search.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").value_or("");
  if (const auto path = search.environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")) {
    const auto text = read_small_file(*path);
    if (!text) return Fault{Fault::Kind::io, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: " + *path + " cannot be read"};
    token = *text;
  }
  token = trimmed(token);
  if (std::any_of(token.begin(), token.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; })) {
    return Fault{Fault::Kind::misuse, "the container's authorization token holds a line break, which no header can"};
  }
  return token;
}

}  // namespace

std::string container_url(const Environment& environment) {
  if (const auto relative = environment(kRelative)) return "http://169.254.170.2" + *relative;
  return environment(kFull).value_or("");
}

bool container_blocks(const Search& search) { return !container_url(search.environment).empty(); }

Said ask_container(const Search& search) {
  const std::string url = container_url(search.environment);
  if (url.empty()) return {.said = std::string("neither ") + kRelative + " nor " + kFull + " is set"};
  const std::string what = "the container's credentials at " + part_of(url, CURLUPART_HOST);
  if (!may_be_asked(url))
    return failed(std::string(kFull) + ": its host may not be asked; give a URL of https, of this machine, or of the services of ECS and EKS");
  const auto token = container_token(search);
  if (!token) return failed(token.fault().message);
  HttpRequest request{.url = url, .headers = {{"accept", "application/json"}}, .ca_bundle = configured_ca_bundle(search.environment, search.profiles)};
  request.limit = kContainerLimit;
  if (!token->empty()) request.headers.emplace_back("authorization", *token);
  Said answer;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kPause);
    const auto reply = send(request);
    if (!reply) {
      answer = failed(what + " cannot be had: " + reply.fault().message);
    } else if (reply->status != 200) {
      answer = failed(what + ": it answered " + std::to_string(reply->status));
    } else {
      return read_json(reply->body, "Token", what);
    }
  }
  return answer;
}

namespace {

constexpr milliseconds kInstanceLimit{1000};
constexpr std::string_view kInstanceToken = "latest/api/token", kInstanceRoles = "latest/meta-data/iam/security-credentials/";

std::optional<std::string> instance_setting(const Search& search, const char* variable, const char* key) {
  const auto value = search.environment(variable);
  return value ? value : search.profiles.get(search.profiles.name, key);
}

/// With a slash at its end.
std::string instance_endpoint(const Search& search) {
  const auto mode = instance_setting(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
  const bool six = mode ? lower(*mode) == "ipv6" : switched_on("AWS_IMDS_USE_IPV6", "imds_use_ipv6", search.environment, search.profiles);
  auto endpoint = instance_setting(search, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint")
                      .value_or(six ? "http://[fd00:ec2::254]/" : "http://169.254.169.254/");
  if (!endpoint.ends_with('/')) endpoint += '/';
  return endpoint;
}

/// While the service has none that are new, it hands out old ones, and AWS still takes them: they are asked for again in a while, not
/// at each call (as botocore does).
void extend(Credentials& credentials) {
  const Time in_a_while = now() + (15 + 2 + static_cast<Time>(platform::random_word() % 9)) * 60 * kSecond;
  if (credentials.expires && credentials.expires < in_a_while) credentials.expires = in_a_while;
}

Said absent(std::string said) { return {.said = std::move(said)}; }

Said role_of_instance(const std::string& endpoint, const Header& token) {
  const std::string what = "the instance's metadata service at " + endpoint;
  const auto get = [&](std::string_view path) { return send({.url = endpoint + std::string(path), .headers = {token}, .limit = kInstanceLimit}); };
  const auto roles = get(kInstanceRoles);
  if (!roles) return absent(what + " did not name a role: " + roles.fault().message);
  const std::string role(trimmed(roles->body.substr(0, roles->body.find('\n'))));
  if (roles->status != 200 || role.empty()) return absent(what + " has no role for this instance (" + std::to_string(roles->status) + ")");
  const auto reply = get(std::string(kInstanceRoles) + role);
  if (!reply) return absent(what + " gave no credentials: " + reply.fault().message);
  if (reply->status != 200) return absent(what + " gave no credentials (" + std::to_string(reply->status) + ")");
  return read_json(reply->body, "Token", what, extend);
}

}  // namespace

bool instance_blocks(const Search& search) { return lower(search.environment("AWS_EC2_METADATA_DISABLED").value_or("")) != "true"; }

Said ask_instance(const Search& search) {
  if (!instance_blocks(search)) return absent("AWS_EC2_METADATA_DISABLED is set");
  const auto endpoint = instance_endpoint(search);
  const std::string what = "the instance's metadata service at " + endpoint;
  const auto token = send({.method = "PUT",
                           .url = endpoint + std::string(kInstanceToken),
                           .headers = {{"x-aws-ec2-metadata-token-ttl-seconds", "21600"}},
                           .limit = kInstanceLimit});
  if (!token) return absent(what + " did not answer: " + token.fault().message);
  if (token->status != 200 || trimmed(token->body).empty()) return absent(what + " gave no token (" + std::to_string(token->status) + ")");
  auto answer = role_of_instance(endpoint, {"x-aws-ec2-metadata-token", std::string(trimmed(token->body))});
  return answer.kind == Said::Kind::failed ? absent(answer.said) : answer;
}

}  // namespace cacherator::engine::dynamodb
