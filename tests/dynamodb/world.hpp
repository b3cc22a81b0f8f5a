// An environment and shared files of a test's own: nothing of the machine's is seen.
#pragma once

#include <map>
#include <string>

#include "dynamodb/settings.hpp"
#include "temporary_folder.hpp"

namespace cacherator::engine::dynamodb {

struct World {
  World() { std::filesystem::create_directory(folder / ".aws"); }

  World& set(const std::string& name, const std::string& value) {
    variables[name] = value;
    return *this;
  }
  World& config(const std::string& text) {
    folder.write(".aws/config", text);
    return *this;
  }
  World& credentials(const std::string& text) {
    folder.write(".aws/credentials", text);
    return *this;
  }
  [[nodiscard]] Environment environment() const {
    return [all = variables](const std::string& name) -> std::optional<std::string> {
      const auto found = all.find(name);
      return found == all.end() || found->second.empty() ? std::nullopt : std::optional(found->second);
    };
  }
  [[nodiscard]] Profiles profiles() const { return Profiles::read(environment()); }

  TemporaryFolder folder;
  /// No service of the machine that runs the tests is asked, unless a test says so.
  std::map<std::string, std::string> variables{{"HOME", folder.str()}, {"AWS_EC2_METADATA_DISABLED", "true"}};
};

}  // namespace cacherator::engine::dynamodb
