#include "encode.hpp"

#include <charconv>
#include <cmath>

#include "cacherator/detail/entry.hpp"
#include "cacherator/detail/text.hpp"

namespace cacherator::python {
namespace {

constexpr int kMaxDepth = 512;

class Encoder {
 public:
  Encoder(std::string& out, Problem& problem, bool as_base) : out_(out), problem_(problem), as_base_(as_base), from_(out.size()) {}

  bool value(PyObject* v) {
    PyTypeObject* const type = Py_TYPE(v);
    if (type == &PyUnicode_Type) return text(v);
    if (type == &PyLong_Type) return integer(v);
    if (type == &PyFloat_Type) return number(PyFloat_AS_DOUBLE(v));
    if (v == Py_None) return out_ += "null", true;
    if (type == &PyBool_Type) return out_ += v == Py_True ? "true" : "false", true;
    const int levels = type == &PyTuple_Type ? 2 : 1;  // of JSON
    if (depth_ + levels > kMaxDepth) return refuse("it is nested deeper than 512 levels of JSON (a tuple takes two), or holds itself");
    if (out_.size() - from_ > engine::kMaxValue) return refuse_size();
    depth_ += levels;
    bool done;
    if (type == &PyDict_Type) {
      done = dict(v);
    } else if (type == &PyList_Type) {
      done = items(v);
    } else if (type == &PyTuple_Type) {
      out_ += "{\"$cacherator\":\"tuple\",\"value\":";
      done = items(v);
      out_ += '}';
    } else {
      done = other(v);
    }
    depth_ -= levels;
    return done;
  }

  bool refuse_size() { return refuse("it is larger than 256 MiB as JSON"); }

 private:
  bool refuse(std::string reason) {
    problem_.reason = std::move(reason);
    return false;
  }

  bool text(PyObject* v) {
    std::string_view utf8 = utf8_of(v);
    Ref bytes;
    if (!utf8.data()) {
      PyErr_Clear();
      bytes = wtf8_of(v);
      if (!bytes) return false;
      utf8 = bytes_of(bytes.get());
    }
    if (bytes && holds_pair(utf8)) return refuse("the text holds the halves of a surrogate pair as two characters, which JSON cannot tell from one");
    engine::append_json(out_, utf8);
    return true;
  }

  /// A high surrogate (ED A0..AF xx) followed by a low one (ED B0..BF xx).
  static bool holds_pair(std::string_view wtf8) {
    for (auto at = wtf8.find('\xed'); at != std::string_view::npos; at = wtf8.find('\xed', at + 3)) {
      const auto is = [&](std::size_t where, unsigned char half) {
        return where + 1 < wtf8.size() && wtf8[where] == '\xed' && (static_cast<unsigned char>(wtf8[where + 1]) & 0xF0) == half;
      };
      if (is(at, 0xA0) && is(at + 3, 0xB0)) return true;
    }
    return false;
  }

  bool integer(PyObject* v) {
    int overflow = 0;
    const long long small = PyLong_AsLongLongAndOverflow(v, &overflow);
    if (!overflow) {
      engine::append_int(out_, small);
      return true;
    }
    const Ref digits = Ref::take(PyObject_Repr(v));
    if (!digits) {
      PyErr_Clear();
      return refuse("the integer has more digits than sys.get_int_max_str_digits() allows");
    }
    out_ += utf8_of(digits.get());
    return true;
  }

  bool number(double d) {
    if (std::isfinite(d)) {
      engine::append_float(out_, d);
    } else {
      out_ += "{\"$cacherator\":\"float\",\"value\":\"";
      engine::append_float(out_, d);
      out_ += "\"}";
    }
    return true;
  }

  bool items(PyObject* sequence) {
    out_ += '[';
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence); ++i) {
      if (i) out_ += ',';
      const Ref item = Ref::share(PySequence_Fast_GET_ITEM(sequence, i));
      if (!value(item.get())) return at('[' + std::to_string(i) + ']');
    }
    out_ += ']';
    return true;
  }

