// The lines of the journal (docs/format.md, section 3): encoding and parsing, one record at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cacherator/detail/entry.hpp"
#include "local/store.hpp"

namespace cacherator::engine {

/// When a function (or "*", all) was last cleared.
struct Cleared {
  std::uint64_t number = 0;
  Time utc = 0;
};
using ClearedMap = std::map<std::string, Cleared, std::less<>>;

/// Clears that a table was not told of: key ("*", a function's name, or a signature) -> id.
using PendingClears = std::map<std::string, std::string, std::less<>>;
/// What is known here of one table.
struct TableState {
  TableTokens tokens{};
  PendingClears pending{};
};
using TableStates = std::map<std::string, TableState, std::less<>>;  ///< by 8 hex digits

/// An entry as the files have it. Views point into what was read.
struct DocumentEntry {
  std::string_view signature{};
  std::string_view value{};  ///< JSON text
  std::string_view digest{};
  Time utc = 0;
  double ttl = 0;  ///< days; NaN: not known
  std::uint64_t under = 0;
  bool plain = false;         ///< 1.2.9 wrote it
  std::string_view tokens{};  ///< as of Entry
  std::string_view in{};      ///< from known_table(), or empty
};

struct JournalHeader {
  std::int64_t format = 1;
  std::string data_id{};
  std::string id{};     ///< 32 hex digits
  std::string after{};  ///< id of the journal it follows; empty: none
  ClearedMap cleared{};
  std::uint64_t clock = 0;
};
struct PutRecord {
  std::string signature{};
  std::string_view value{};  ///< views the line
  std::string digest{};
  Time utc = 0;
  double ttl = 999;
  std::uint64_t under = 0;
  bool plain = false;
  std::string tokens{};  ///< of the second layer's table; empty: not known
  std::string in{};      ///< the table that has it
};
struct DropRecord {
  std::string signature{};
  Time utc = 0;
  std::string l2{};  ///< id, pending for all tables that are known; empty: none is
};
struct ClearRecord {
  std::string function{};
  std::uint64_t number = 0;
  Time utc = 0;
  std::string l2{};  ///< as of DropRecord
};
struct StateRecord {
  std::string name{};
  std::string_view value{};  ///< views the line
  Time utc = 0;
  bool gone = false;
  bool plain = false;
};
struct SavedRecord {
  Time utc = 0;
};
/// The table was told of a clear.
struct ToldRecord {
  std::string key{}, l2{}, table{};
};
/// All tokens of a table; without any: only that it is in use. `pending` is added to what is pending.
struct TokensRecord {
  std::string table{};
  TableTokens tokens{};
  PendingClears pending{};
};
/// These entries are in the table: signature, date.
struct InRecord {
  std::string table{};
  std::vector<std::pair<std::string, Time>> entries{};
};
/// A good CRC, but a kind that this version does not know: carried along.
struct UnknownRecord {
  std::string_view line{};
};
/// A wrong CRC, or a line that no writer of ours makes.
struct DamagedRecord {};

using Record =
    std::variant<DamagedRecord, JournalHeader, PutRecord, DropRecord, ClearRecord, StateRecord, SavedRecord, ToldRecord, TokensRecord, InRecord, UnknownRecord>;

/// Parses one line (without its newlines). Views in the answer point into `line`.
[[nodiscard]] Record parse_record(std::string_view line);
/// The id of a table as a view that is valid for ever; empty where `id` is not 8 hex digits. Thread-safe.
[[nodiscard]] std::string_view known_table(std::string_view id);

// Each appends "\n" + the line with its CRC + "\n" to `out`: what one write() takes.
void encode(std::string& out, const JournalHeader& header);
void encode(std::string& out, const DocumentEntry& put);
void encode(std::string& out, const DropRecord& record);
void encode(std::string& out, const ClearRecord& record);
void encode(std::string& out, const StateRecord& record);
void encode(std::string& out, const SavedRecord& record);
void encode(std::string& out, const ToldRecord& record);
void encode(std::string& out, const TokensRecord& record);
void encode(std::string& out, const InRecord& record);
/// Appends a record of an unknown kind as it was read.
void encode_raw(std::string& out, std::string_view line);

}  // namespace cacherator::engine
