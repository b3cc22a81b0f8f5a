#include "memory.hpp"

#include <new>

#include <structmember.h>

namespace cacherator::python {

PyTypeObject* memory_type = nullptr;
std::uint64_t memory_generation = 1;

namespace {

PyObject* hidden_name() {
  static PyObject* const name = PyUnicode_InternFromString("_cacherator_state");
  return name;
}

Memory* as_memory(PyObject* object) { return reinterpret_cast<Memory*>(object); }

PyObject* make(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* object = type->tp_alloc(type, 0);
  if (!object) return nullptr;
  Memory* memory = as_memory(object);
  new (&memory->cache) std::shared_ptr<engine::Cache>();
  new (&memory->tables) decltype(memory->tables)();
  memory->ttl = 999;
  memory->state_due = {};
  return object;
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  for (const auto& [function, table] : as_memory(self)->tables) {
    Py_VISIT(function.get());
    if (const int done = table->traverse(visit, arg)) return done;
  }
  return 0;
}

int clear(PyObject* self) {
  ++memory_generation;
  auto tables = std::move(as_memory(self)->tables);
  as_memory(self)->tables.clear();
  return 0;
}

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  Memory* memory = as_memory(self);
  Py_CLEAR(memory->owner_ref);
  clear(self);
  memory->tables.~vector();
  memory->cache.~shared_ptr();
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* reduce(PyObject* self, PyObject*) { return Py_BuildValue("(O())", Py_TYPE(self)); }

PyObject* owner_died(PyObject*, PyObject*) {
  ++memory_generation;
  Py_RETURN_NONE;
}
PyMethodDef owner_died_method = {"owner_died", owner_died, METH_O, nullptr};

bool owned_by(const Memory* memory, PyObject* self) {
  return memory->owner == self && memory->owner_ref && lives(memory->owner_ref);  // the weak reference was made to `owner`
}

/// Makes `self` the owner; false where it cannot be weakly referenced (no error is set).
bool give_to(Memory* memory, PyObject* self) {
  static PyObject* const callback = PyCFunction_New(&owner_died_method, nullptr);
  PyObject* ref = PyWeakref_NewRef(self, callback);
  if (!ref) {
    PyErr_Clear();
    return false;
  }
  Py_XSETREF(memory->owner_ref, ref);
  memory->owner = self;
  ++memory_generation;
  return true;
}

PyMethodDef methods[] = {{"__reduce__", reduce, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(make)},
                       {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(clear)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_methods, methods},
                       {Py_tp_doc, const_cast<char*>("What an object remembers of its cached calls.")},
                       {0, nullptr}};
PyType_Spec spec = {"cacherator._native.Memory", sizeof(Memory), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

}  // namespace

Table* Memory::table_of(PyObject* function) const {
  for (const auto& [known, table] : tables) {
    if (known.get() == function) return table.get();
  }
  return nullptr;
}

Memory* new_memory() { return as_memory(make(memory_type, nullptr, nullptr)); }

Memory* memory_of(PyObject* self) {
  PyObject* const held = PyObject_GenericGetAttr(self, hidden_name());
  Memory* memory = nullptr;
  if (!held) {
    PyErr_Clear();
  } else {
    if (Py_TYPE(held) == memory_type) memory = as_memory(held);
    Py_DECREF(held);  // the object keeps it
  }
  if (memory && (owned_by(memory, self) || (!memory->owner && give_to(memory, self)))) return memory;
  // None yet, or one that came along with another object's __dict__: a new one.
  Memory* const made = new_memory();
  if (!made) return PyErr_Clear(), nullptr;
  if (memory) {
    made->keep_in(memory->cache);
    made->ttl = memory->ttl;
  }
  const bool ready = give_to(made, self) && PyObject_GenericSetAttr(self, hidden_name(), reinterpret_cast<PyObject*>(made)) == 0;
  PyErr_Clear();
  Py_DECREF(made);
  return ready ? made : nullptr;
}

bool add_memory_type(PyObject* module) {
  memory_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!memory_type) return false;
  Py_INCREF(memory_type);
  return PyModule_AddObject(module, "Memory", reinterpret_cast<PyObject*>(memory_type)) == 0;
}

}  // namespace cacherator::python
