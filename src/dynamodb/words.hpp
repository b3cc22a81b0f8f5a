// Small work on texts of settings. Thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cacherator::engine::dynamodb {

/// Without white space at both ends (ASCII).
[[nodiscard]] std::string_view trimmed(std::string_view text);
/// ASCII letters in lower case.
[[nodiscard]] std::string lower(std::string_view text);
/// The words of a line as a POSIX shell takes them apart: quotes, backslashes, nothing else. Nothing: a quote is not closed.
[[nodiscard]] std::optional<std::vector<std::string>> split_words(std::string_view line);

}  // namespace cacherator::engine::dynamodb
