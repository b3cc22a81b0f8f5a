// Python values as JSON text with tags, and back (docs/format.md, section 4).
#pragma once

#include <string>
#include <string_view>

#include "python.hpp"

namespace cacherator::python {

/// Why a value has no JSON text.
struct Problem {
  std::string path{};    ///< "result['rows'][3]"
  std::string reason{};  ///< "a Socket object cannot be written as JSON"
};

/// Appends the value; false: `problem` says where and why, or a Python error is set. `as_base`: what has no tag of its own but is of
/// a subclass of a type that JSON knows is written as that type.
bool encode(PyObject* value, std::string& out, Problem& problem, bool as_base = false);

/// A new reference; null: ValueError. `plain`: 1.2.9 wrote it, nothing in it is a tag.
PyObject* decode(std::string_view json, bool plain);

}  // namespace cacherator::python
