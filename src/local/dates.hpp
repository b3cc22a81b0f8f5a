// Dates as 1.2.9 writes them, in local time without a zone, and stamps. All is thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cacherator/detail/entry.hpp"

namespace cacherator::engine {

/// "2026-11-23T07:34:38.123456" in this machine's local time, always with six digits.
void append_local_date(std::string& out, Time utc);
/// Reads such a date, with one to six digits of fraction or none; a time that a clock change repeats is its first.
[[nodiscard]] std::optional<Time> parse_local_date(std::string_view text);
/// The first moment at which clocks somewhere showed what they show here at `utc` (zones reach to 14 hours ahead, and one is for clocks that are set in
/// spring): what was dated by another machine, in a zone that nobody knows, is no older.
[[nodiscard]] Time earliest_of_that_date(Time utc);
/// "20261123T073438Z", rounded down.
[[nodiscard]] std::string utc_stamp(Time utc);

}  // namespace cacherator::engine
