// The memory of one object: for each cached function a table of the calls it knows. No text is built to find one.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <memory>
#include <string>
#include <vector>

#include "cacherator/detail/cache.hpp"
#include "parameters.hpp"
#include "python.hpp"

namespace cacherator::python {

enum class Status : std::uint8_t { none, l1, l2, miss };
[[nodiscard]] const char* name_of(Status status);

/// One remembered call. Shared: a clear may take it from the table while a call that released the GIL looks at it.
struct Known : std::enable_shared_from_this<Known> {
  std::string signature;
  std::string digest;
  Ref value;
  engine::Time utc = 0, expires = 0;
  std::uint64_t generation = 0;  ///< of the store, when it was last found to hold
  std::uint64_t serial = 0;      ///< 0: memory alone holds it
  std::uint64_t under = 0;       ///< clear number, for what memory alone holds
  Status status = Status::none;  ///< of the last call
  std::vector<Ref> anchors;      ///< weak references to arguments that only their address names
  class Table* table = nullptr;  ///< that holds it; null: none any more
  bool aliased = false;          ///< some arguments lead here without a text
};

/// The calls of one function on one object. The GIL guards it.
class Table {
 public:
  explicit Table(std::string name) : name_(std::move(name)) {}
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;

  /// The function's name in signatures: "f", or "Base.f" where another method overrides it.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// By the arguments as they are: exact int, str, bool, bytes, None, float and tuples of them. Null: not known so, or some
  /// argument is of another type (`fast` is false then).
  Known* find(const Arguments& arguments, std::uint64_t& hash, bool& fast);
  Known* find(std::string_view signature);
  /// Remembers a call, in place of one of the same signature. The value that goes may clear the table as it does.
  std::shared_ptr<Known> remember(std::shared_ptr<Known> known);
  /// These arguments mean this call, if it is still here (once find() has told their hash and that they are fast).
  void alias(const Arguments& arguments, std::uint64_t hash, Known* known);
  void forget(Known* known);
  void clear();

  [[nodiscard]] const auto& calls() const { return calls_; }
  int traverse(visitproc visit, void* arg) const;

  std::uint64_t hits_l1 = 0, hits_l2 = 0, misses = 0;

 private:
  struct Key {
    std::uint64_t hash;
    Known* known;
    PyObject* names;  ///< owned; null: none
    Py_ssize_t positional, count;
    PyObject* values[1];  ///< `count` of them, owned
  };
  static bool same(const Key& key, const Arguments& arguments);
  static void free(Key* key);
  void grow();

  std::string name_;
  std::vector<Key*> keys_;  ///< open addressing; empty or a power of two
  std::size_t used_ = 0;
  boost::unordered_flat_map<std::string_view, std::shared_ptr<Known>> calls_;  // keys view Known::signature
};

}  // namespace cacherator::python
