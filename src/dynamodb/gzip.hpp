// gzip, as values of items are packed (docs/format.md, section 5). Thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "cacherator/detail/result.hpp"

namespace cacherator::engine::dynamodb {

/// Nothing: it would be longer than `limit` bytes, which is noticed as soon as it is.
[[nodiscard]] std::optional<std::string> gzip(std::string_view text, std::size_t limit);
/// Faults: `damage` (no gzip, or cut off), `limit` (more than `limit` bytes come out; no more than that is ever held).
[[nodiscard]] Result<std::string> gunzip(std::string_view packed, std::size_t limit);

}  // namespace cacherator::engine::dynamodb
