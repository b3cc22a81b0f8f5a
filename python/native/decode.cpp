#include <simdjson.h>

#include "encode.hpp"

namespace cacherator::python {
namespace {

constexpr int kMaxDepth = 512 + 8;  // tags nest deeper than the values they stand for

class Decoder {
 public:
  explicit Decoder(bool plain) : plain_(plain) {}

  Ref value(simdjson::dom::element element, int depth = 0) {
    using simdjson::dom::element_type;
    if (depth > kMaxDepth * 3) {
      PyErr_SetString(PyExc_ValueError, "the value is nested too deeply");
      return {};
    }
    switch (element.type()) {
      case element_type::STRING: return text_from(std::string_view(element));
      case element_type::INT64: return Ref::take(PyLong_FromLongLong(int64_t(element)));
      case element_type::UINT64: return Ref::take(PyLong_FromUnsignedLongLong(uint64_t(element)));
      case element_type::DOUBLE: return Ref::take(PyFloat_FromDouble(double(element)));
      case element_type::BOOL: return Ref::share(bool(element) ? Py_True : Py_False);
      case element_type::NULL_VALUE: return Ref::share(Py_None);
      case element_type::ARRAY: return array(element, depth);
      case element_type::OBJECT: return object(element, depth);
    }
    return {};
  }

 private:
  Ref array(simdjson::dom::array array, int depth) {
    Ref list = Ref::take(PyList_New(0));
    for (const auto item : array) {
      const Ref made = list ? value(item, depth + 1) : Ref();
      if (!made || PyList_Append(list.get(), made.get()) < 0) return {};
    }
    return list;
  }

  Ref object(simdjson::dom::object object, int depth) {
    std::string_view tag;
    if (!plain_ && object["$cacherator"].get(tag) == simdjson::SUCCESS) return tagged(object, tag, depth);
    Ref dict = Ref::take(PyDict_New());
    if (!dict || !members(object, dict.get(), depth)) return {};
    return dict;
  }

  bool members(simdjson::dom::object object, PyObject* dict, int depth, bool all = true) {
    for (const auto field : object) {
      if (!all && field.key == "value") continue;  // decoded already; twice on each level would take for ever
      const Ref key = text_from(field.key);
      const Ref item = key ? value(field.value, depth + 1) : Ref();
      if (!item || PyDict_SetItem(dict, key.get(), item.get()) < 0) return false;
    }
    return true;
  }

  Ref tagged(simdjson::dom::object object, std::string_view tag, int depth) {
    simdjson::dom::element inside;
    if (object["value"].get(inside) != simdjson::SUCCESS) {
      PyErr_Format(PyExc_ValueError, "a tagged value has no 'value'");
      return {};
    }
    if (tag == "object" && inside.is_object()) {
      Ref dict = Ref::take(PyDict_New());
      if (!dict || !members(inside, dict.get(), depth)) return {};
      return dict;
    }
    const Ref made = value(inside, depth + 1);
    if (!made) return {};
    if (tag == "tuple") return Ref::take(PySequence_Tuple(made.get()));
    Ref beside = Ref::take(PyDict_New());
    if (!beside || !members(object, beside.get(), depth, false)) return {};
    PyDict_SetItemString(beside.get(), "value", made.get());
    PyObject* const restore = imported("cacherator._values", "restore");
    return restore ? Ref::take(PyObject_CallFunctionObjArgs(restore, text_from(tag).get(), made.get(), beside.get(), nullptr)) : Ref();
  }

  const bool plain_;
};

}  // namespace

PyObject* decode(std::string_view json, bool plain) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(json.data(), json.size()).get(root) == simdjson::SUCCESS) return Decoder(plain).value(root).release();
  // NaN, integers of any size, lone surrogates: what Python's own reader takes.
  PyObject* const loads = imported("cacherator._values", "loads");
  const Ref text = loads ? text_from(json) : Ref();
  return text ? PyObject_CallFunction(loads, "OO", text.get(), plain ? Py_True : Py_False) : nullptr;
}

}  // namespace cacherator::python
