// The answer of an async hit: an awaitable that is ready, and a coroutine to all who look.
#pragma once

#include "python.hpp"

namespace cacherator::python {

/// A new awaitable of this value; `name` is borrowed and shown where it was never awaited.
PyObject* ready(PyObject* value, PyObject* function);
bool add_ready_type(PyObject* module);

}  // namespace cacherator::python
