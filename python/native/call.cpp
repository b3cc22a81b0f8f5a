// The call of a cached function: memory first, without any text; then the story.
#include <cmath>

#include "ready.hpp"
#include "story.hpp"

namespace cacherator::python {
namespace {

/// The attribute that leads to a function that never saw __set_name__ (below @property, @classmethod, @staticmethod).
PyObject* find_in_class(PyTypeObject* type, PyObject* name) {
  PyObject* const mro = type->tp_mro;
  for (Py_ssize_t i = 0; mro && i < PyTuple_GET_SIZE(mro); ++i) {
    const Ref dict = Ref::take(PyObject_GetAttrString(PyTuple_GET_ITEM(mro, i), "__dict__"));
    const Ref found = dict ? Ref::take(PyObject_GetItem(dict.get(), name)) : Ref();
    if (found) return Ref(found).get();  // the class keeps it
    PyErr_Clear();
  }
  return nullptr;
}

Kind kind_of(FunctionObject* f, PyObject* const* args, Py_ssize_t count) {
  const Ref qualname = Ref::take(PyObject_GetAttrString(f->wrapped, "__qualname__"));
  const Ref name = Ref::take(PyObject_GetAttrString(f->wrapped, "__name__"));
  if (!qualname || !name) return PyErr_Clear(), Kind::plain;
  const auto text = utf8_of(qualname.get());
  const auto dot = text.rfind('.');
  if (count == 0 || dot == std::string_view::npos || text.substr(0, dot).ends_with("<locals>")) return Kind::plain;
  const bool is_class = PyType_Check(args[0]);
  PyObject* const found = find_in_class(is_class ? reinterpret_cast<PyTypeObject*>(args[0]) : Py_TYPE(args[0]), name.get());
  if (!found || Py_TYPE(found) == &PyStaticMethod_Type) return Kind::plain;
  if (Py_TYPE(found) == &PyClassMethod_Type) return is_class ? Kind::of_class : Kind::plain;
  return is_class ? Kind::plain : Kind::method;
}

/// The memory a call asks; null without an error: none can be had.
Memory* memory_for(FunctionObject* f, PyObject* first) {
  if (f->kind == Kind::method) {
    Memory* memory = memory_of(first);
    if (memory && !memory->cache) {
      PyObject* const open = imported("cacherator._core", "open_for_object");
      const Ref done = open ? Ref::take(PyObject_CallFunctionObjArgs(open, first, memory, nullptr)) : Ref();
      if (!done) return nullptr;
    }
    return memory;
  }
  Ref& holder = f->kind == Kind::plain ? f->own_memory : f->class_memories;
  if (f->kind == Kind::of_class) {
    if (!holder) holder = Ref::take(PyDict_New());
    if (PyObject* held = holder ? PyDict_GetItemWithError(holder.get(), first) : nullptr) return reinterpret_cast<Memory*>(held);
    if (PyErr_Occurred()) return nullptr;
  } else if (holder) {
    return reinterpret_cast<Memory*>(holder.get());
  }
  Ref made = Ref::take(reinterpret_cast<PyObject*>(new_memory()));
  PyObject* const open = imported("cacherator._core", "open_for_function");
  const Ref done = made && open ? Ref::take(PyObject_CallFunctionObjArgs(open, f, f->kind == Kind::of_class ? first : Py_None, made.get(), nullptr)) : Ref();
  if (!done) return nullptr;
  auto* memory = reinterpret_cast<Memory*>(made.get());
  if (f->kind == Kind::plain) {
    holder = std::move(made);
  } else if (PyDict_SetItem(holder.get(), first, made.get()) < 0) {
    return nullptr;
  }
  return memory;
}

/// "f", or "Base.f" where the object's class means another function by that name.
std::string signature_name(FunctionObject* f, PyObject* first) {
  if (f->kind != Kind::method || !f->owner) return f->name;
  const Ref name = Ref::take(PyUnicode_FromString(f->name.c_str()));
  PyObject* const found = name ? find_in_class(Py_TYPE(first), name.get()) : nullptr;
  if (!found || found == reinterpret_cast<PyObject*>(f)) return f->name;
  return std::string(reinterpret_cast<PyTypeObject*>(f->owner)->tp_name) + "." + f->name;
}

}  // namespace

bool find_table(FunctionObject* f, PyObject* first, Memory*& memory, Table*& table) {
  if (!f->parameters) {
    f->parameters = Parameters::of(f->wrapped, f->kind != Kind::plain);
    if (!f->parameters) return false;
  }
  memory = memory_for(f, first);
  if (!memory) return false;
  table = memory->table_of(reinterpret_cast<PyObject*>(f));
  if (!table) {
    memory->tables.emplace_back(Ref::share(reinterpret_cast<PyObject*>(f)), std::make_unique<Table>(signature_name(f, first)));
    table = memory->tables.back().second.get();
  }
  f->last_self = first;
  f->last_generation = memory_generation;
  f->last_memory = memory;
  f->last_table = table;
  return true;
}

namespace {

/// Waits without the GIL, in slices: signals are heard. False: a Python error is set.
bool wait_for(engine::Wait& wait) {
  for (;;) {
    const auto end = without_gil([&] { return wait.flight().wait_for(std::chrono::milliseconds(50)); });
    if (end) return true;
    if (PyErr_CheckSignals() < 0) return false;
  }
}

PyObject* compute(FunctionObject* f, Story& story, PyObject* const* args, size_t count, PyObject* names) {
  PyObject* const token = set_lineage(story.lineage());
  if (!token) return nullptr;
  PyObject* const value = PyObject_Vectorcall(f->wrapped, args, count, names);
  if (value) {
    reset_lineage(token);
    if (story.keep(value)) return value;
    Py_DECREF(value);
    return nullptr;
  }
  PyObject *type, *exception, *traceback;
  PyErr_Fetch(&type, &exception, &traceback);
  PyErr_NormalizeException(&type, &exception, &traceback);
  if (traceback) PyException_SetTraceback(exception, traceback);
  reset_lineage(token);
  // An interrupt or an exit is this thread's alone: one of those that wait takes the lead.
  if (PyErr_GivenExceptionMatches(exception, PyExc_Exception)) {
    story.fail(exception);
  } else {
    story.abandon();
  }
  PyErr_Restore(type, exception, traceback);
  return nullptr;
}

PyObject* call_story(FunctionObject* f, Memory* memory, Table* table, const Arguments& arguments, PyObject* const* args, size_t count) {
  const Ref keep_memory = Ref::share(reinterpret_cast<PyObject*>(memory));
  const auto story = Story::begin(f, memory, table, arguments);
  if (!story) return PyErr_Occurred() ? nullptr : PyObject_Vectorcall(f->wrapped, args, count, arguments.names);
  for (;;) {
    Ref value;
    switch (story->ask(value)) {
      case Story::Next::hit: return value.release();
      case Story::Next::error: return nullptr;
      case Story::Next::lead: return compute(f, *story, args, count, arguments.names);
      case Story::Next::wait: break;
    }
    if (!wait_for(story->wait()) || !story->waited()) return nullptr;
  }
}

/// An async call that memory does not answer: a real coroutine, which looks again when it is awaited.
PyObject* call_async(FunctionObject* f, PyObject* const* args, Py_ssize_t count, PyObject* names) {
  PyObject* const miss = imported("cacherator._async", "call");
  if (!miss) return nullptr;
  const Ref positional = Ref::take(PyTuple_New(count));
  const Ref keywords = Ref::take(PyDict_New());
  if (!positional || !keywords) return nullptr;
  for (Py_ssize_t i = 0; i < count; ++i) {
    Py_INCREF(args[i]);
    PyTuple_SET_ITEM(positional.get(), i, args[i]);
  }
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names); ++i) {
    if (PyDict_SetItem(keywords.get(), PyTuple_GET_ITEM(names, i), args[count + i]) < 0) return nullptr;
  }
  return PyObject_CallFunctionObjArgs(miss, f, positional.get(), keywords.get(), nullptr);
}

}  // namespace

