// Files of the user's that are read whole: settings, credentials, tokens.
#pragma once

#include <optional>
#include <string>

#include "dynamodb/settings.hpp"

namespace cacherator::engine::dynamodb {

/// A path as a user writes it: "~" and "$HOME" are those of `environment`.
[[nodiscard]] std::string expand_path(const std::string& path, const Environment& environment);
/// Nothing where it cannot be read, is no regular file, or is larger than a mebibyte.
[[nodiscard]] std::optional<std::string> read_small_file(const std::string& path);

}  // namespace cacherator::engine::dynamodb
