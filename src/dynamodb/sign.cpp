#include "dynamodb/sign.hpp"

// Not OpenSSL's newer interface: it must be made ready, is torn down at exit while the thread of requests may still sign, and takes three
// times as long for texts this short. These functions only compute.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "dynamodb/words.hpp"
#include "local/dates.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
constexpr char kHex[] = "0123456789abcdef";

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

void append_hex(std::string& out, const Digest& digest) {
  for (const auto byte : digest) {
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  }
}

Digest sha256(std::string_view bytes) {
  Digest digest;
  SHA256_CTX hash;  // SHA256() itself goes through the newer interface
  SHA256_Init(&hash);
  SHA256_Update(&hash, bytes.data(), bytes.size());
  SHA256_Final(digest.data(), &hash);
  return digest;
}

/// HMAC of SHA-256 (RFC 2104) under one key, whose blocks are hashed once.
class Hmac {
 public:
  Hmac() : Hmac("") {}
  explicit Hmac(std::string_view key) {
    std::array<unsigned char, SHA256_CBLOCK> block{};
    const Digest shortened = key.size() > block.size() ? sha256(key) : Digest{};
    if (key.size() > block.size()) key = view(shortened);
    std::copy(key.begin(), key.end(), block.begin());
    begin(inner_, block, 0x36);
    begin(outer_, block, 0x36 ^ 0x5c);  // on what the first call left
  }
  explicit Hmac(const Digest& key) : Hmac(view(key)) {}

  [[nodiscard]] Digest operator()(std::string_view text) const {
    Digest digest;
    SHA256_CTX hash = inner_;
    SHA256_Update(&hash, text.data(), text.size());
    SHA256_Final(digest.data(), &hash);
    hash = outer_;
    SHA256_Update(&hash, digest.data(), digest.size());
    SHA256_Final(digest.data(), &hash);
    return digest;
  }

 private:
  static std::string_view view(const Digest& digest) { return {reinterpret_cast<const char*>(digest.data()), digest.size()}; }
  static void begin(SHA256_CTX& hash, std::array<unsigned char, SHA256_CBLOCK>& block, unsigned char mask) {
    for (auto& byte : block) byte ^= mask;
    SHA256_Init(&hash);
    SHA256_Update(&hash, block.data(), block.size());
  }

  SHA256_CTX inner_, outer_;
};

/// A signing key, and what it was derived from.
struct SigningKey {
  std::string secret{}, scope{};
  Hmac key{};
};

/// Each thread keeps its last few: no lock, and nothing that a fork could leave half done.
const Hmac& signing_key(const std::string& secret, std::string_view date, std::string_view region, std::string_view service, const std::string& scope) {
  thread_local std::array<SigningKey, 4> known;
  thread_local std::size_t next = 0;
  for (const auto& one : known) {
    if (one.scope == scope && one.secret == secret) return one.key;
  }
  auto& fresh = known[next++ % known.size()];
  const Hmac day(Hmac("AWS4" + secret)(date));
  const Hmac there(Hmac(day(region))(service));
  fresh = {secret, scope, Hmac(there("aws4_request"))};
  return fresh.key;
}

/// All but `kept` is percent-encoded.
template <class Kept>
void append_encoded(std::string& out, std::string_view text, const Kept& kept) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (kept(c)) {
      out += c;
    } else {
      out += '%';
      out += static_cast<char>(std::toupper(kHex[byte >> 4]));
      out += static_cast<char>(std::toupper(kHex[byte & 15]));
    }
  }
}

/// Without empty segments, "." and ".."; then encoded (once more: the URL's own encoding stays).
void append_path(std::string& out, std::string_view path) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto part = path.substr(at, end - at);
    at = end + 1;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
  }
  const auto kept = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || std::string_view("-_.~").find(c) != std::string_view::npos;
  };
  for (const auto part : parts) {
    out += '/';
    append_encoded(out, part, kept);
  }
  if (parts.empty() || path.ends_with('/')) out += '/';
}

/// By name, then by value; what cannot stand in a URL is encoded.
void append_query(std::string& out, std::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  const auto kept = [](char c) { return c > ' ' && c < '\x7f'; };
  for (std::size_t at = 0; !query.empty() && at <= query.size();) {
    const auto end = std::min(query.find('&', at), query.size());
    const auto pair = query.substr(at, end - at);
    const auto sign = std::min(pair.find('='), pair.size());
    auto& [name, value] = pairs.emplace_back();
    append_encoded(name, pair.substr(0, sign), kept);
    if (sign < pair.size()) append_encoded(value, pair.substr(sign + 1), kept);
    at = end + 1;
  }
  std::sort(pairs.begin(), pairs.end());
  for (const auto& [name, value] : pairs) {
    if (&name != &pairs.front().first) out += '&';
    out.append(name).append(1, '=').append(value);
  }
}

/// Without white space at its ends, and with one space in the place of each run of it.
void append_value(std::string& out, std::string_view value) {
  bool space = false;
  for (const char c : trimmed(value)) {
    const bool now = c == ' ' || (c >= '\t' && c <= '\r');
    if (now && !space) out += ' ';
    if (!now) out += c;
    space = now;
  }
}

struct Line {
  std::string name;
  std::string_view value;
};

/// "name:value" lines in the order of their names, values of one name joined; and the names.
void append_headers(std::string& out, std::string& names, std::vector<Line> lines) {
  std::stable_sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.name < b.name; });
  const Line* before = nullptr;
  for (const auto& line : lines) {
    if (before && before->name == line.name) {
      out.back() = ',';
    } else {
      out.append(line.name).append(1, ':');
      names.append(before ? ";" : "").append(line.name);
    }
    append_value(out, line.value);
    out += '\n';
    before = &line;
  }
}

}  // namespace

Signed sign(const Signable& request, const Credentials& credentials, std::string_view region, std::string_view service, Time at) {
  Signed done;
  const std::string time = utc_stamp(at);
  const std::string_view date = std::string_view(time).substr(0, 8);
  std::vector<Line> lines{{"host", request.host}, {"x-amz-date", time}};
  if (!credentials.token.empty()) lines.push_back({"x-amz-security-token", credentials.token});
  if (request.headers) {
    for (const auto& [name, value] : *request.headers) lines.push_back({lower(trimmed(name)), value});
  }

  std::string names;
  auto& canonical = done.canonical_request;
  canonical.reserve(512 + credentials.token.size());
  canonical.append(request.method).append(1, '\n');
  append_path(canonical, request.path);
  canonical += '\n';
  append_query(canonical, request.query);
  canonical += '\n';
  append_headers(canonical, names, std::move(lines));
  canonical.append(1, '\n').append(names).append(1, '\n');
  append_hex(canonical, sha256(request.body));

  std::string scope;
  scope.append(date).append(1, '/').append(region).append(1, '/').append(service).append("/aws4_request");
  auto& text = done.string_to_sign;
  text.append(kAlgorithm).append(1, '\n').append(time).append(1, '\n').append(scope).append(1, '\n');
  append_hex(text, sha256(canonical));
  append_hex(done.signature, signing_key(credentials.secret, date, region, service, scope)(text));

  std::string authorization(kAlgorithm);
  authorization.append(" Credential=").append(credentials.key_id).append(1, '/').append(scope);
  authorization.append(", SignedHeaders=").append(names).append(", Signature=").append(done.signature);
  done.headers.emplace_back("x-amz-date", time);
  if (!credentials.token.empty()) done.headers.emplace_back("x-amz-security-token", credentials.token);
  done.headers.emplace_back("authorization", std::move(authorization));
  return done;
}

}  // namespace cacherator::engine::dynamodb
