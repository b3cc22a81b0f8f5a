// The document (docs/format.md, section 2): reading what we or 1.2.9 wrote, writing what both read.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cacherator/detail/entry.hpp"
#include "local/record.hpp"

namespace cacherator::engine {

struct DocumentHeader {
  std::int64_t format = 1;
  std::string data_id{};
  std::vector<std::string> folded{};  ///< journal ids, oldest first, at most 16
  ClearedMap cleared{};
  std::uint64_t clock = 0;
  std::vector<std::string> carried{};  ///< journal lines of unknown kinds
  TableStates tables{};
};

/// A place that could not be understood.
struct Damage {
  std::size_t offset = 0;  ///< bytes from the start of the file
  std::string what{};      ///< "entry 'f(1,){}' has no date"
};

/// A document as it was read. Views point into its own text. Immutable after reading.
struct Document {
  std::shared_ptr<const std::string> text{};
  bool ours = false;  ///< it has our header; otherwise 1.2.9 (or a person) wrote it
  DocumentHeader header{};
  std::vector<DocumentEntry> entries{};
  std::vector<Variable> state{};
  Time saved = 0;  ///< when state was saved; 0: never
  std::vector<Damage> damage{};
  std::vector<std::pair<std::string, std::string>> odd{};  ///< entries without a value or date: carried along, never a hit
  std::deque<std::string> texts{};                         ///< signatures that had escapes
};

/// Reads a document; what cannot be understood is in `damage`, the rest is there. Never fails: a text that is nothing at
/// all is one damage.
[[nodiscard]] std::shared_ptr<const Document> read_document(std::shared_ptr<const std::string> text);

/// Builds a document's text. Call in this order: the constructor, entry() in order of signatures, state() in order of names, finish().
class DocumentWriter {
 public:
  /// `state`: all variables, for the header; those that 1.2.9 wrote (plain) get no mark.
  DocumentWriter(const DocumentHeader& header, const std::vector<Variable>& state);
  void entry(const DocumentEntry& entry);
  void odd_entry(std::string_view signature, std::string_view json);
  std::string finish(const std::vector<Variable>& state, Time saved);

 private:
  void begin_entry(std::string_view signature);
  std::string text_;
  bool first_ = true;
};

}  // namespace cacherator::engine
