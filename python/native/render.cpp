#include "render.hpp"

#include <algorithm>

#include "cacherator/detail/text.hpp"

namespace cacherator::python {
namespace {

constexpr int kMaxDepth = 512;

bool too_deep() {
  PyErr_SetString(too_deep_error(),
                  "an argument is nested deeper than 512 levels, or holds itself; pass something flatter, "
                  "or give @Cached(key=...)");
  return false;
}

bool render_int(std::string& out, PyObject* value) {
  int overflow = 0;
  const long long small = PyLong_AsLongLongAndOverflow(value, &overflow);
  if (!overflow) {
    engine::append_int(out, small);
    return true;
  }
  Ref digits = Ref::take(PyObject_Repr(value));
  if (!digits) {  // beyond sys.set_int_max_str_digits(): base 16 has no limit
    PyErr_Clear();
    digits = Ref::take(PyNumber_ToBase(value, 16));
  }
  if (!digits) return false;
  out += utf8_of(digits.get());
  return true;
}

bool render_text(std::string& out, PyObject* value) {
  const std::string_view utf8 = utf8_of(value);
  if (utf8.data()) {
    engine::append_text(out, utf8);
    return true;
  }
  PyErr_Clear();
  const Ref bytes = wtf8_of(value);
  if (!bytes) return false;
  engine::append_text(out, bytes_of(bytes.get()));
  return true;
}

bool render_items(Text& text, PyObject* sequence, char open, char close, bool lone_comma) {
  text.out += open;
  const Py_ssize_t size = PySequence_Fast_GET_SIZE(sequence);
  for (Py_ssize_t i = 0; i < size; ++i) {
    if (i) text.out += ", ";
    const Ref item = Ref::share(PySequence_Fast_GET_ITEM(sequence, i));
    if (!render(text, item.get())) return false;
  }
  if (lone_comma && size == 1) text.out += ',';
  text.out += close;
  return true;
}

/// Parts that have no order of their own, in the order of their texts.
bool render_sorted(Text& text, const std::vector<std::string>& parts) {
  auto sorted = parts;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i) text.out += ", ";
    text.out += sorted[i];
  }
  return true;
}

bool render_set(Text& text, PyObject* set) {
  const bool frozen = PyFrozenSet_CheckExact(set);
  if (PySet_GET_SIZE(set) == 0) {
    text.out += frozen ? "frozenset()" : "set()";
    return true;
  }
  std::vector<std::string> parts;
  const Ref items = Ref::take(PySequence_List(set));
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    Text part{.depth = text.depth};
    if (!render(part, PyList_GET_ITEM(items.get(), i))) return false;
    text.anonymous.insert(text.anonymous.end(), part.anonymous.begin(), part.anonymous.end());
    parts.push_back(std::move(part.out));
  }
  text.out += frozen ? "frozenset({" : "{";
  render_sorted(text, parts);
  text.out += frozen ? "})" : "}";
  return true;
}

bool render_dict(Text& text, PyObject* dict) {
  std::vector<std::string> parts;
  const Ref items = Ref::take(PyDict_Items(dict));
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* pair = PyList_GET_ITEM(items.get(), i);
    Text part{.depth = text.depth};
    if (!render(part, PyTuple_GET_ITEM(pair, 0))) return false;
    part.out += ": ";
    if (!render(part, PyTuple_GET_ITEM(pair, 1))) return false;
    text.anonymous.insert(text.anonymous.end(), part.anonymous.begin(), part.anonymous.end());
    parts.push_back(std::move(part.out));
  }
  text.out += '{';
  render_sorted(text, parts);
  text.out += '}';
  return true;
}

/// Every other type: cacherator._text.render answers the text, or None where only an address names the value.
bool render_other(Text& text, PyObject* value) {
  PyObject* const function = imported("cacherator._text", "render");
  if (!function) return false;
  const Ref answer = Ref::take(PyObject_CallFunction(function, "Oi", value, text.depth));
  if (!answer) return false;
  if (answer.get() == Py_None) {
    text.anonymous.push_back(Ref::share(value));
    text.out += '<';
    text.out += Py_TYPE(value)->tp_name;
    text.out += " at ";
    engine::append_uint(text.out, reinterpret_cast<std::uintptr_t>(value));
    text.out += '>';
    return true;
  }
  const std::string_view utf8 = utf8_of(answer.get());
  if (!utf8.data()) return false;
  text.out += utf8;
  return true;
}

}  // namespace

PyObject* too_deep_error() {
  static PyObject* const error = PyErr_NewException("cacherator._native.TooDeep", PyExc_ValueError, nullptr);
  return error;
}

bool render(Text& text, PyObject* value) {
  PyTypeObject* const type = Py_TYPE(value);
  if (type == &PyUnicode_Type) return render_text(text.out, value);
  if (type == &PyLong_Type) return render_int(text.out, value);
  if (type == &PyFloat_Type) return engine::append_float(text.out, PyFloat_AS_DOUBLE(value)), true;
  if (value == Py_None) return text.out += "None", true;
  if (type == &PyBool_Type) return text.out += value == Py_True ? "True" : "False", true;
  if (type == &PyBytes_Type) return engine::append_bytes(text.out, bytes_of(value)), true;
  if (text.depth >= kMaxDepth) return too_deep();
  ++text.depth;
  bool done = false;
  if (type == &PyTuple_Type) {
    done = render_items(text, value, '(', ')', true);
  } else if (type == &PyList_Type) {
    done = render_items(text, value, '[', ']', false);
  } else if (type == &PyDict_Type) {
    done = render_dict(text, value);
  } else if (type == &PySet_Type || type == &PyFrozenSet_Type) {
    done = render_set(text, value);
  } else {
    done = render_other(text, value);
  }
  --text.depth;
  return done;
}

bool render_old(std::string& out, PyObject* value, int depth) {
  if (depth > 64) return false;
  PyTypeObject* const type = Py_TYPE(value);
  const auto all_clear = [&](PyObject* sequence) {
    const Ref fast = Ref::take(PySequence_Fast(sequence, ""));
    std::string ignored;
    for (Py_ssize_t i = 0; fast && i < PySequence_Fast_GET_SIZE(fast.get()); ++i) {
      if (!render_old(ignored, PySequence_Fast_GET_ITEM(fast.get(), i), depth + 1)) return false;
    }
    return static_cast<bool>(fast);
  };
  bool clear = value == Py_None || type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type || type == &PyBytes_Type;
  if (!clear && (type == &PyTuple_Type || type == &PyList_Type || type == &PySet_Type || type == &PyFrozenSet_Type)) {
    clear = all_clear(value);
  }
  if (!clear && type == &PyDict_Type) {
    const Ref keys = Ref::take(PyDict_Keys(value)), values = Ref::take(PyDict_Values(value));
    clear = keys && values && all_clear(keys.get()) && all_clear(values.get());
  }
  if (!clear) {
    PyObject* const function = imported("cacherator._text", "has_clear_repr");
    const Ref answer = function ? Ref::take(PyObject_CallOneArg(function, value)) : Ref();
    clear = answer.get() == Py_True;
  }
  const Ref repr = clear ? Ref::take(PyObject_Repr(value)) : Ref();
  const std::string_view utf8 = repr ? utf8_of(repr.get()) : std::string_view();
  if (!utf8.data()) {
    PyErr_Clear();
    return false;
  }
  out += utf8;
  return true;
}

}  // namespace cacherator::python
