// What our settings and our chain of providers make of this process's environment, for chain_oracle.py: one JSON object.
#include <iostream>
#include <nlohmann/json.hpp>

#include "dynamodb/credentials.hpp"
#include "dynamodb/settings.hpp"

int main() {
  using namespace cacherator::engine::dynamodb;
  const auto environment = process_environment();
  const auto profiles = Profiles::read(environment);
  const auto settings = Settings::resolve("my-cache", environment, profiles);
  const auto found = fetch_credentials(environment, profiles);
  nlohmann::json out{{"config", profiles.config}, {"credentials", profiles.credentials}};
  if (settings) out["region"] = settings->region, out["endpoint"] = settings->endpoint;
  if (found) out["key_id"] = found->key_id, out["secret"] = found->secret, out["token"] = found->token;
  if (!found) out["fault"] = found.fault().message;
  std::cout << out.dump() << '\n';
}
