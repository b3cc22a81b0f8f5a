// What document and journals say together: the index of entries, the clears, the state. Built by replaying the files in
// their order; the same code for opening, tailing and folding.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cacherator/detail/entry.hpp"
#include "cacherator/detail/hash.hpp"
#include "local/document.hpp"
#include "local/record.hpp"

namespace cacherator::engine {

/// The tokens of one call as one text (docs/format.md, section 5); empty: not known.
[[nodiscard]] std::string tokens_of(const TableTokens& tokens, std::string_view signature, std::string_view digest);

/// Not thread-safe: its owner locks.
class Contents {
 public:
  /// What applying something did, for memories that hold on to entries.
  struct Change {
    bool known = false;  ///< an entry that was there was replaced or removed
  };

  /// Begins anew from a document (null: none).
  explicit Contents(std::shared_ptr<const Document> document = nullptr);

  /// Applies the records in `lines` (whole lines). `hold` owns the bytes.
  Change apply(std::string_view lines, const std::shared_ptr<const void>& hold);
  Change apply(const Record& record, const std::shared_ptr<const void>& hold);
  /// An entry that was just appended; its texts are copied. Not for a void one. Answers its serial.
  std::uint64_t put(const DocumentEntry& entry, Change& change);

  /// An entry of another document, which `hold` owns; a void one is left out.
  Change take(const DocumentEntry& entry, std::shared_ptr<const void> hold) { return set(entry, std::move(hold)); }

  [[nodiscard]] std::optional<Entry> find(std::string_view signature, std::string_view digest) const;
  /// True where nothing cleared the function since `under`.
  [[nodiscard]] bool holds(std::string_view function, std::uint64_t under) const;
  [[nodiscard]] bool valid(const DocumentEntry& entry) const;
  [[nodiscard]] std::vector<std::pair<std::string, Entry>> sorted() const;
  [[nodiscard]] std::vector<DocumentEntry> all() const;
  /// Signatures of 1.2.9's entries of `function` (or of all, "*") that are dated after `utc`.
  /// Calls that 1.2.9 wrote and that may be this one in another spelling: with less in their positions, the rest being defaults or keywords.
  [[nodiscard]] std::vector<std::string> other_spellings(std::string_view signature) const;
  [[nodiscard]] std::vector<std::string> plain_after(std::string_view function, Time utc) const;
  [[nodiscard]] std::size_t size() const { return index_.size(); }

  /// Entries that are the same in `before` (date and value) get its serials: memories may keep what they hold.
  /// Answers whether one of its entries is missing or other now.
  Change inherit(const Contents& before);

  /// The document that says all this. Entries outdated by their own ttl for as long again, and a day, are left out.
  [[nodiscard]] std::string document(const std::string& data_id, Time now) const;

  ClearedMap cleared{};
  std::uint64_t clock = 0;
  std::vector<std::string> folded{};
  std::vector<std::string> carried{};
  std::map<std::string, Variable, std::less<>> state{};
  Time saved = 0;
  std::uint64_t damaged_records = 0;
  TableStates tables{};
  std::uint64_t drops = 0;  ///< records of single calls that were dropped, applied here

  /// The tokens of one call as one text (docs/format.md, section 5); empty: none are known.
  [[nodiscard]] std::string tokens_of(std::string_view table, std::string_view signature, std::string_view digest) const;
  /// The entry was found in the second layer just now: it is answered as its until said_once().
  void found_in_l2(std::string_view signature);
  void said_once(std::string_view signature);

 private:
  struct Held {
    DocumentEntry entry;
    std::shared_ptr<const void> hold;
    std::uint64_t serial;
    LayerName layer = LayerName::l1;
  };

  Change set(const DocumentEntry& entry, std::shared_ptr<const void> hold);
  Change clear(const ClearRecord& record);
  void pend(const std::string& key, const std::string& id);
  void apply_tables(const Record& record);
  Change remove_cleared();  ///< what the clears since the last call made void
  Change apply_header(const JournalHeader& header);
  void apply_state(const StateRecord& record);
  static Entry entry_of(const Held& held);

  struct Hash {
    using is_avalanching = void;
    std::size_t operator()(std::string_view text) const noexcept { return detail::hash_bytes(text.data(), text.size()); }
  };
  boost::unordered_flat_map<std::string_view, Held, Hash> index_;  // keys view Held::entry.signature
  std::vector<std::pair<std::string, std::string>> odd_;
  std::set<std::string, std::less<>> to_clear_;
  bool many_ = false;  ///< records come in bulk: what they clear is removed once, behind them
};

}  // namespace cacherator::engine
