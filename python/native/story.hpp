// One call of a cached function beyond the memory of its object: what sync and async calls have in common.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "anchors.hpp"
#include "cacherator/detail/text.hpp"
#include "function.hpp"

namespace cacherator::python {

/// A call that memory did not answer. Made with the GIL held; ask() and keep() release it while files are touched.
class Story {
 public:
  /// `arguments` are without the object. Null with an error set, or with none: nothing of this call can be remembered (or the
  /// function does not take it): call the function.
  static std::unique_ptr<Story> begin(FunctionObject* function, Memory* memory, Table* table, const Arguments& arguments);

  /// What memory, or the engine, has: a value (new reference) and `none` where neither; a Python error on a fault of ours.
  enum class Next { hit, wait, lead, error };
  Next ask(Ref& value);

  [[nodiscard]] engine::Wait& wait() { return *wait_; }
  /// After a wait ended: the next ask() may not wait for the same again without end.
  /// False: the leader's exception is set.
  bool waited();
  /// After a wait that may never end: this call computes for itself.
  void give_up_waiting();

  /// The lineage that code called from the computation carries.
  [[nodiscard]] const engine::LineagePtr& lineage() const { return lead_->lineage; }
  /// Keeps a computed value: files first, then memory, then those that wait.
  bool keep(PyObject* value);
  /// The function raised: those that wait get it.
  void fail(PyObject* exception);
  /// Cancelled: one of those that wait takes the lead.
  void abandon();

 private:
  Story() = default;
  bool try_memory(Ref& value);
  void alias(Known* known);
  bool take(const engine::Entry& entry, Ref& value);
  void remember(PyObject* value, engine::Time utc, const engine::Kept& kept, Status status);
  [[nodiscard]] double ttl() const;

  Ref function_, memory_;
  Table* table_ = nullptr;
  engine::Signature signature_;
  std::string old_signature_;
  Anchors anchors_;
  bool anonymous_ = false, recompute_ = false, alone_ = false, here_ = false, asked_ = false;
  std::uint64_t hash_ = 0;
  std::uint64_t generation_ = 0;      ///< of the store, before it was asked
  std::vector<Ref> argument_values_;  ///< kept only where the arguments are fast
  Ref argument_names_;
  Py_ssize_t positional_ = 0;
  bool fast_ = false;
  std::optional<engine::Wait> wait_;
  std::optional<engine::Lead> lead_;
};

/// The lineage of the running context, and a change of it that lasts for a scope.
engine::LineagePtr current_lineage();
/// Sets it; the token is given back to reset_lineage(). Null with an error.
PyObject* set_lineage(const engine::LineagePtr& lineage);
void reset_lineage(PyObject* token);

/// True while what is known may be returned; asks the store where it may have changed. May release the GIL.
bool still_holds(Memory* memory, Table* table, Known* known, engine::Time now);

/// Notes that a call of which nothing can be remembered was computed.
inline void count_unnamed(Memory* memory, Table* table) {
  memory->last = Status::miss;
  ++table->misses;
}

}  // namespace cacherator::python
