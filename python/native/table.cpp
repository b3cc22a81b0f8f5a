#include "table.hpp"

#include <cstring>

#include "cacherator/detail/hash.hpp"

namespace cacherator::python {
namespace {

using detail::mix;

std::uint64_t bits_of(PyObject* number) {
  const double value = PyFloat_AS_DOUBLE(number);
  std::uint64_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

/// An integer of one digit (most are): its value; else false.
bool small(PyObject* number, std::uint64_t& value) {
  auto* const held = reinterpret_cast<PyLongObject*>(number);
#if PY_VERSION_HEX >= 0x030C0000
  if (!PyUnstable_Long_IsCompact(held)) return false;
  value = static_cast<std::uint64_t>(PyUnstable_Long_CompactValue(held));
#else
  const Py_ssize_t size = Py_SIZE(held);
  if (size > 1 || size < -1) return false;
  value = static_cast<std::uint64_t>(size * static_cast<Py_ssize_t>(held->ob_digit[0]));
#endif
  return true;
}

/// False: not of a type that may be compared by type and value alone.
inline bool hash_of(PyObject* value, std::uint64_t& hash, int depth = 0);

bool hash_tuple(PyObject* tuple, std::uint64_t& own, int depth) {
  own = static_cast<std::uint64_t>(PyTuple_GET_SIZE(tuple));
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    if (!hash_of(PyTuple_GET_ITEM(tuple, i), own, depth + 1)) return false;
  }
  return true;
}

bool hash_of(PyObject* value, std::uint64_t& hash, int depth) {
  PyTypeObject* const type = Py_TYPE(value);
  std::uint64_t own;
  if (type == &PyLong_Type) {
    if (!small(value, own)) own = static_cast<std::uint64_t>(PyObject_Hash(value));
  } else if (type == &PyUnicode_Type) {
    const Py_hash_t known = reinterpret_cast<PyASCIIObject*>(value)->hash;
    own = static_cast<std::uint64_t>(known != -1 ? known : PyObject_Hash(value));
  } else if (type == &PyFloat_Type) {
    own = bits_of(value);  // 0.0 and -0.0 differ, a NaN is itself
  } else if (type == &PyBool_Type || type == &PyBytes_Type || value == Py_None) {
    own = static_cast<std::uint64_t>(PyObject_Hash(value));
  } else if (type != &PyTuple_Type || depth >= 8 || !hash_tuple(value, own, depth)) {
    return false;
  }
  hash = mix(hash + own + (reinterpret_cast<std::uintptr_t>(type) >> 4));
  return true;
}

bool equal_values(PyObject* a, PyObject* b);

inline bool equal(PyObject* a, PyObject* b) { return a == b || equal_values(a, b); }

bool equal_values(PyObject* a, PyObject* b) {
  PyTypeObject* const type = Py_TYPE(a);
  if (type != Py_TYPE(b)) return false;
  std::uint64_t left, right;
  if (type == &PyLong_Type && small(a, left) && small(b, right)) return left == right;
  if (type == &PyUnicode_Type) {
    return PyUnicode_GET_LENGTH(a) == PyUnicode_GET_LENGTH(b) && PyUnicode_KIND(a) == PyUnicode_KIND(b) &&
           std::memcmp(PyUnicode_DATA(a), PyUnicode_DATA(b), static_cast<std::size_t>(PyUnicode_GET_LENGTH(a)) * PyUnicode_KIND(a)) == 0;
  }
  if (type == &PyFloat_Type) return bits_of(a) == bits_of(b);
  if (type == &PyTuple_Type) {
    if (PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b)) return false;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); ++i) {
      if (!equal(PyTuple_GET_ITEM(a, i), PyTuple_GET_ITEM(b, i))) return false;
    }
    return true;
  }
  return PyObject_RichCompareBool(a, b, Py_EQ) == 1;
}

Py_ssize_t count_of(const Arguments& arguments) { return arguments.positional + (arguments.names ? PyTuple_GET_SIZE(arguments.names) : 0); }

/// Names of keywords: the tuple is a constant of the calling code, so it is mostly the very same object.
bool same_names(PyObject* a, PyObject* b) {
  if (a == b) return true;
  if (!a || !b || PyTuple_GET_SIZE(a) != PyTuple_GET_SIZE(b)) return false;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(a); ++i) {
    if (!equal(PyTuple_GET_ITEM(a, i), PyTuple_GET_ITEM(b, i))) return false;
  }
  return true;
}

}  // namespace

const char* name_of(Status status) {
  switch (status) {
    case Status::l1: return "l1";
    case Status::l2: return "l2";
    case Status::miss: return "miss";
    case Status::none: break;
  }
  return "";
}

Table::~Table() { clear(); }

