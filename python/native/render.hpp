// The text of an argument in a signature (docs/signatures.md).
#pragma once

#include <string>
#include <vector>

#include "python.hpp"

namespace cacherator::python {

/// Where a call's text goes, and what was met on the way.
struct Text {
  std::string out;
  std::vector<Ref> anonymous;  ///< what nothing but its address names: arguments, or what a key function made of them
  int depth = 0;
};

/// The exception of a value that goes too deep: a ValueError.
PyObject* too_deep_error();

/// Appends the canonical text of a value; false: a Python error is set.
bool render(Text& text, PyObject* value);
/// As 1.2.9 spelled it: Python's own repr. False where that is ambiguous (or an error, which is cleared).
bool render_old(std::string& out, PyObject* value, int depth = 0);

}  // namespace cacherator::python
