#include "ready.hpp"

namespace cacherator::python {
namespace {

struct Ready {
  PyObject_HEAD
  PyObject* value;  ///< null once it was taken
  PyObject* function;  ///< the CachedFunction, for its name
  bool started;
};

PyTypeObject* ready_type = nullptr;
constexpr int kSpare = 64;
Ready* spare[kSpare];  ///< freed ones, to be used again
int spares = 0;

Ready* as_ready(PyObject* object) { return reinterpret_cast<Ready*>(object); }

PyObject* get_name(PyObject* self, void*) { return PyObject_GetAttrString(as_ready(self)->function, "__qualname__"); }

void warn_unawaited(PyObject* self) {
  Py_SET_REFCNT(self, 1);
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  const Ref name = Ref::take(get_name(self, nullptr));
  if (!name || PyErr_WarnFormat(PyExc_RuntimeWarning, 1, "coroutine '%S' was never awaited", name.get()) < 0) PyErr_WriteUnraisable(self);
  PyErr_Restore(type, value, traceback);
  Py_SET_REFCNT(self, 0);
}

void dealloc(PyObject* self) {
  Ready* r = as_ready(self);
  if (!r->started) {
    r->started = true;
    warn_unawaited(self);
  }
  Py_CLEAR(r->value);
  Py_CLEAR(r->function);
  if (spares < kSpare) {
    spare[spares++] = r;
    return;
  }
  PyTypeObject* type = Py_TYPE(self);
  PyObject_Free(self);
  Py_DECREF(type);
}

/// The value, or null and the error of a coroutine that is awaited twice.
PyObject* take(Ready* r) {
  if (!r->started) {
    r->started = true;
    return std::exchange(r->value, nullptr);
  }
  PyErr_SetString(PyExc_RuntimeError, "cannot reuse already awaited coroutine");
  return nullptr;
}

PyObject* stop_with(PyObject* value) {
  const Ref held = Ref::take(value);
  // A tuple or an exception given as it is would be unpacked, or taken for the exception itself.
  const Ref stop = Ref::take(PyObject_CallOneArg(PyExc_StopIteration, value));
  if (stop) PyErr_SetObject(PyExc_StopIteration, stop.get());
  return nullptr;
}

PyObject* next(PyObject* self) {
  PyObject* const value = take(as_ready(self));
  return value ? stop_with(value) : nullptr;
}

PyObject* send(PyObject* self, PyObject* sent) {
  if (!as_ready(self)->started && sent != Py_None) {
    PyErr_SetString(PyExc_TypeError, "can't send non-None value to a just-started coroutine");
    return nullptr;
  }
  return next(self);
}

PyObject* throw_into(PyObject* self, PyObject* args) {
  PyObject *type, *value = nullptr, *traceback = nullptr;
  if (!PyArg_ParseTuple(args, "O|OO", &type, &value, &traceback)) return nullptr;
  as_ready(self)->started = true;
  Py_CLEAR(as_ready(self)->value);
  if (PyExceptionInstance_Check(type)) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(type)), type);
  } else {
    PyErr_SetObject(type, value);
  }
  return nullptr;
}

PyObject* close(PyObject* self, PyObject*) {
  as_ready(self)->started = true;
  Py_CLEAR(as_ready(self)->value);
  Py_RETURN_NONE;
}

PyObject* await_it(PyObject* self) {
  Py_INCREF(self);
  return self;
}

#if PY_VERSION_HEX >= 0x030A0000
PySendResult am_send(PyObject* self, PyObject*, PyObject** result) {
  *result = take(as_ready(self));
  return *result ? PYGEN_RETURN : PYGEN_ERROR;
}
#endif

PyObject* get_none(PyObject*, void*) { Py_RETURN_NONE; }
PyObject* get_false(PyObject*, void*) { Py_RETURN_FALSE; }

PyMethodDef methods[] = {{"send", send, METH_O, nullptr},
                         {"throw", throw_into, METH_VARARGS, nullptr},
                         {"close", close, METH_NOARGS, nullptr},
                         {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {{"cr_frame", get_none, nullptr, nullptr, nullptr},    {"cr_await", get_none, nullptr, nullptr, nullptr},
                            {"cr_code", get_none, nullptr, nullptr, nullptr},     {"cr_running", get_false, nullptr, nullptr, nullptr},
                            {"__name__", get_name, nullptr, nullptr, nullptr},    {"__qualname__", get_name, nullptr, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_iternext, reinterpret_cast<void*>(next)},
                       {Py_am_await, reinterpret_cast<void*>(await_it)},
#if PY_VERSION_HEX >= 0x030A0000
                       {Py_am_send, reinterpret_cast<void*>(am_send)},
#endif
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_doc, const_cast<char*>("A cached coroutine's result, ready to be awaited once.")},
                       {0, nullptr}};
PyType_Spec spec = {"cacherator._native.CachedCoroutine", sizeof(Ready), 0, Py_TPFLAGS_DEFAULT, slots};

}  // namespace

PyObject* ready(PyObject* value, PyObject* function) {
  Ready* r;
  if (spares > 0) {
    r = spare[--spares];
    Py_SET_REFCNT(reinterpret_cast<PyObject*>(r), 1);
  } else {
    r = PyObject_New(Ready, ready_type);
    if (!r) return nullptr;
  }
  Py_INCREF(value);
  Py_INCREF(function);
  r->value = value;
  r->function = function;
  r->started = false;
  return reinterpret_cast<PyObject*>(r);
}

bool add_ready_type(PyObject* module) {
  ready_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!ready_type) return false;
  Py_INCREF(ready_type);
  return PyModule_AddObject(module, "CachedCoroutine", reinterpret_cast<PyObject*>(ready_type)) == 0;
}

}  // namespace cacherator::python
