#include "dynamodb/endpoint.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "dynamodb/small_file.hpp"
#include "dynamodb/words.hpp"

namespace cacherator::engine::dynamodb {
namespace {

/// A partition of AWS: regions that begin with `prefix` (botocore's partitions.json).
struct Partition {
  std::string_view prefix, suffix, dual_stack;
};
constexpr std::array<Partition, 8> kPartitions{{
    {"cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {"us-gov-", "amazonaws.com", "api.aws"},
    {"us-iso-", "c2s.ic.gov", "api.aws.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov", "api.aws.scloud"},
    {"eu-isoe-", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {"us-isof-", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {"eusc-", "amazonaws.eu", "api.amazonwebservices.eu"},
    {"", "amazonaws.com", "api.aws"},
}};

bool can_be_region(std::string_view text) {
  return text.size() <= 63 && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-'; });
}

/// A setting, and where it stands.
struct Named {
  std::string value{}, where{};
};

Named find_region(const Environment& environment, const Profiles& profiles) {
  for (const char* variable : {"AWS_REGION", "AWS_DEFAULT_REGION"}) {
    if (const auto value = environment(variable)) return {*value, variable};
  }
  const auto value = profiles.get(profiles.name, "region");
  return value ? Named{*value, "region of the profile '" + profiles.name + "'"} : Named{};
}

Named find_endpoint(const std::string& service, const Environment& environment, const Profiles& profiles) {
  std::string own = "AWS_ENDPOINT_URL_" + service;
  std::transform(own.begin(), own.end(), own.begin(), [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  for (const auto& variable : {own, std::string("AWS_ENDPOINT_URL")}) {
    if (const auto value = environment(variable)) return {*value, variable};
  }
  if (const auto section = profiles.get(profiles.name, "services")) {
    if (const auto value = profiles.get("services " + *section, service + ".endpoint_url")) {
      return {*value, service + ".endpoint_url of [services " + *section + "] in " + profiles.config_path};
    }
  }
  const auto value = profiles.get(profiles.name, "endpoint_url");
  return value ? Named{*value, "endpoint_url of the profile '" + profiles.name + "'"} : Named{};
}

/// Where the host begins; npos: this is no URL of HTTP.
std::size_t host_at(std::string_view url) {
  const auto scheme = lower(url.substr(0, 8));
  return scheme == "https://" ? 8 : scheme.starts_with("http://") ? 7 : std::string_view::npos;
}

}  // namespace

Result<std::string> configured_region(const Environment& environment, const Profiles& profiles) {
  auto [region, where] = find_region(environment, profiles);
  if (region.empty() || can_be_region(region)) return region;
  return Fault{Fault::Kind::misuse, where + ": '" + region + "' is no region of AWS; give one such as eu-west-1"};
}

bool switched_on(const char* variable, const char* key, const Environment& environment, const Profiles& profiles) {
  auto value = environment(variable);
  if (!value) value = profiles.get(profiles.name, key);
  return value && lower(*value) == "true";
}

Result<std::string> configured_endpoint(const std::string& service, const Environment& environment, const Profiles& profiles) {
  if (switched_on("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls", environment, profiles)) return std::string();
  auto [url, where] = find_endpoint(service, environment, profiles);
  if (url.empty()) return std::string();
  const auto host = host_at(url);
  if (url.find('@') != url.npos)
    return Fault{Fault::Kind::misuse, where + ": an endpoint's URL must not hold a user or a password; leave out what stands before the '@'"};
  if (host == url.npos || url.find_first_of(" \t?#", host) != url.npos || host == url.size() || url[host] == '/') {
    return Fault{Fault::Kind::misuse, where + ": '" + url + "' is no endpoint; give a URL such as http://localhost:8000"};
  }
  while (url.ends_with('/')) url.pop_back();
  return std::move(url);
}

std::string regional_endpoint(const std::string& service, const std::string& region, const Environment& environment, const Profiles& profiles) {
  if (region.empty()) return {};
  if (region == "local" && service == "dynamodb") return "http://localhost:8000";
  const auto& partition = *std::find_if(kPartitions.begin(), kPartitions.end(), [&](const Partition& one) { return region.starts_with(one.prefix); });
  const bool dual = switched_on("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint", environment, profiles);
  const bool wants_fips = switched_on("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint", environment, profiles);
  const bool fips = wants_fips && (dual || partition.prefix != "us-gov-");  // there the usual endpoint is FIPS's
  return "https://" + service + (fips ? "-fips." : ".") + region + '.' + std::string(dual ? partition.dual_stack : partition.suffix);
}

std::string configured_ca_bundle(const Environment& environment, const Profiles& profiles) {
  auto bundle = environment("AWS_CA_BUNDLE");
  if (!bundle) bundle = profiles.get(profiles.name, "ca_bundle");
  return bundle ? expand_path(*bundle, environment) : std::string();
}

std::string host_of(const std::string& endpoint) {
  const auto begin = host_at(endpoint);
  if (begin == endpoint.npos) return endpoint;
  std::string_view host = std::string_view(endpoint).substr(begin);
  host = host.substr(0, host.find('/'));
  const std::string_view usual = begin == 8 ? ":443" : ":80";
  if (host.ends_with(usual)) host.remove_suffix(usual.size());
  return std::string(host);
}

}  // namespace cacherator::engine::dynamodb
