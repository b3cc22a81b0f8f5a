// The lines of the journal (docs/format.md, section 3): encoding and parsing, one record at a time.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cacherator/detail/entry.hpp"

namespace cacherator::engine {

/// When a function (or "*", all) was last cleared.
struct Cleared {
  std::uint64_t number = 0;
  Time utc = 0;
};
using ClearedMap = std::map<std::string, Cleared, std::less<>>;

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
};
struct DropRecord {
  std::string signature{};
  Time utc = 0;
};
struct ClearRecord {
  std::string function{};
  std::uint64_t number = 0;
  Time utc = 0;
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
/// A good CRC, but a kind that this version does not know: carried along.
struct UnknownRecord {
  std::string_view line{};
};
/// A wrong CRC, or a line that no writer of ours makes.
struct DamagedRecord {};

using Record = std::variant<DamagedRecord, JournalHeader, PutRecord, DropRecord, ClearRecord, StateRecord, SavedRecord, UnknownRecord>;

/// Parses one line (without its newlines). Views in the answer point into `line`.
[[nodiscard]] Record parse_record(std::string_view line);

// Each appends "\n" + the line with its CRC + "\n" to `out`: what one write() takes.
void encode(std::string& out, const JournalHeader& header);
void encode_put(std::string& out, std::string_view signature, std::string_view digest, std::string_view value, Time utc, double ttl, std::uint64_t under,
                bool plain = false);
void encode(std::string& out, const DropRecord& record);
void encode(std::string& out, const ClearRecord& record);
void encode(std::string& out, const StateRecord& record);
void encode(std::string& out, const SavedRecord& record);
/// Appends a record of an unknown kind as it was read.
void encode_raw(std::string& out, std::string_view line);

}  // namespace cacherator::engine
