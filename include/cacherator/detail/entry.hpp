// What the engine moves: entries, calls, state variables. Bytes only; no language's values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace cacherator::engine {

/// Nanoseconds since 1970-01-01 UTC. Files keep microseconds.
using Time = std::int64_t;
inline constexpr Time kSecond = 1'000'000'000;
inline constexpr double kDay = 86400e9;  ///< nanoseconds

/// Where an answer came from. Memory and local files are both "l1", as in the specification.
enum class LayerName : std::uint8_t { none, l1, l2 };

/// Bytes of one value as JSON that are written (docs/format.md, "Limits"). A larger one stays in memory.
inline constexpr std::size_t kMaxValue = std::size_t{256} << 20;

/// One remembered call as a layer has it; the ttl is not yet judged.
struct Entry {
  std::string_view value{};            ///< JSON text (UTF-8); valid while `hold` lives
  std::shared_ptr<const void> hold{};  ///< keeps the bytes behind `value` and `digest`
  std::string_view digest{};           ///< SHA-256 (64 hex digits) of a signature that was shortened, else empty
  Time utc = 0;                        ///< when it was computed
  double ttl = 0;                      ///< days, as in force when it was written; NaN: not known (incumbent)
  std::uint64_t under = 0;             ///< clear number under which it was computed
  std::uint64_t serial = 0;            ///< unique in this process: the same serial is the same value
  bool plain = false;                  ///< written by the incumbent: the value stands as it is, without tags
  std::string_view tokens{};           ///< of the second layer's table, as they were before it was computed; empty: not known
  std::string_view in{};               ///< id of the table that has it; empty: none is known to
  LayerName layer = LayerName::l1;
};

/// One variable of an object's state.
struct Variable {
  std::string name{};
  std::string value{};  ///< JSON text
  Time utc = 0;         ///< when it was saved
  bool plain = false;   ///< written by the incumbent: no tags
  bool gone = false;    ///< on saving: the variable was deleted
};

/// True while an entry may be returned: it is within `ttl_days` and not dated over a day ahead.
/// A ttl of 0 or less, or NaN, is never fresh.
[[nodiscard]] inline bool in_time(Time utc, double ttl_days, Time now) noexcept {
  const double age = static_cast<double>(now) - static_cast<double>(utc);  // as doubles: their difference may not fit in a Time
  return age < ttl_days * kDay && -age <= kDay;
}

/// The moment up to which an entry dated `utc` may be returned under `ttl_days`; saturates, never overflows.
[[nodiscard]] inline Time expiry(Time utc, double ttl_days) noexcept {
  const double at = static_cast<double>(utc) + ttl_days * kDay;
  if (!(ttl_days > 0)) return INT64_MIN;
  return at >= 9.2e18 ? INT64_MAX : static_cast<Time>(at);
}

/// The function's name in a signature: all before the first '('.
[[nodiscard]] inline std::string_view function_of(std::string_view signature) noexcept { return signature.substr(0, signature.find('(')); }

}  // namespace cacherator::engine
