// The lead of one signature among processes: a range of bytes of the folder's lock file (docs/format.md). The kernel frees it when
// its process ends in any way.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "local/folder.hpp"

namespace cacherator::engine {

/// Not thread-safe. Losing the lock file, or a hash that two signatures share, costs a second computation at worst.
class FlightRange {
 public:
  FlightRange(std::shared_ptr<Folder> folder, std::string_view stem, std::string_view signature);
  /// Lets go of the range.
  ~FlightRange();
  FlightRange(const FlightRange&) = delete;
  FlightRange& operator=(const FlightRange&) = delete;

  /// False: another process has it. True: this one has it, or does without, where so many are held that the kernel would take
  /// longer over them than they are worth.
  bool take();
  /// Which leader of another process has it, as one tells it from the next one; 0: none.
  [[nodiscard]] std::uint64_t leader() const;

 private:
  const std::shared_ptr<Folder> folder_;
  const std::uint64_t offset_, length_;
  const std::uint32_t forks_;
  bool held_ = false;
};

}  // namespace cacherator::engine
