#include "dynamodb/settings.hpp"

#include <algorithm>
#include <string_view>
#include <vector>

#include "digest.hpp"
#include "dynamodb/endpoint.hpp"

namespace cacherator::engine::dynamodb {
namespace {

Fault misuse(const std::string& table, const char* what) {
  return {Fault::Kind::misuse, "dynamodb_table: '" + table + "' " + what + "; give a name such as my-cache, or a table's ARN"};
}

bool can_be_name(std::string_view name) {
  return name.size() >= 3 && name.size() <= 255 && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
         });
}

/// The region in "arn:aws:dynamodb:eu-west-1:123456789012:table/name"; empty: it is no table's ARN.
std::string region_in(std::string_view arn) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= arn.size() && parts.size() < 6;) {
    const auto end = parts.size() == 5 ? arn.size() : std::min(arn.find(':', at), arn.size());
    parts.push_back(arn.substr(at, end - at));
    at = end + 1;
  }
  constexpr std::string_view kTable = "table/";
  const bool whole = parts.size() == 6 && parts[0] == "arn" && parts[2] == "dynamodb" && parts[5].starts_with(kTable);
  if (!whole || parts[4].size() != 12 || parts[4].find_first_not_of("0123456789") != parts[4].npos || !can_be_name(parts[5].substr(kTable.size()))) return {};
  const bool plain = parts[3].find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == parts[3].npos;
  return plain ? std::string(parts[3]) : std::string();
}

}  // namespace

Result<Settings> Settings::resolve(const std::string& table, const Environment& environment, const Profiles& profiles) {
  Settings settings{.table = table};
  if (table.starts_with("arn:")) {
    settings.region = region_in(table);
    if (settings.region.empty()) return misuse(table, "is not the ARN of a table, such as arn:aws:dynamodb:eu-west-1:123456789012:table/my-cache");
  } else if (!can_be_name(table)) {
    return misuse(table, "cannot be a table's name: that is 3 to 255 characters of A-Z, a-z, 0-9, '_', '-' and '.'");
  }
  const auto own = configured_endpoint("dynamodb", environment, profiles);
  if (!own) return own.fault();
  if (settings.region.empty()) {
    const auto region = configured_region(environment, profiles);
    if (!region) return region.fault();
    settings.region = region->empty() && !own->empty() ? "us-east-1" : *region;
  }
  settings.endpoint = own->empty() ? regional_endpoint("dynamodb", settings.region, environment, profiles) : *own;
  settings.id = sha256_hex((own->empty() ? settings.region : *own) + '/' + table).substr(0, 8);
  if (settings.region == "local") settings.region = "us-east-1";
  settings.ca_bundle = configured_ca_bundle(environment, profiles);
  return settings;
}

}  // namespace cacherator::engine::dynamodb
