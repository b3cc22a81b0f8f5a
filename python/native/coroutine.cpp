#include "coroutine.hpp"

#include <algorithm>

#include "function.hpp"

namespace cacherator::python {
namespace {

constexpr Py_ssize_t kInside = 6;

/// Not begun, it holds the arguments; begun, and memory did not answer, a plain coroutine, to which all is passed on.
struct Coroutine {
  PyObject_HEAD
  PyObject* function;  ///< the CachedFunction
  PyObject* inner;     ///< the coroutine of a miss
  PyObject* stop;      ///< the StopIteration that carried the value, to be used again
  PyObject* names;
  Py_ssize_t positional, count;
  PyObject** args;  ///< `inside`, or memory of its own
  PyObject* inside[kInside];
  bool begun;
};

PyTypeObject* coroutine_type = nullptr;
constexpr int kSpare = 64;
Coroutine* spare[kSpare];  ///< freed ones, to be used again
int spares = 0;

Coroutine* as_coroutine(PyObject* object) { return reinterpret_cast<Coroutine*>(object); }

void drop_arguments(Coroutine* c) {
  PyObject** const args = std::exchange(c->args, nullptr);
  const Py_ssize_t count = std::exchange(c->count, 0);
  Py_CLEAR(c->names);
  for (Py_ssize_t i = 0; i < count; ++i) Py_DECREF(args[i]);
  if (args && args != c->inside) PyMem_Free(args);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  Coroutine* c = as_coroutine(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(c->function);
  Py_VISIT(c->inner);
  for (Py_ssize_t i = 0; i < c->count; ++i) Py_VISIT(c->args[i]);
  return 0;
}

int clear(PyObject* self) {
  Coroutine* c = as_coroutine(self);
  drop_arguments(c);
  Py_CLEAR(c->inner);
  Py_CLEAR(c->function);
  return 0;
}

PyObject* get_name(PyObject* self, void*) {
  PyObject* const function = as_coroutine(self)->function;
  if (!function) return PyUnicode_FromString("?");
  return PyObject_GetAttrString(function, "__qualname__");
}

/// A mistake that must not show on the first call only: hit or miss, it warns.
void finalize(PyObject* self) {
  Coroutine* c = as_coroutine(self);
  if (c->begun || !c->function) return;
  c->begun = true;
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  const Ref name = Ref::take(get_name(self, nullptr));
  if (!name || PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%S' was never awaited", name.get()) < 0) PyErr_WriteUnraisable(self);
  PyErr_Restore(type, value, traceback);
}

#if PY_VERSION_HEX >= 0x030C0000
PyObject* spare_stop[kSpare];
int spare_stops = 0;

/// Nobody else has seen it: its value is taken out and it serves the next.
void recycle_stop(PyObject* stop) {
  auto* fields = reinterpret_cast<PyStopIterationObject*>(stop);
  if (Py_REFCNT(stop) == 1 && spare_stops < kSpare && !fields->traceback && !fields->context && !fields->cause && !fields->dict) {
    Py_CLEAR(fields->value);
    spare_stop[spare_stops++] = stop;
  } else {
    Py_DECREF(stop);
  }
}

PyObject* stop_with(Coroutine* c, PyObject* value) {
  PyObject* const stop = spare_stops > 0 ? spare_stop[--spare_stops] : PyObject_CallNoArgs(PyExc_StopIteration);
  if (!stop) return Py_DECREF(value), nullptr;
  Py_XSETREF(reinterpret_cast<PyStopIterationObject*>(stop)->value, value);
  c->stop = Py_NewRef(stop);
  PyErr_SetRaisedException(stop);
  return nullptr;
}
#else
void recycle_stop(PyObject* stop) { Py_DECREF(stop); }

PyObject* stop_with(Coroutine*, PyObject* value) {
  const Ref held = Ref::take(value);
  // A tuple or an exception given as it is would be unpacked, or taken for the exception itself.
  const Ref stop = Ref::take(PyObject_CallOneArg(PyExc_StopIteration, value));
  if (stop) PyErr_SetObject(PyExc_StopIteration, stop.get());
  return nullptr;
}
#endif

void dealloc(PyObject* self) {
  Coroutine* c = as_coroutine(self);
  if (!c->begun && PyObject_CallFinalizerFromDealloc(self) < 0) return;
  PyObject_GC_UnTrack(self);
  clear(self);
  if (PyObject* const stop = std::exchange(c->stop, nullptr)) recycle_stop(stop);
  if (spares < kSpare && !PyObject_GC_IsFinalized(self)) {  // one that was finalised, perhaps by the collector, would never be again
    spare[spares++] = c;
    return;
  }
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

/// The first step. 1: `value` is what memory has; 0: the plain coroutine goes on with it; -1: an error.
int begin(Coroutine* c, PyObject*& value) {
  if (c->begun) {
    if (c->inner) return 0;
    PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
    return -1;
  }
  c->begun = true;
  const bool sure = find_in_memory(c->function, c->args, c->positional, c->names, value);
  if (sure && !value) c->inner = call_async(c->function, c->args, c->positional, c->names);
  drop_arguments(c);
  return value ? 1 : c->inner ? 0 : -1;
}

PyObject* next(PyObject* self) {
  Coroutine* c = as_coroutine(self);
  PyObject* value = nullptr;
  const int how = begin(c, value);
  if (how == 1) return stop_with(c, value);
  return how == 0 ? PyObject_CallMethod(c->inner, "send", "O", Py_None) : nullptr;
}

PyObject* send(PyObject* self, PyObject* sent) {
  Coroutine* c = as_coroutine(self);
  if (!c->begun && sent != Py_None) {
    PyErr_SetString(PyExc_TypeError, "can't send non-None value to a just-started coroutine");
    return nullptr;
  }
  return c->inner ? PyObject_CallMethod(c->inner, "send", "O", sent) : next(self);
}

#if PY_VERSION_HEX >= 0x030A0000
PySendResult am_send(PyObject* self, PyObject* sent, PyObject** result) {
  Coroutine* c = as_coroutine(self);
  PyObject* value = nullptr;
  const int how = begin(c, value);
  *result = value;
  if (how == 0) return PyIter_Send(c->inner, sent, result);
  return how == 1 ? PYGEN_RETURN : PYGEN_ERROR;
}
#endif

/// Ends it where it has not begun, or hit.
void end(Coroutine* c) {
  c->begun = true;
  drop_arguments(c);
}

PyObject* throw_into(PyObject* self, PyObject* args) {
  Coroutine* c = as_coroutine(self);
  if (c->inner) {
    const Ref method = Ref::take(PyObject_GetAttrString(c->inner, "throw"));
    return method ? PyObject_CallObject(method.get(), args) : nullptr;
  }
  PyObject *type, *value = nullptr, *traceback = nullptr;
  if (!PyArg_ParseTuple(args, "O|OO", &type, &value, &traceback)) return nullptr;
  end(c);
  if (PyExceptionInstance_Check(type)) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(type)), type);
  } else {
    PyErr_SetObject(type, value);
  }
  return nullptr;
}

PyObject* close(PyObject* self, PyObject*) {
  Coroutine* c = as_coroutine(self);
  if (c->inner) return PyObject_CallMethod(c->inner, "close", nullptr);
  end(c);
  Py_RETURN_NONE;
}

PyObject* await_it(PyObject* self) {
  Py_INCREF(self);
  return self;
}

/// What the plain coroutine says of itself; else what a finished one would.
PyObject* get_state(PyObject* self, void* name) {
  if (PyObject* const inner = as_coroutine(self)->inner) return PyObject_GetAttrString(inner, static_cast<const char*>(name));
  if (std::string_view(static_cast<const char*>(name)) == "cr_running") Py_RETURN_FALSE;
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"send", send, METH_O, nullptr}, {"throw", throw_into, METH_VARARGS, nullptr}, {"close", close, METH_NOARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
#define STATE(name) \
  { name, get_state, nullptr, nullptr, const_cast<char*>(name) }
PyGetSetDef properties[] = {STATE("cr_frame"),
                            STATE("cr_await"),
                            STATE("cr_code"),
                            STATE("cr_running"),
                            {"__name__", get_name, nullptr, nullptr, nullptr},
                            {"__qualname__", get_name, nullptr, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};
#undef STATE
PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_finalize, reinterpret_cast<void*>(finalize)},
                       {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(clear)},
                       {Py_tp_iternext, reinterpret_cast<void*>(next)},
                       {Py_am_await, reinterpret_cast<void*>(await_it)},
#if PY_VERSION_HEX >= 0x030A0000
                       {Py_am_send, reinterpret_cast<void*>(am_send)},
#endif
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_doc, const_cast<char*>("One call of a cached async function, to be awaited once.")},
                       {0, nullptr}};
PyType_Spec spec = {"cacherator._native.CachedCoroutine", sizeof(Coroutine), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, slots};

Coroutine* allocate() {
  if (spares > 0) {
    Coroutine* c = spare[--spares];
    Py_SET_REFCNT(reinterpret_cast<PyObject*>(c), 1);
    return c;
  }
  return PyObject_GC_New(Coroutine, coroutine_type);
}

}  // namespace

