// How a function takes its arguments: the canonical text of a call, whatever its spelling.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "python.hpp"
#include "render.hpp"

namespace cacherator::python {

/// A call as vectorcall gives it, without the object: positional arguments, then the values of `names`.
struct Arguments {
  PyObject* const* values = nullptr;
  Py_ssize_t positional = 0;
  PyObject* names = nullptr;  ///< tuple of texts, or null
};

class Parameters {
 public:
  enum class Answer {
    text,      ///< the call has a text (some parts of it may be anonymous)
    mismatch,  ///< the function does not take these arguments: call it, so that it says so itself
    error,     ///< a Python error is set
  };

  /// Reads a Python function's code object; null with an error set for anything else. `skip_first`: the object or class.
  static std::unique_ptr<Parameters> of(PyObject* function, bool skip_first);

  /// `name(arguments){keywords}`: bound, defaults filled in, keyword-only and ** arguments sorted by name.
  Answer canonical(std::string_view name, const Arguments& arguments, Text& text) const;
  /// The same call as 1.2.9 spelled it; false where that is ambiguous.
  static bool incumbent(std::string_view name, const Arguments& arguments, std::string& out);

 private:
  bool bind(const Arguments& arguments, std::vector<PyObject*>& bound, std::vector<std::pair<PyObject*, PyObject*>>& extra) const;
  [[nodiscard]] Py_ssize_t index_of(PyObject* name) const;
  [[nodiscard]] PyObject* default_of(std::size_t index) const;
  bool append(Text& text, PyObject* value, std::size_t index, bool is_default) const;

  std::vector<Ref> names_;  ///< positional-or-keyword, then keyword-only
  std::size_t positional_ = 0, positional_only_ = 0;
  bool takes_more_ = false, takes_any_keyword_ = false;
  Ref defaults_, keyword_defaults_;
};

}  // namespace cacherator::python
