// The words of a trace.
#include "at.hpp"

namespace cacherator::model {

std::string text_of(const Record& record) {
  const std::string key = record.key ? "b" : "a";
  if (record.kind == Kind::drop) return "drop " + key;
  if (record.kind == Kind::clear) return "clear " + std::string(record.key == 0b11 ? "*" : record.key == 1 ? "f" : "g") + ", n = " + number(record.number);
  return "put " + key + " = v" + number(record.value) + ", under " + number(record.number);
}

std::string text_of(const Op& op) {
  const std::string key = op.key ? "b" : "a";
  switch (op.kind) {
    case Kind::put: return "put " + key + " = v" + number(op.value);
    case Kind::drop: return "drop " + key;
    case Kind::clear: return "clear " + std::string(op.functions == 0b11 ? "*" : op.functions == 1 ? "f" : "g");
    case Kind::checkpoint: return "checkpoint";
    case Kind::open: return "open";
    case Kind::hit: break;
  }
  return "call";
}

std::string text_of(const Contents& contents) {
  std::string text = "{";
  for (std::size_t key = 0; key < kKeys; ++key) {
    const Entry entry = contents.entries[key];
    if (entry.value && entry.under >= contents.cleared[key]) text += (key ? " b = v" : " a = v") + number(entry.value);
  }
  return text + " }";
}

}  // namespace cacherator::model
