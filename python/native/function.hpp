// A cached function or method as Python sees it: the native descriptor.
#pragma once

#include <memory>
#include <string>
#include <unordered_set>

#include "memory.hpp"
#include "parameters.hpp"

namespace cacherator::python {

/// What the first argument of a call is.
enum class Kind : std::uint8_t {
  unknown,   ///< decided at the first call: __set_name__ was not seen
  method,    ///< an object, whose memory is asked
  of_class,  ///< a class: one memory for each
  plain,     ///< nothing of the kind: a function or a static method, with one memory of its own
};

/// The Python object `CachedFunction`. The GIL guards it.
struct FunctionObject {
  PyObject_HEAD
  vectorcallfunc vectorcall;
  PyObject* wrapped;  ///< the user's function
  PyObject* dict;
  PyObject* owner;  ///< class that __set_name__ named, or null
  PyObject* key;    ///< the user's key function, or null
  std::string name;
  double ttl;  ///< days; NaN: the class's
  bool clear_cache, is_async;
  bool guessed;  ///< __set_name__ was not seen: its kind is what its first call looked like
  Kind kind;
  std::unique_ptr<Parameters> parameters;
  std::unordered_set<std::string> computed;  ///< signatures computed by this process, where clear_cache is set
  Ref own_memory;                            ///< Kind::plain
  Ref class_memories;                        ///< Kind::of_class: WeakKeyDictionary of class -> Memory

  // The object of the last call: good while memory_generation has not moved.
  PyObject* last_self;
  std::uint64_t last_generation;
  Memory* last_memory;
  Table* last_table;
};

[[nodiscard]] bool is_cached_function(PyObject* object);
inline FunctionObject* as_function(PyObject* object) { return reinterpret_cast<FunctionObject*>(object); }

/// The vectorcall of a cached function: hit, or the whole story (src of the story: call.cpp).
PyObject* call_cached(PyObject* function, PyObject* const* args, size_t nargsf, PyObject* names);

/// What memory has for a call, without any text: `value` is a new reference, or stays null. False: a Python error is set.
bool find_in_memory(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* names, PyObject*& value);
/// The plain coroutine of a call that memory did not answer.
PyObject* call_async(PyObject* function, PyObject* const* args, Py_ssize_t count, PyObject* names);

/// Memory and table for a call on `first` (null for a function's own). False: an error may be set; none: nothing can be remembered.
bool find_table(FunctionObject* function, PyObject* first, Memory*& memory, Table*& table);

/// Adds CachedFunction to the module; false: a Python error is set.
bool add_function_type(PyObject* module);

}  // namespace cacherator::python
