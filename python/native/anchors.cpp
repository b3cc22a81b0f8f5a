#include "anchors.hpp"

namespace cacherator::python {
namespace {

using Held = std::shared_ptr<std::weak_ptr<Known>>;

/// What is to be forgotten soon. An argument may die within a collection, where no other object may be touched.
std::vector<Held> dead;
bool scheduled = false;

int forget_dead(void*) {
  scheduled = false;
  std::vector<Held> now;
  now.swap(dead);
  for (const auto& held : now) {
    const auto known = held->lock();
    if (known && known->table) known->table->forget(known.get());
  }
  return 0;
}

PyObject* on_death(PyObject* capsule, PyObject*) {
  dead.push_back(*static_cast<Held*>(PyCapsule_GetPointer(capsule, nullptr)));
  if (!scheduled) scheduled = Py_AddPendingCall(forget_dead, nullptr) == 0;
  Py_RETURN_NONE;
}

PyMethodDef on_death_method = {"forget", on_death, METH_O, nullptr};

void free_held(PyObject* capsule) { delete static_cast<Held*>(PyCapsule_GetPointer(capsule, nullptr)); }

}  // namespace

bool Anchors::add(PyObject* argument) {
  const Ref capsule = Ref::take(PyCapsule_New(new Held(held_), nullptr, free_held));
  const Ref callback = Ref::take(capsule ? PyCFunction_New(&on_death_method, capsule.get()) : nullptr);
  Ref reference = Ref::take(callback ? PyWeakref_NewRef(argument, callback.get()) : nullptr);
  if (!reference) return PyErr_Clear(), false;
  references_.push_back(std::move(reference));
  return true;
}

void Anchors::hold(const std::shared_ptr<Known>& known) {
  *held_ = known;
  known->anchors = references_;
}

}  // namespace cacherator::python