PyObject* call_cached(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* names) {
  FunctionObject* const f = as_function(function);
  const Py_ssize_t count = PyVectorcall_NARGS(nargsf);
  if (f->kind == Kind::unknown) f->kind = kind_of(f, args, count);
  const Py_ssize_t skipped = f->kind == Kind::plain ? 0 : 1;
  if (count < skipped) return PyObject_Vectorcall(f->wrapped, args, nargsf, names);

  PyObject* const first = skipped ? args[0] : nullptr;
  Memory* memory = f->last_memory;
  Table* table = f->last_table;
  const bool same_object = first == f->last_self && f->last_generation == memory_generation;
  if (!same_object && !find_table(f, first, memory, table)) {
    return PyErr_Occurred() ? nullptr : PyObject_Vectorcall(f->wrapped, args, nargsf, names);
  }
  const Arguments arguments{args + skipped, count - skipped, names};
  std::uint64_t hash;
  bool fast;
  if (Known* known = f->clear_cache || f->key ? nullptr : table->find(arguments, hash, fast)) {
    const engine::Time now = engine::now();
    const engine::Freshness* const fresh = memory->fresh;
    const bool holds = now < known->expires && fresh && known->anchors.empty() &&
                       known->generation == fresh->generation.load(std::memory_order_acquire) && fresh->current(now);
    // Looking closer releases the GIL: a clear in another thread may take the call, or the object, away meanwhile.
    const Ref keep_memory = holds ? Ref() : Ref::share(reinterpret_cast<PyObject*>(memory));
    const auto keep_known = holds ? nullptr : known->shared_from_this();
    if (holds || still_holds(memory, table, known, now)) {
      known->status = memory->last = Status::l1;
      ++table->hits_l1;
      PyObject* const value = known->value.get();
      if (f->is_async) return ready(value, function);
      Py_INCREF(value);
      return value;
    }
  }
  if (f->is_async) return call_async(f, args, count, names);
  return call_story(f, memory, table, arguments, args, nargsf & ~PY_VECTORCALL_ARGUMENTS_OFFSET);
}

}  // namespace cacherator::python
