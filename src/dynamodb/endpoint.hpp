// Regions and endpoints of AWS's services, for DynamoDB and for STS. Thread-safe.
#pragma once

#include <string>

#include "cacherator/detail/result.hpp"
#include "dynamodb/settings.hpp"

namespace cacherator::engine::dynamodb {

/// AWS_REGION, AWS_DEFAULT_REGION, the profile's; empty: nowhere named. Faults (misuse): a text that can be no region.
[[nodiscard]] Result<std::string> configured_region(const Environment& environment, const Profiles& profiles);

/// The user's own endpoint of a service ("dynamodb", "sts"), in botocore's order: the service's variable, the general one, the profile's
/// "services" section, the profile's endpoint_url; without a slash at its end. Empty: there is none, or they are to be ignored.
/// Faults (misuse): one that is no URL of http or https, or holds a password.
[[nodiscard]] Result<std::string> configured_endpoint(const std::string& service, const Environment& environment, const Profiles& profiles);

/// AWS's own endpoint, as botocore's rules of each partition say, with FIPS and dual stack where those are wanted.
[[nodiscard]] std::string regional_endpoint(const std::string& service, const std::string& region, const Environment& environment, const Profiles& profiles);

/// "https://host:8000/x" gives "host:8000"; a port that is the scheme's own is left out, as HTTP clients do.
[[nodiscard]] std::string host_of(const std::string& endpoint);

/// AWS_CA_BUNDLE, the profile's; empty: the system's certificates.
[[nodiscard]] std::string configured_ca_bundle(const Environment& environment, const Profiles& profiles);

/// A switch that a variable, else the profile sets: "true" in any case.
[[nodiscard]] bool switched_on(const char* variable, const char* key, const Environment& environment, const Profiles& profiles);

}  // namespace cacherator::engine::dynamodb
