// JSONCache: the base class of what is cached.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cacherator/detail/cache.hpp"
#include "cacherator/options.hpp"

namespace cacherator {

namespace detail {
class Core;
}

struct Stats {
  std::uint64_t total_entries = 0;
  std::map<std::string, std::uint64_t> functions{};  ///< name -> entries
};

struct FunctionInfo {
  std::uint64_t hits_l1 = 0, hits_l2 = 0, misses = 0;  ///< of this object
};

/// engine::Info: entries, bytes, faults by kind, paths; and each function's hits and misses.
struct Info : engine::Info {
  std::map<std::string, FunctionInfo> functions{};
};

struct DbKeys {
  std::vector<std::string> keys{};
  std::optional<std::string> last_key{};
};

/// Derive from it, and give it Cached, CachedMethod and Persistent members. Objects of the same data_id and directory share one
/// cache: with each other, with other processes, and with Python's JSONCache. Everything may be called from any thread.
/// Faults of the files never throw: they are warnings (set_log_sink), and the calls are computed.
class JSONCache {
 public:
  /// The data_id is the class's name, found out at the first call.
  JSONCache();
  /// Throws std::invalid_argument where an option cannot be used.
  explicit JSONCache(Options options);
  virtual ~JSONCache();
  JSONCache(const JSONCache&) = delete;             // members point to their owner: hold by unique_ptr, deque or map
  JSONCache& operator=(const JSONCache&) = delete;  // members point to their owner: hold by unique_ptr, deque or map

  /// Saves Persistent members, and brings the document up to date. Waits a bounded time for another process that does the same.
  void json_cache_save();
  [[deprecated("json_cache_save() does all it did")]] void json_cache_save_db();
  /// Forgets all results; on disk when it returns.
  void json_cache_clear();
  /// Forgets the results of the function of exactly this name, or the one call of exactly this signature; "*": all.
  void json_cache_clear(std::string_view name);
  [[nodiscard]] Stats json_cache_stats() const;
  [[nodiscard]] Info json_cache_info() const;
  /// Caches stored in DynamoDB, a page at a time.
  [[nodiscard]] DbKeys json_cache_list_db_keys(std::size_t limit = 100, std::optional<std::string> last_key = {}) const;

  /// signature -> "l1", "l2" or "miss": for all that is stored, and for each call that this object made.
  [[nodiscard]] std::map<std::string, std::string> cache_status() const;
  /// Of this object's most recent cached call on this thread: "l1", "l2" or "miss"; nothing before the first one.
  /// With more than 256 threads alive at once it may be nothing later, too.
  [[nodiscard]] std::optional<std::string_view> last_cache_status() const;

  /// Warnings of all caches of this program; on by default.
  static void set_logging(bool enabled) noexcept;

  [[nodiscard]] std::string data_id() const;
  [[nodiscard]] const std::shared_ptr<detail::Core>& core() const noexcept { return core_; }

 private:
  std::shared_ptr<detail::Core> core_;
};

}  // namespace cacherator
