// A table of a server of the test's own, and the environment that leads to it; machines are folders.
#pragma once

#include <cacherator/cacherator.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "dynamodb/server.hpp"
#include "temporary_folder.hpp"

namespace cacherator {

class OverTable : public testing::Test {
 protected:
  void SetUp() override {
    server.start();
    std::vector<std::string> names;
    for (char** one = environ; *one; ++one) {
      const std::string_view name(*one, std::string_view(*one).find('='));
      if (name.starts_with("AWS_")) names.emplace_back(name);
    }
    for (const auto& name : names) ::unsetenv(name.c_str());
    const std::string url = server.url();
    for (const auto& [name, value] : {std::pair("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
                                      {"AWS_SECRET_ACCESS_KEY", "the-secret-key"},
                                      {"AWS_REGION", "eu-west-1"},
                                      {"AWS_EC2_METADATA_DISABLED", "true"},
                                      {"AWS_ENDPOINT_URL_DYNAMODB", url.c_str()},
                                      {"HOME", folder.path().c_str()}}) {
      ::setenv(name, value, 1);
    }
  }

  /// Of an object on the machine `name`.
  [[nodiscard]] Options on(const std::string& name) const { return {.data_id = "shared", .directory = folder / name, .dynamodb_table = "fleet"}; }

  const TemporaryFolder folder;
  Dynalite server{{"--createTableMs", "0"}};
};

/// What machines share: a function, and a variable.
struct Service : JSONCache {
  explicit Service(Options options) : JSONCache(std::move(options)) {}
  int computed = 0;
  Cached<int(int)> twice{this, "twice", [this](int x) {
                           ++computed;
                           return 2 * x;
                         }};
  Persistent<int> score{this, "score", 0};
};

}  // namespace cacherator
