#include "parameters.hpp"

#include <algorithm>

#include "cacherator/detail/text.hpp"

namespace cacherator::python {
namespace {

constexpr int kVarArgs = 0x04, kVarKeywords = 0x08;  // CO_VARARGS, CO_VARKEYWORDS of inspect

Py_ssize_t count(PyObject* code, const char* name) {
  const Ref number = Ref::take(PyObject_GetAttrString(code, name));
  return number ? PyLong_AsSsize_t(number.get()) : -1;
}

}  // namespace

std::unique_ptr<Parameters> Parameters::of(PyObject* function, bool skip_first) {
  const Ref code = Ref::take(PyObject_GetAttrString(function, "__code__"));
  if (!code) return nullptr;
  const Py_ssize_t positional = count(code.get(), "co_argcount"), only = count(code.get(), "co_posonlyargcount"),
                   keywords = count(code.get(), "co_kwonlyargcount"), flags = count(code.get(), "co_flags");
  const Ref names = Ref::take(PyObject_GetAttrString(code.get(), "co_varnames"));
  if (PyErr_Occurred() || !names) return nullptr;
  auto made = std::make_unique<Parameters>();
  const Py_ssize_t skipped = skip_first && positional > 0 ? 1 : 0;
  for (Py_ssize_t i = skipped; i < positional + keywords; ++i) {
    made->names_.push_back(Ref::share(PyTuple_GET_ITEM(names.get(), i)));
  }
  made->positional_ = static_cast<std::size_t>(positional - skipped);
  made->positional_only_ = static_cast<std::size_t>(std::max<Py_ssize_t>(only - skipped, 0));
  made->takes_more_ = flags & kVarArgs;
  made->takes_any_keyword_ = flags & kVarKeywords;
  made->defaults_ = Ref::take(PyObject_GetAttrString(function, "__defaults__"));
  made->keyword_defaults_ = Ref::take(PyObject_GetAttrString(function, "__kwdefaults__"));
  return PyErr_Occurred() ? nullptr : std::move(made);
}

Py_ssize_t Parameters::index_of(PyObject* name) const {
  for (std::size_t i = positional_only_; i < names_.size(); ++i) {
    if (names_[i].get() == name || PyUnicode_Compare(names_[i].get(), name) == 0) return static_cast<Py_ssize_t>(i);
  }
  return -1;
}

PyObject* Parameters::default_of(std::size_t index) const {
  if (index >= positional_) {
    return keyword_defaults_.get() == Py_None ? nullptr : PyDict_GetItemWithError(keyword_defaults_.get(), names_[index].get());
  }
  if (defaults_.get() == Py_None) return nullptr;
  const auto given = static_cast<std::size_t>(PyTuple_GET_SIZE(defaults_.get()));
  if (index + given < positional_) return nullptr;
  return PyTuple_GET_ITEM(defaults_.get(), static_cast<Py_ssize_t>(index + given - positional_));
}

bool Parameters::bind(const Arguments& arguments, std::vector<PyObject*>& bound, std::vector<std::pair<PyObject*, PyObject*>>& extra) const {
  bound.assign(names_.size(), nullptr);
  const auto given = static_cast<std::size_t>(arguments.positional);
  if (given > positional_ && !takes_more_) return false;
  for (std::size_t i = 0; i < std::min(given, positional_); ++i) bound[i] = arguments.values[i];
  const Py_ssize_t named = arguments.names ? PyTuple_GET_SIZE(arguments.names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    PyObject* const name = PyTuple_GET_ITEM(arguments.names, i);
    PyObject* const value = arguments.values[arguments.positional + i];
    const Py_ssize_t index = index_of(name);
    if (index < 0 && !takes_any_keyword_) return false;
    if (index < 0) {
      extra.emplace_back(name, value);
    } else if (bound[static_cast<std::size_t>(index)]) {
      return false;
    } else {
      bound[static_cast<std::size_t>(index)] = value;
    }
  }
  return true;
}

/// An omitted default that only its address would name (a Session()) is the same in every call: a fixed mark.
bool Parameters::append(Text& text, PyObject* value, std::size_t index, bool is_default) const {
  const auto anonymous = text.anonymous.size();
  const auto length = text.out.size();
  if (!render(text, value)) return false;
  if (is_default && text.anonymous.size() > anonymous) {
    text.anonymous.resize(anonymous);
    text.out.resize(length);
    ((text.out += "<default ") += utf8_of(names_[index].get())) += '>';
  }
  return true;
}

Parameters::Answer Parameters::canonical(std::string_view name, const Arguments& arguments, Text& text) const {
  std::vector<PyObject*> bound;
  std::vector<std::pair<PyObject*, PyObject*>> keywords;
  if (!bind(arguments, bound, keywords)) return Answer::mismatch;
  std::vector<bool> is_default(bound.size());
  for (std::size_t i = 0; i < bound.size(); ++i) {
    if (bound[i]) continue;
    bound[i] = default_of(i);
    if (!bound[i]) return PyErr_Occurred() ? Answer::error : Answer::mismatch;
    is_default[i] = true;
  }
  (text.out += name) += '(';
  const auto more = static_cast<std::size_t>(std::max<Py_ssize_t>(arguments.positional - static_cast<Py_ssize_t>(positional_), 0));
  for (std::size_t i = 0; i < positional_ + more; ++i) {
    if (i) text.out += ", ";
    const bool own = i < positional_;
    if (!append(text, own ? bound[i] : arguments.values[i], i, own && is_default[i])) return Answer::error;
  }
  text.out += positional_ + more == 1 ? ",){" : "){";

  std::vector<std::pair<std::string, std::size_t>> order;  // keyword-only parameters, then ** ones, as one sorted list
  for (std::size_t i = positional_; i < names_.size(); ++i) order.emplace_back(utf8_of(names_[i].get()), i);
  for (std::size_t i = 0; i < keywords.size(); ++i) {
    auto key = string_of(keywords[i].first);
    if (!key) return Answer::error;
    order.emplace_back(*std::move(key), names_.size() + i);
  }
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (i) text.out += ", ";
    engine::append_text(text.out, order[i].first);
    text.out += ": ";
    const std::size_t at = order[i].second;
    const bool own = at < names_.size();
    if (!append(text, own ? bound[at] : keywords[at - names_.size()].second, at, own && is_default[at])) return Answer::error;
  }
  text.out += '}';
  return Answer::text;
}

bool Parameters::incumbent(std::string_view name, const Arguments& arguments, std::string& out) {
  (out += name) += '(';
  for (Py_ssize_t i = 0; i < arguments.positional; ++i) {
    if (i) out += ", ";
    if (!render_old(out, arguments.values[i])) return false;
  }
  out += arguments.positional == 1 ? ",){" : "){";
  const Py_ssize_t named = arguments.names ? PyTuple_GET_SIZE(arguments.names) : 0;
  for (Py_ssize_t i = 0; i < named; ++i) {
    if (i) out += ", ";
    const auto key = utf8_of(PyTuple_GET_ITEM(arguments.names, i));
    if (!key.data()) return PyErr_Clear(), false;
    engine::append_text(out, key);
    out += ": ";
    if (!render_old(out, arguments.values[arguments.positional + i])) return false;
  }
  out += '}';
  return true;
}

}  // namespace cacherator::python
