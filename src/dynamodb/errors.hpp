// What a server's refusals mean, and how they are told to people. Pure.
#pragma once

#include <string>
#include <string_view>

#include "dynamodb/json.hpp"
#include "dynamodb/settings.hpp"
#include "dynamodb/table.hpp"

namespace cacherator::engine::dynamodb {

/// What to make of a refusal.
enum class Meaning : std::uint8_t {
  trouble,      ///< of the server or of what lies between: the same may succeed in a moment
  unreachable,  ///< whatever answers there, it is not DynamoDB: it will not get better in a moment
  expired,      ///< the credentials are no longer, or not yet, known
  skewed,       ///< perhaps only our clock is wrong
  denied,       ///< credentials or permissions
  no_table,
  in_use,  ///< the table is being made, changed or removed
  condition,
  too_large,
  invalid,
};
[[nodiscard]] Meaning meaning_of(int status, const Refusal& refusal);

/// The failure that remains of a refusal: names table, operation ("PutItem"), what the server said, and the remedy.
[[nodiscard]] Failure failure_of(Meaning meaning, const Refusal& refusal, std::string_view operation, const Settings& settings);

/// "the table 'x' at https://… cannot be reached: <why>"
[[nodiscard]] Failure unreachable(const Settings& settings, std::string_view why);

/// "the table 'x'"
[[nodiscard]] std::string table_of(const Settings& settings);

}  // namespace cacherator::engine::dynamodb
