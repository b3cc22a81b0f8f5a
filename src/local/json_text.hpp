// Small pieces of JSON text that the files are made of.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cacherator/detail/entry.hpp"
#include "cacherator/detail/text.hpp"
#include "local/record.hpp"

namespace cacherator::engine {

/// A JSON value without line breaks between its tokens: as it is, or with the white space outside its strings left out.
void append_one_line(std::string& out, std::string_view json);
/// Seconds since 1970 with six digits of fraction.
void append_seconds(std::string& out, Time utc);
/// A number of days, shortest; whole numbers without ".0".
void append_days(std::string& out, double days);
void append_number(std::string& out, std::uint64_t number);
/// "born", "of" and "pending" of a table, what is empty left out: members without their braces; true where there are any.
bool append_table(std::string& out, const TableTokens& tokens, const PendingClears& pending, std::string_view separator);
void append_cleared(std::string& out, const ClearedMap& cleared, std::string_view separator);

/// Nanoseconds (to the microsecond) from seconds; absent where they are not a sensible date.
[[nodiscard]] std::optional<Time> time_of(double seconds);

}  // namespace cacherator::engine