PyObject* new_coroutine(PyObject* function, PyObject* const* args, Py_ssize_t positional, PyObject* names) {
  const Py_ssize_t count = positional + (names ? PyTuple_GET_SIZE(names) : 0);
  PyObject** outside = nullptr;
  if (count > kInside && !(outside = static_cast<PyObject**>(PyMem_Malloc(static_cast<size_t>(count) * sizeof(PyObject*))))) {
    return PyErr_NoMemory();
  }
  Coroutine* const c = allocate();
  if (!c) return PyMem_Free(outside), nullptr;
  Py_INCREF(function);
  Py_XINCREF(names);
  c->function = function;
  c->inner = c->stop = nullptr;
  c->names = names;
  c->positional = positional;
  c->count = count;
  c->args = outside ? outside : c->inside;
  c->begun = false;
  for (Py_ssize_t i = 0; i < count; ++i) c->args[i] = Py_NewRef(args[i]);
  PyObject_GC_Track(reinterpret_cast<PyObject*>(c));
  return reinterpret_cast<PyObject*>(c);
}

bool add_coroutine_type(PyObject* module) {
  coroutine_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!coroutine_type) return false;
  Py_INCREF(coroutine_type);
  return PyModule_AddObject(module, "CachedCoroutine", reinterpret_cast<PyObject*>(coroutine_type)) == 0;
}

}  // namespace cacherator::python