inline bool Table::same(const Key& key, const Arguments& arguments) {
  if (key.positional != arguments.positional || key.count != count_of(arguments)) return false;
  for (Py_ssize_t i = 0; i < key.count; ++i) {
    if (!equal(key.values[i], arguments.values[i])) return false;
  }
  return key.names == arguments.names || same_names(key.names, arguments.names);
}

Known* Table::find(const Arguments& arguments, std::uint64_t& hash, bool& fast) {
  const Py_ssize_t count = count_of(arguments);
  std::uint64_t own = static_cast<std::uint64_t>(arguments.positional) << 8 | static_cast<std::uint64_t>(count);
  for (Py_ssize_t i = 0; i < count; ++i) {
    if (!hash_of(arguments.values[i], own)) {
      fast = false;
      return nullptr;
    }
  }
  fast = true;
  hash = own;
  if (keys_.empty()) return nullptr;
  const Key* const* const keys = keys_.data();
  for (std::size_t mask = keys_.size() - 1, at = own & mask; keys[at]; at = (at + 1) & mask) {
    if (keys[at]->hash == own && same(*keys[at], arguments)) return keys[at]->known;
  }
  return nullptr;
}

Known* Table::find(std::string_view signature) {
  const auto found = calls_.find(signature);
  return found == calls_.end() ? nullptr : found->second.get();
}

std::shared_ptr<Known> Table::remember(std::shared_ptr<Known> known) {
  if (Known* found = find(known->signature)) {
    auto old = found->shared_from_this();
    // Keys point to the old one: it takes the new one's place.
    std::swap(old->value, known->value);
    old->utc = known->utc;
    old->expires = known->expires;
    old->generation = known->generation;
    old->serial = known->serial;
    old->under = known->under;
    old->status = known->status;
    return old;
  }
  known->table = this;
  calls_.emplace(known->signature, known);
  return known;
}

void Table::alias(const Arguments& arguments, std::uint64_t hash, Known* known) {
  if (known->table != this) return;
  known->aliased = true;
  if ((used_ + 1) * 2 > keys_.size()) grow();
  const auto count = static_cast<std::size_t>(count_of(arguments));
  auto* key = static_cast<Key*>(::operator new(sizeof(Key) + sizeof(PyObject*) * (count ? count - 1 : 0)));
  key->hash = hash;
  key->known = known;
  key->names = arguments.names;
  Py_XINCREF(key->names);
  key->positional = arguments.positional;
  key->count = static_cast<Py_ssize_t>(count);
  for (std::size_t i = 0; i < count; ++i) {
    key->values[i] = arguments.values[i];
    Py_INCREF(key->values[i]);
  }
  const std::size_t mask = keys_.size() - 1;
  std::size_t at = hash & mask;
  while (keys_[at]) {
    if (keys_[at]->hash == hash && same(*keys_[at], arguments)) {  // known before: another call began it meanwhile
      std::swap(keys_[at]->known, key->known);
      return free(key);
    }
    at = (at + 1) & mask;
  }
  keys_[at] = key;
  ++used_;
}

void Table::grow() {
  std::vector<Key*> old(std::max<std::size_t>(8, keys_.size() * 2));
  old.swap(keys_);
  for (Key* key : old) {
    if (!key) continue;
    std::size_t at = key->hash & (keys_.size() - 1);
    while (keys_[at]) at = (at + 1) & (keys_.size() - 1);
    keys_[at] = key;
  }
}

void Table::free(Key* key) {
  Py_XDECREF(key->names);
  for (Py_ssize_t i = 0; i < key->count; ++i) Py_DECREF(key->values[i]);
  ::operator delete(key);
}

/// Removing keys from open addressing would leave holes that a search stops at: a call with keys stays, but is never fresh.
void Table::forget(Known* known) {
  const auto held = known->shared_from_this();
  if (!known->aliased) {
    known->table = nullptr;
    calls_.erase(known->signature);
  }
  known->expires = INT64_MIN;
  known->status = Status::none;
  known->value = Ref();
}

void Table::clear() {
  std::vector<Key*> keys;
  keys.swap(keys_);
  used_ = 0;
  auto calls = std::move(calls_);
  calls_.clear();
  for (const auto& [signature, known] : calls) known->table = nullptr;
  for (Key* key : keys) {
    if (key) free(key);
  }
}

int Table::traverse(visitproc visit, void* arg) const {
  for (const Key* key : keys_) {
    for (Py_ssize_t i = 0; key && i < key->count; ++i) Py_VISIT(key->values[i]);
  }
  for (const auto& [signature, known] : calls_) {
    Py_VISIT(known->value.get());
    for (const auto& anchor : known->anchors) Py_VISIT(anchor.get());
  }
  return 0;
}

}  // namespace cacherator::python
