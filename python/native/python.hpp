// CPython's objects, owned.
#pragma once

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <cxxabi.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace cacherator::python {

/// A strong reference, or none. The GIL is held wherever one is touched.
class Ref {
 public:
  Ref() = default;
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref(const Ref& other) noexcept : object_(other.object_) { Py_XINCREF(object_); }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { Py_XDECREF(object_); }

  static Ref take(PyObject* owned) noexcept {
    Ref ref;
    ref.object_ = owned;
    return ref;
  }
  static Ref share(PyObject* borrowed) noexcept {
    Py_XINCREF(borrowed);
    return take(borrowed);
  }

  [[nodiscard]] PyObject* get() const noexcept { return object_; }
  [[nodiscard]] PyObject* release() noexcept { return std::exchange(object_, nullptr); }
  explicit operator bool() const noexcept { return object_ != nullptr; }

 private:
  PyObject* object_ = nullptr;
};

/// UTF-8 of a text; a null view and a Python error where it has lone surrogates.
inline std::string_view utf8_of(PyObject* text) noexcept {
  Py_ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(text, &size);
  return bytes ? std::string_view(bytes, static_cast<std::size_t>(size)) : std::string_view();
}

/// UTF-8 in which lone surrogates are three bytes ("surrogatepass").
inline Ref wtf8_of(PyObject* text) noexcept { return Ref::take(PyUnicode_AsEncodedString(text, "utf-8", "surrogatepass")); }
inline std::string_view bytes_of(PyObject* bytes) noexcept { return {PyBytes_AS_STRING(bytes), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes))}; }

inline Ref text_from(std::string_view utf8) noexcept {
  const auto size = static_cast<Py_ssize_t>(utf8.size());
  PyObject* const text = PyUnicode_DecodeUTF8(utf8.data(), size, "surrogatepass");
  if (text || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return Ref::take(text);
  PyErr_Clear();  // a damaged file
  return Ref::take(PyUnicode_DecodeUTF8(utf8.data(), size, "replace"));
}

/// UTF-8, or what comes nearest to it; none, with an error set, where it is no text.
inline std::optional<std::string> string_of(PyObject* text) {
  const Ref bytes = wtf8_of(text);
  return bytes ? std::optional<std::string>(bytes_of(bytes.get())) : std::nullopt;
}

/// Takes the GIL. A daemon thread that asks for it at the interpreter's end is ended by CPython before 3.14, which unwinds its stack;
/// functions that may not throw do not survive that. It sleeps instead, as in CPython 3.14. (What unwinds is no object: the reference
/// that is caught is one to nothing, which the sanitizer of undefined behaviour would tell.)
template <class Take>
[[gnu::no_sanitize("null")]] auto take_gil(Take take) {
  try {
    return take();
  } catch (abi::__forced_unwind&) {
    for (;;) ::pause();
  }
}

/// Runs `call` without the GIL.
template <class Call>
auto without_gil(Call call) {
  struct Released {
    PyThreadState* state = PyEval_SaveThread();
    ~Released() {
      take_gil([this] { PyEval_RestoreThread(state); });
    }
  } released;
  return call();
}

/// The GIL, on any thread, for a scope.
struct WithGil {
  PyGILState_STATE state = take_gil([] { return PyGILState_Ensure(); });
  WithGil() = default;
  WithGil(const WithGil&) = delete;
  WithGil& operator=(const WithGil&) = delete;
  ~WithGil() { PyGILState_Release(state); }
};

#if PY_VERSION_HEX < 0x030A0000
inline PyObject* Py_NewRef(PyObject* object) noexcept {
  Py_INCREF(object);
  return object;
}
#endif

/// True while the object that a weak reference names lives.
inline bool lives(PyObject* weak) noexcept {
#if PY_VERSION_HEX >= 0x030D0000
  PyObject* object = nullptr;
  PyWeakref_GetRef(weak, &object);
  Py_XDECREF(object);
  return object != nullptr;
#else
  return PyWeakref_GetObject(weak) != Py_None;
#endif
}

/// An attribute of one of our Python modules, looked up once ("cacherator._values", "restore"). Borrowed; null + error.
PyObject* imported(const char* module, const char* name);

}  // namespace cacherator::python
