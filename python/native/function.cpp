// The type CachedFunction: made by @Cached(), it passes for the function it wraps wherever Python looks.
#include "function.hpp"

#include <cmath>
#include <new>

#include <structmember.h>

namespace cacherator::python {
namespace {

PyTypeObject* function_type = nullptr;

PyObject* make(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* object = type->tp_alloc(type, 0);
  if (!object) return nullptr;
  FunctionObject* f = as_function(object);
  f->vectorcall = call_cached;
  new (&f->name) std::string();
  new (&f->parameters) std::unique_ptr<Parameters>();
  new (&f->computed) std::unordered_set<std::string>();
  new (&f->own_memory) Ref();
  new (&f->class_memories) Ref();
  f->ttl = std::nan("");
  return object;
}

int init(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* names[] = {"function", "ttl", "clear_cache", "is_async", "key", nullptr};
  PyObject *function, *key = Py_None;
  double ttl = std::nan("");
  int clear_cache = 0, is_async = 0;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "O|dppO", const_cast<char**>(names), &function, &ttl, &clear_cache, &is_async, &key)) {
    return -1;
  }
  FunctionObject* f = as_function(self);
  const auto set = [](PyObject*& slot, PyObject* value) {
    value = value == Py_None ? nullptr : value;
    Py_XINCREF(value);
    Py_XSETREF(slot, value);
  };
  set(f->wrapped, function);
  set(f->key, key);
  f->ttl = ttl;
  f->clear_cache = clear_cache;
  f->is_async = is_async;
  const Ref name = Ref::take(PyObject_GetAttrString(function, "__name__"));
  if (!name) return -1;
  f->name = utf8_of(name.get());
  f->dict = f->dict ? f->dict : PyDict_New();
  if (!f->dict) return -1;
  if (const Ref own = Ref::take(PyObject_GetAttrString(function, "__dict__")); own && PyDict_Check(own.get())) {
    PyDict_Update(f->dict, own.get());
  }
  for (const char* copied : {"__module__", "__name__", "__qualname__", "__doc__"}) {
    const Ref value = Ref::take(PyObject_GetAttrString(function, copied));
    if (value) PyDict_SetItemString(f->dict, copied, value.get());
  }
  PyErr_Clear();
  return PyDict_SetItemString(f->dict, "__wrapped__", function);
}

int traverse(PyObject* self, visitproc visit, void* arg) {
  FunctionObject* f = as_function(self);
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(f->wrapped);
  Py_VISIT(f->dict);
  Py_VISIT(f->owner);
  Py_VISIT(f->key);
  Py_VISIT(f->own_memory.get());
  Py_VISIT(f->class_memories.get());
  return 0;
}

int clear(PyObject* self) {
  FunctionObject* f = as_function(self);
  Py_CLEAR(f->wrapped);
  Py_CLEAR(f->dict);
  Py_CLEAR(f->owner);
  Py_CLEAR(f->key);
  f->own_memory = Ref();
  f->class_memories = Ref();
  return 0;
}

