// Text that both languages must render alike: the grammar of signatures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cacherator::engine {

/// Appends Python's repr of a text: quotes as Python chooses them, escapes by one frozen table of printable characters
/// (Unicode 13, CPython 3.9), so that the text is the same on every version. `utf8` may hold surrogates encoded as
/// three bytes; they come out as \udXXX. Other malformed bytes come out as \xNN.
void append_text(std::string& out, std::string_view utf8);
/// Appends Python's repr of a bytes object: b'...'.
void append_bytes(std::string& out, std::string_view bytes);
/// Appends Python's repr of a float: shortest round trip, "1.0", "1e+16", "nan", "-inf".
void append_float(std::string& out, double value);
void append_int(std::string& out, std::int64_t value);
void append_uint(std::string& out, std::uint64_t value);

/// Appends a JSON string: quotes, backslashes and control characters escaped, all else as it is. Surrogates encoded as three
/// bytes come out as \\udXXX.
void append_json(std::string& out, std::string_view utf8);

struct Signature {
  std::string text;    ///< what an entry is stored under
  std::string digest;  ///< SHA-256 in hex of the full text, where `text` is a shortened one; else empty
};

/// Signatures of 180 characters (code points) and more become the first 149, '_' and the SHA-1 in hex, as in 1.2.9.
[[nodiscard]] Signature shorten(std::string full);

/// True if `utf8` is well-formed UTF-8 (no surrogates).
[[nodiscard]] bool is_utf8(std::string_view utf8) noexcept;

}  // namespace cacherator::engine
