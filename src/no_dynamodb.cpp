// In place of src/dynamodb/, in a build without it (-DCACHERATOR_DYNAMODB=OFF).
#include "layer.hpp"

namespace cacherator::engine {

Result<std::shared_ptr<Layer>> open_layer(const std::shared_ptr<Store>&, const CacheOptions& options) {
  return Fault{Fault::Kind::misuse,
               "dynamodb_table: '" + options.dynamodb_table +
                   "' cannot be used: cacherator was built without DynamoDB here; build it with -DCACHERATOR_DYNAMODB=ON, or leave the option out"};
}

void set_credentials_program(std::vector<std::string>, std::string) {}

void flush_layers(std::chrono::nanoseconds) {}

}  // namespace cacherator::engine
