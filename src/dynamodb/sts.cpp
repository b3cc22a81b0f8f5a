#include "dynamodb/sts.hpp"

#include <chrono>
#include <thread>

#include "cacherator/detail/cache.hpp"
#include "dynamodb/blocking_http.hpp"
#include "dynamodb/endpoint.hpp"
#include "dynamodb/words.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using std::chrono::milliseconds;

constexpr int kAttempts = 3;
constexpr milliseconds kFirstPause{100};
constexpr Time kSkew = 240 * kSecond;  // AWS refuses a signature that is 5 minutes off

struct Place {
  std::string endpoint{}, region{}, ca_bundle{};
};

Result<Place> find_place(const Search& search) {
  const auto region = configured_region(search.environment, search.profiles);
  if (!region) return region.fault();
  const auto own = configured_endpoint("sts", search.environment, search.profiles);
  if (!own) return own.fault();
  Place place{.endpoint = *own, .region = region->empty() ? "us-east-1" : *region, .ca_bundle = configured_ca_bundle(search.environment, search.profiles)};
  if (place.endpoint.empty()) place.endpoint = regional_endpoint("sts", *region, search.environment, search.profiles);
  if (place.endpoint.empty()) place.endpoint = "https://sts.amazonaws.com";  // of no region, signed for us-east-1
  return place;
}

void replace_all(std::string& text, std::string_view what, std::string_view with) {
  if (what.empty()) return;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + with.size())) text.replace(at, what.size(), with);
}

/// The text in the first element of this name; empty: there is none.
std::string element(const std::string& xml, const std::string& name) {
  const auto begin = xml.find('<' + name + '>');
  if (begin == xml.npos) return {};
  const auto from = begin + name.size() + 2, to = xml.find("</" + name + '>', from);
  if (to == xml.npos) return {};
  std::string text(trimmed(std::string_view(xml).substr(from, to - from)));
  for (const auto& [entity, meant] : {std::pair{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&apos;", "'"}, {"&amp;", "&"}})
    replace_all(text, entity, meant);
  return text;
}

/// What the server complains of: its first line, without anything that is secret.
std::string complaint(const HttpReply& reply, const RoleRequest& request) {
  const auto code = element(reply.body, "Code");
  auto message = element(reply.body, "Message");
  if (code.starts_with("SignatureDoesNotMatch")) message = "the secret key does not fit the access key's id";
  for (const auto& secret : request.secrets) replace_all(message, secret, "***");
  message = message.substr(0, std::min<std::size_t>(message.find('\n'), 300));
  return "STS answered " + std::to_string(reply.status) + (code.empty() ? "" : " " + code) + (message.empty() ? "" : ": " + message);
}

Said credentials_in(const HttpReply& reply, const std::string& source) {
  const auto xml = element(reply.body, "Credentials");
  const auto expires = parse_time(element(xml, "Expiration"));
  if (!expires) return failed(source + ": the answer of STS holds no credentials");
  return checked({.key_id = element(xml, "AccessKeyId"),
                  .secret = element(xml, "SecretAccessKey"),
                  .token = element(xml, "SessionToken"),
                  .expires = *expires,
                  .source = source});
}

HttpRequest http_request(const RoleRequest& request, const Place& place, Time at) {
  HttpRequest http{.method = "POST", .url = place.endpoint + '/', .ca_bundle = place.ca_bundle, .through_proxy = true};
  http.connect_limit = std::chrono::seconds(2);
  http.limit = std::chrono::seconds(5);
  http.body = "Action=" + request.action + "&Version=2011-06-15";
  for (const auto& [name, value] : request.parameters) http.body += '&' + name + '=' + form_encoded(value);
  http.headers.emplace_back("content-type", "application/x-www-form-urlencoded; charset=utf-8");
  if (request.signer) {
    const auto path = http.url.substr(http.url.find('/', http.url.find("//") + 2));
    const auto host = host_of(place.endpoint);
    auto extra = sign({.host = host, .path = path, .headers = &http.headers, .body = http.body}, *request.signer, place.region, "sts", at).headers;
    http.headers.insert(http.headers.end(), extra.begin(), extra.end());
  }
  return http;
}

bool worth_another_try(const HttpReply& reply) {
  const auto code = element(reply.body, "Code");
  return reply.status >= 500 || code.starts_with("Throttl") || code == "RequestLimitExceeded" || code == "IDPCommunicationError";
}

}  // namespace

Said assume_role(const RoleRequest& request, const Search& search) {
  const auto place = find_place(search);
  if (!place) return failed(place.fault().message);
  Time ahead = 0;  // the server's clock
  std::string why;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (attempt > 0) std::this_thread::sleep_for(kFirstPause * (1 << attempt));
    const auto reply = send(http_request(request, *place, now() + ahead));
    if (!reply) {
      why = "STS at " + place->endpoint + " cannot be reached: " + reply.fault().message;
      continue;
    }
    if (reply->status == 200) return credentials_in(*reply, request.source);
    why = complaint(*reply, request);
    const Time off = reply->date ? reply->date - now() : 0;
    const bool skewed = request.signer && reply->status < 500 && ahead == 0 && (off > kSkew || off < -kSkew);
    if (skewed) ahead = off;
    if (!skewed && !worth_another_try(*reply)) break;
  }
  return failed(request.source + ": " + why);
}

}  // namespace cacherator::engine::dynamodb