  /// A dict with text keys is an object; one that holds our mark is wrapped, one with other keys is a list of pairs.
  bool dict(PyObject* v) {
    PyObject *key, *item;
    Py_ssize_t position = 0;
    bool marked = false;
    while (PyDict_Next(v, &position, &key, &item)) {
      if (Py_TYPE(key) != &PyUnicode_Type) return pairs(v);
      marked |= PyUnicode_CompareWithASCIIString(key, "$cacherator") == 0;
    }
    if (marked) out_ += "{\"$cacherator\":\"object\",\"value\":";
    depth_ += marked;
    const Py_ssize_t size = PyDict_GET_SIZE(v);
    out_ += '{';
    position = 0;
    for (bool first = true; PyDict_Next(v, &position, &key, &item); first = false) {
      if (!first) out_ += ',';
      const Ref held_key = Ref::share(key), held = Ref::share(item);
      if (!text(held_key.get())) return false;
      out_ += ':';
      if (!value(held.get())) return at_key(held_key.get());
      if (PyDict_GET_SIZE(v) != size) return refuse("the dict changed while it was written");
    }
    depth_ -= marked;
    out_ += marked ? "}}" : "}";
    return true;
  }

  bool pairs(PyObject* v) {
    out_ += "{\"$cacherator\":\"dict\",\"value\":[";
    depth_ += 2;
    PyObject *key, *item;
    Py_ssize_t position = 0;
    const Py_ssize_t size = PyDict_GET_SIZE(v);
    for (bool first = true; PyDict_Next(v, &position, &key, &item); first = false) {
      if (!first) out_ += ',';
      const Ref held_key = Ref::share(key), held = Ref::share(item);
      out_ += '[';
      if (!value(held_key.get())) return at(".keys()");
      out_ += ',';
      if (!value(held.get())) return at_key(held_key.get());
      out_ += ']';
      if (PyDict_GET_SIZE(v) != size) return refuse("the dict changed while it was written");
    }
    depth_ -= 2;
    out_ += "]}";
    return true;
  }

  /// Every other type: cacherator._values.encode answers (tag, value[, members]) or a text that says why not.
  bool other(PyObject* v) {
    PyObject* const function = imported("cacherator._values", "encode");
    const Ref answer = function ? Ref::take(PyObject_CallOneArg(function, v)) : Ref();
    if (!answer) return false;
    if (!PyTuple_CheckExact(answer.get())) {
      if (as_base_) {
        PyObject* const to_base = imported("cacherator._values", "as_base");
        const Ref base = Ref::take(to_base ? PyObject_CallOneArg(to_base, v) : nullptr);
        if (!base) return false;
        if (base.get() != Py_None) return value(base.get());
      }
      const auto reason = PyUnicode_Check(answer.get()) ? utf8_of(answer.get()) : std::string_view("it cannot be written as JSON");
      return refuse(std::string(reason));
    }
    out_ += "{\"$cacherator\":";
    if (!text(PyTuple_GET_ITEM(answer.get(), 0))) return false;
    if (PyTuple_GET_SIZE(answer.get()) > 2) {
      PyObject *key, *item;
      Py_ssize_t position = 0;
      while (PyDict_Next(PyTuple_GET_ITEM(answer.get(), 2), &position, &key, &item)) {
        out_ += ',';
        if (!text(key)) return false;
        out_ += ':';
        if (!value(item)) return false;
      }
    }
    out_ += ",\"value\":";
    if (!value(PyTuple_GET_ITEM(answer.get(), 1))) return false;
    out_ += '}';
    return true;
  }

  bool at(const std::string& step) {
    problem_.path.insert(0, step);
    return false;
  }

  bool at_key(PyObject* key) {
    const Ref repr = Ref::take(PyErr_Occurred() ? nullptr : PyObject_Repr(key));
    if (repr) at('[' + std::string(utf8_of(repr.get())) + ']');
    return false;
  }

  std::string& out_;
  Problem& problem_;
  const bool as_base_;
  const std::size_t from_;
  int depth_ = 0;
};

}  // namespace

bool encode(PyObject* value, std::string& out, Problem& problem, bool as_base) {
  const std::size_t from = out.size();
  Encoder encoder(out, problem, as_base);
  return encoder.value(value) && (out.size() - from <= engine::kMaxValue || encoder.refuse_size());
}

}  // namespace cacherator::python
