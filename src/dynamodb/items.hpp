// What a cache looks like in the table (docs/format.md, section 5): its keys, and its items from and to what the engine holds.
// Nothing here asks the table.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dynamodb/table.hpp"
#include "local/contents.hpp"
#include "local/store.hpp"

namespace cacherator::engine::dynamodb {

inline constexpr std::size_t kLargestItem = std::size_t{400} << 10;  ///< bytes, with the names of attributes
inline constexpr std::size_t kPackedFrom = 100'000;                  ///< bytes of text; more are written as gzip

/// The keys (`cache_id`) of one cache's items.
struct Keys {
  explicit Keys(std::string_view data_id);
  [[nodiscard]] std::string entry(std::string_view signature, std::string_view digest) const;

  std::string tokens{}, state{};
  std::string legacy{};  ///< 1.2.9's item; empty: it is too long to be a key
 private:
  std::string prefix_{};
};

/// SHA-256 of a call's full signature.
[[nodiscard]] std::string call_digest(std::string_view signature, std::string_view digest);
/// True for a signature that stands for a longer one: its own digest says nothing.
[[nodiscard]] bool is_shortened(std::string_view signature);

// -- tokens
[[nodiscard]] std::string new_token(Time at);
/// When it was made: whole seconds.
[[nodiscard]] Time token_time(std::string_view token);
/// "f:<function>".
[[nodiscard]] std::string function_token(std::string_view function);
/// "c:<32 hex>".
[[nodiscard]] std::string call_token(std::string_view signature, std::string_view digest);
/// Nothing: it has no `all`, so that it is no item of tokens.
[[nodiscard]] std::optional<TableTokens> read_tokens(const Item& item);
[[nodiscard]] Item tokens_item(const std::string& key, const std::string& data_id, const TableTokens& tokens);

// -- entries
/// An entry's item, its value still packed; views point into the item.
struct EntryItem {
  const Item* item = nullptr;
  std::string_view signature{}, digest{}, tokens{}, lead{};
  Time utc = 0;
  double days = 0;
  double ends = 0, until = 0;  ///< seconds since 1970; 0: not said
  bool has_value = false;
};
[[nodiscard]] EntryItem read_entry(const Item& item);
/// True where it counts for a call whose tokens are `tokens`: by its own ttl, and by the ttl in force for the call.
[[nodiscard]] bool counts(const EntryItem& entry, std::string_view tokens, double ttl, Time now);
/// Its JSON text. Faults: `damage`, `limit`.
[[nodiscard]] Result<std::string> value_of(const EntryItem& entry);
/// Nothing: it is larger than an item may be.
[[nodiscard]] std::optional<Item> entry_item(const Keys& keys, std::string_view signature, const Entry& entry, std::string_view tokens);
/// As DynamoDB counts it, or a little more.
[[nodiscard]] std::size_t item_size(const Item& item);
/// Bytes that it takes in a request, about.
[[nodiscard]] std::size_t wire_size(const Item& item);

// -- state
[[nodiscard]] std::string variable_name(std::string_view attribute);  ///< empty: it is no variable's
[[nodiscard]] std::string variable_attribute(std::string_view name);  ///< "v:<name>"
/// Nothing: not even gzip makes it as small as an item may be.
[[nodiscard]] std::optional<Attribute> write_variable(const Variable& variable);
[[nodiscard]] std::optional<Variable> read_variable(std::string_view name, const Attribute& attribute);
[[nodiscard]] std::vector<Variable> read_state(const Item& item);

// -- what 1.2.9 wrote
/// The document in its item; null: it has ended, or is no such item. Faults: `damage`, `limit`.
[[nodiscard]] Result<std::shared_ptr<const Document>> read_legacy(const Item& item, Time now);

// -- parts
[[nodiscard]] Attribute text_attribute(std::string_view text);
[[nodiscard]] Attribute bytes_attribute(std::string bytes);
[[nodiscard]] Attribute number_attribute(std::string digits);
/// "1795419278.123456".
[[nodiscard]] Attribute seconds_attribute(Time time);
/// The attribute's text, where it has one of this type; else empty.
[[nodiscard]] std::string_view value_in(const Item& item, std::string_view name, Attribute::Type type);
/// The item of this key, or null.
[[nodiscard]] const Item* item_of(const std::vector<Item>& items, std::string_view key);

}  // namespace cacherator::engine::dynamodb
