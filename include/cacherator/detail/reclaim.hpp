// Readers without locks: when may what was taken out of a table be freed? When no reader is inside that entered before.
// Epoch-based reclamation (K. Fraser, "Practical lock-freedom", 2004), with one global era and a record for each thread.
#pragma once

#include <atomic>
#include <cstdint>

namespace cacherator::detail {

/// One thread's record. Only its thread writes it, but for a forked child, which empties all.
struct alignas(64) Reader {
  std::atomic<std::uint64_t> inside{0};  ///< 0: outside; else the era when it entered
  std::uint32_t slot = 0;                ///< small and unique among the living threads
  std::uint32_t mark = 0;                ///< unique among all threads of the process (of 2^30), shifted left by two
  std::atomic<bool> taken{true};
  Reader* next = nullptr;
};

extern constinit thread_local Reader* own_reader;
extern std::atomic<std::uint64_t> era;

/// Gives this thread a record; it is given back when the thread ends.
Reader& new_reader();

[[nodiscard]] inline Reader& reader() {
  Reader* const known = own_reader;
  return known ? *known : new_reader();
}

/// While it lives, nothing that this thread finds in a table is freed. Covers a reference count or a trivial copy only: never
/// a user's code, never a wait. Does not nest.
class Section {
 public:
  explicit Section(Reader& reader) noexcept : reader_(reader) {
    // Sequentially consistent: what is read next is read after other threads can see that we are inside.
    reader_.inside.store(era.load(std::memory_order_acquire), std::memory_order_seq_cst);
  }
  ~Section() { reader_.inside.store(0, std::memory_order_release); }
  Section(const Section&) = delete;
  Section& operator=(const Section&) = delete;

 private:
  Reader& reader_;
};

/// To be called after something was taken out: it may be freed once oldest_inside() exceeds the answer.
[[nodiscard]] std::uint64_t retire() noexcept;
/// The lowest era of all readers that are inside; the greatest number if none is.
[[nodiscard]] std::uint64_t oldest_inside() noexcept;

}  // namespace cacherator::detail
