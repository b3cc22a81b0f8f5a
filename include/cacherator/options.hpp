// What a cache and a cached function may be told.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <ratio>
#include <string>

#include "cacherator/detail/cache.hpp"

namespace cacherator {

/// Days with a fraction: `.ttl = Days{0.25}`, `.ttl = 6h` and `.ttl = std::chrono::days{7}` all work.
using Days = std::chrono::duration<double, std::ratio<86400>>;

using engine::Durability;
using engine::Hits;

/// Among whom one computes, and the others wait.
enum class SingleFlight : std::uint8_t {
  machine,  ///< the threads, tasks and processes of this machine
  fleet,    ///< and all machines that share the dynamodb_table: costs a write for each computation
};

/// Of a JSONCache; names, order and defaults are those of the Python constructor.
struct Options {
  std::string data_id{};                          ///< UTF-8; empty: the class's name
  std::filesystem::path directory{"data/cache"};  ///< a relative one is resolved when the object is made
  bool clear_cache = false;                       ///< begin empty
  Days ttl{999};                                  ///< 0 or less: never a hit
  bool logging = true;                            ///< warnings of this object reach the log sink
  std::optional<std::string> dynamodb_table{};    ///< shared by machines over this table (docs/dynamodb.md)
  bool save_on_del = false;                       ///< the object's end writes its state into the table, too
  Durability durability = Durability::process;
  /// How long a call waits for another process that computes the same, or for a thread that waits for others; then it computes
  /// for itself. 0 or less: it neither waits for other processes nor do they wait for it, which saves two system calls a miss.
  std::chrono::nanoseconds single_flight_wait = std::chrono::minutes(1);
  SingleFlight single_flight = SingleFlight::machine;
  Hits hits = Hits::mapped;
  std::chrono::nanoseconds dynamodb_connect_timeout = std::chrono::seconds(1);  ///< of a table, those of the first object in the process count
  std::chrono::nanoseconds dynamodb_timeout = std::chrono::seconds(3);          ///< of one operation, with its retries
};

/// Of one cached function.
struct CallOptions {
  std::optional<Days> ttl{};  ///< default: the cache's
  bool clear_cache = false;   ///< the first call of each signature in this object computes
};

}  // namespace cacherator
