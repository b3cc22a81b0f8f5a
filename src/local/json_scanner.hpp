// A small tolerant reader of JSON text: finds where values begin and end, and checks them. It reads all that RFC 8259
// allows and what Python's json module writes beside it: NaN, Infinity, -Infinity, integers of any size, lone surrogate
// escapes. Values are not converted; the faces do that.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cacherator::engine {

inline constexpr int kMaxDepth = 512 + 8;  ///< nesting of arrays and objects: 512 of a value (docs/format.md), and what it stands in

class JsonScanner {
 public:
  explicit JsonScanner(std::string_view text, std::size_t at = 0) : text_(text), at_(at) {}

  [[nodiscard]] std::size_t at() const noexcept { return at_; }
  void go_to(std::size_t at) noexcept { at_ = at; }
  [[nodiscard]] bool at_end() const noexcept { return at_ >= text_.size(); }

  void skip_space() noexcept;
  /// After white space: takes `c` and answers true, or stays.
  bool take(char c) noexcept;
  /// After white space: the text of one whole, well-formed value; nothing on an error, whose place is at().
  std::optional<std::string_view> value(int depth = 0);
  /// After white space: a string. `raw` gets the text between the quotes, escapes untouched.
  bool string(std::string_view& raw, bool& escaped);

 private:
  bool skip_value(int depth);
  bool skip_object(int depth);
  bool skip_array(int depth);
  bool skip_number();
  bool skip_word(std::string_view word);

  std::string_view text_;
  std::size_t at_;
};

/// Appends the text that a JSON string's inside stands for; a lone surrogate becomes three bytes, as in WTF-8.
/// `raw` is well-formed (JsonScanner has accepted it).
void append_unescaped(std::string& out, std::string_view raw);

/// True if `text` is one well-formed value and nothing else.
[[nodiscard]] bool is_json(std::string_view text);

}  // namespace cacherator::engine
