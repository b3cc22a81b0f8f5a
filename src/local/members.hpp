// The members of one JSON object, as texts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cacherator/detail/entry.hpp"
#include "local/json_scanner.hpp"
#include "local/record.hpp"

namespace cacherator::engine {

/// Members in their order; the last of two with one name counts. Views point into the text that was read.
class Members {
 public:
  /// Reads a whole object; false: `text` is not one.
  bool read(std::string_view text);

  [[nodiscard]] std::string_view first_key() const { return members_.empty() ? "" : members_.front().first; }
  [[nodiscard]] std::optional<std::string_view> raw(std::string_view name) const;
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  [[nodiscard]] std::optional<double> number(std::string_view name) const;
  /// A whole number of at least 0, 2^63 where it is larger; 0 where there is none.
  [[nodiscard]] std::uint64_t count(std::string_view name) const;
  /// A format version; -1 where there is none.
  [[nodiscard]] std::int64_t version(std::string_view name) const;
  /// Seconds since 1970.
  [[nodiscard]] std::optional<Time> time(std::string_view name) const;
  [[nodiscard]] auto begin() const { return members_.begin(); }
  [[nodiscard]] auto end() const { return members_.end(); }

 private:
  std::vector<std::pair<std::string_view, std::string_view>> members_;  // names as they stand between their quotes
};

/// The text of a JSON string value; nothing where `raw` is another value.
[[nodiscard]] std::optional<std::string> text_of(std::string_view raw);
/// The members "born", "of" and "pending" of a table.
[[nodiscard]] TableState read_table(const Members& members);
[[nodiscard]] ClearedMap read_cleared(std::string_view raw);

}  // namespace cacherator::engine
