// What a cached async function returns: a coroutine that asks memory when it is awaited, as the incumbent's does.
#pragma once

#include "python.hpp"

namespace cacherator::python {

/// A new coroutine of this call; `args` and `names` as in a vectorcall, shared.
PyObject* new_coroutine(PyObject* function, PyObject* const* args, Py_ssize_t positional, PyObject* names);
bool add_coroutine_type(PyObject* module);

}  // namespace cacherator::python