void dealloc(PyObject* self) {
  PyObject_GC_UnTrack(self);
  clear(self);
  FunctionObject* f = as_function(self);
  f->name.~basic_string();
  f->parameters.~unique_ptr();
  f->computed.~unordered_set();
  f->own_memory.~Ref();
  f->class_memories.~Ref();
  PyTypeObject* type = Py_TYPE(self);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* get(PyObject* self, PyObject* object, PyObject*) {
  if (!object || object == Py_None) return Py_INCREF(self), self;
  return PyMethod_New(self, object);
}

/// What is not found here is asked of the function: __code__, __defaults__, __annotations__, ...
PyObject* get_attribute(PyObject* self, PyObject* name) {
  PyObject* const found = PyObject_GenericGetAttr(self, name);
  if (found || !as_function(self)->wrapped || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  PyErr_Clear();
  return PyObject_GetAttr(as_function(self)->wrapped, name);
}

PyObject* set_name(PyObject* self, PyObject* args) {
  PyObject *owner, *name;
  if (!PyArg_ParseTuple(args, "OO", &owner, &name)) return nullptr;
  FunctionObject* f = as_function(self);
  Py_INCREF(owner);
  Py_XSETREF(f->owner, owner);
  if (f->kind == Kind::unknown) f->kind = Kind::method;
  Py_RETURN_NONE;
}

PyObject* reduce(PyObject* self, PyObject*) { return PyObject_GetAttrString(as_function(self)->wrapped, "__qualname__"); }

PyObject* repr(PyObject* self) {
  const Ref name = Ref::take(PyObject_GetAttrString(as_function(self)->wrapped, "__qualname__"));
  return name ? PyUnicode_FromFormat("<cached function %U>", name.get()) : nullptr;
}

/// For inspect and its users a cached function is a function.
PyObject* get_class(PyObject*, void*) {
  PyObject* const type = imported("types", "FunctionType");
  Py_XINCREF(type);
  return type;
}

/// This process has computed nothing yet: a decorator's clear_cache counts again. And the inline cache is emptied.
PyObject* forget(PyObject* self, PyObject*) {
  as_function(self)->computed.clear();
  as_function(self)->last_self = nullptr;
  as_function(self)->own_memory = Ref();
  as_function(self)->class_memories = Ref();
  Py_RETURN_NONE;
}

PyMethodDef methods[] = {{"__set_name__", set_name, METH_VARARGS, nullptr},
                         {"__reduce__", reduce, METH_NOARGS, nullptr},
                         {"_forget", forget, METH_NOARGS, "Drops what a function keeps for itself (tests)."},
                         {nullptr, nullptr, 0, nullptr}};
PyGetSetDef properties[] = {{"__class__", get_class, nullptr, nullptr, nullptr},
                            {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
                            {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMemberDef members[] = {{"__vectorcalloffset__", T_PYSSIZET, offsetof(FunctionObject, vectorcall), READONLY, nullptr},
                         {"__dictoffset__", T_PYSSIZET, offsetof(FunctionObject, dict), READONLY, nullptr},
                         {nullptr, 0, 0, 0, nullptr}};
PyType_Slot slots[] = {{Py_tp_new, reinterpret_cast<void*>(make)},
                       {Py_tp_init, reinterpret_cast<void*>(init)},
                       {Py_tp_traverse, reinterpret_cast<void*>(traverse)},
                       {Py_tp_clear, reinterpret_cast<void*>(clear)},
                       {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                       {Py_tp_call, reinterpret_cast<void*>(PyVectorcall_Call)},
                       {Py_tp_descr_get, reinterpret_cast<void*>(get)},
                       {Py_tp_getattro, reinterpret_cast<void*>(get_attribute)},
                       {Py_tp_repr, reinterpret_cast<void*>(repr)},
                       {Py_tp_methods, methods},
                       {Py_tp_getset, properties},
                       {Py_tp_members, members},
                       {0, nullptr}};
PyType_Spec spec = {"cacherator._native.CachedFunction", sizeof(FunctionObject), 0,
                    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_METHOD_DESCRIPTOR
#ifdef Py_TPFLAGS_IMMUTABLETYPE
                        | Py_TPFLAGS_IMMUTABLETYPE  // else the interpreter does not specialise the loading of a method
#endif
#ifdef Py_TPFLAGS_HAVE_VECTORCALL
                        | Py_TPFLAGS_HAVE_VECTORCALL
#endif
                    ,
                    slots};

}  // namespace

bool is_cached_function(PyObject* object) { return Py_TYPE(object) == function_type; }

bool add_function_type(PyObject* module) {
  function_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!function_type) return false;
  Py_INCREF(function_type);
  return PyModule_AddObject(module, "CachedFunction", reinterpret_cast<PyObject*>(function_type)) == 0;
}

}  // namespace cacherator::python
