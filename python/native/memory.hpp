// What an object carries under a hidden name in its __dict__: its tables, its cache, its settings.
#pragma once

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "table.hpp"

namespace cacherator::python {

class Function;

/// The Python object `Memory`. The GIL guards it. Copies and pickles of it are empty ones.
struct Memory {
  PyObject_HEAD
  PyObject* owner;                                             ///< borrowed; whose it is
  PyObject* owner_ref;                                         ///< weak reference to the owner, or null
  std::shared_ptr<engine::Cache> cache;                        ///< null: memory only (a class that is no JSONCache)
  const engine::Freshness* fresh;                              ///< the cache's; null with it
  double ttl;                                                  ///< days, of the class
  Status last;                                                 ///< of the most recent call
  std::chrono::steady_clock::time_point state_due;             ///< when a miss may look at the owner's variables again
  std::vector<std::pair<Ref, std::unique_ptr<Table>>> tables;  ///< by function

  void keep_in(std::shared_ptr<engine::Cache> kept) {
    cache = std::move(kept);
    fresh = cache ? &cache->freshness() : nullptr;
  }
  /// The table of a function; null: none yet.
  [[nodiscard]] Table* table_of(PyObject* function) const;
};

extern PyTypeObject* memory_type;

/// Raised whenever a memory dies or changes hands: what is remembered about memories by address holds only for one value.
extern std::uint64_t memory_generation;

/// The memory of `self`: what its __dict__ holds, or a new one. Null, without an error: `self` can hold none.
Memory* memory_of(PyObject* self);
/// One that belongs to nobody in particular (a function's).
Memory* new_memory();

/// Adds the type to the module; false: a Python error is set.
bool add_memory_type(PyObject* module);

}  // namespace cacherator::python
