#include "dynamodb/blocking_http.hpp"

#include <curl/curl.h>

#include <memory>

#include "dynamodb/curl.hpp"
#include "dynamodb/words.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::size_t kLargestBody = std::size_t{256} << 10;

using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using Headers = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

std::size_t take_body(char* bytes, std::size_t size, std::size_t count, void* to) {
  auto& reply = *static_cast<HttpReply*>(to);
  if (reply.body.size() + size * count > kLargestBody) return 0;
  reply.body.append(bytes, size * count);
  return size * count;
}

std::size_t take_header(char* bytes, std::size_t size, std::size_t count, void* to) {
  const std::string line(bytes, size * count);
  if (lower(line.substr(0, 5)) == "date:") {
    const time_t date = curl_getdate(line.c_str() + 5, nullptr);
    if (date > 0) static_cast<HttpReply*>(to)->date = date * kSecond;
  }
  return size * count;
}

void only_http(CURL* handle) {
#if LIBCURL_VERSION_NUM >= 0x075500
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
#else
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS, static_cast<long>(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

Headers header_list(const HttpRequest& request) {
  // Headers that curl would add of its own are taken out.
  Headers list(curl_slist_append(nullptr, "Expect:"), curl_slist_free_all);
  for (const auto& [name, value] : request.headers) {
    const std::string line = name + ": " + value;
    if (auto* longer = curl_slist_append(list.get(), line.c_str())) {
      static_cast<void>(list.release());
      list.reset(longer);
    }
  }
  return list;
}

}  // namespace

Result<HttpReply> send(const HttpRequest& request) {
  ensure_curl();
  const Handle handle(curl_easy_init(), curl_easy_cleanup);
  if (!handle) return Fault{Fault::Kind::limit, "libcurl gives no handle"};
  CURL* const curl = handle.get();
  HttpReply reply;
  char why[CURL_ERROR_SIZE] = "";
  const auto headers = header_list(request);
  only_http(curl);
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, why);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_limit.count()));
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.limit.count()));
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply);
  if (!request.through_proxy) curl_easy_setopt(curl, CURLOPT_PROXY, "");
  if (!request.ca_bundle.empty()) curl_easy_setopt(curl, CURLOPT_CAINFO, request.ca_bundle.c_str());
  if (request.method != "GET") {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, static_cast<long>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.c_str());
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  const CURLcode code = curl_easy_perform(curl);
  if (code == CURLE_WRITE_ERROR) return Fault{Fault::Kind::limit, "its reply is larger than a reply of that kind can be"};
  if (code != CURLE_OK) return Fault{Fault::Kind::io, *why ? why : curl_easy_strerror(code)};
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply.status);
  return reply;
}

std::string form_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += "0123456789ABCDEF"[byte >> 4];
      out += "0123456789ABCDEF"[byte & 15];
    }
  }
  return out;
}

}  // namespace cacherator::engine::dynamodb
