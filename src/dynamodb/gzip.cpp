#include "dynamodb/gzip.hpp"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>

namespace cacherator::engine::dynamodb {
namespace {

constexpr int kGzip = 15 + 16;  ///< zlib's window bits: the largest window, gzip's header
constexpr std::size_t kFirst = std::size_t{64} << 10;

/// zlib counts in 32 bits: the next piece of the input.
uInt piece(std::size_t left) { return static_cast<uInt>(std::min<std::size_t>(left, std::numeric_limits<uInt>::max())); }

void give(z_stream& stream, std::string_view text, std::size_t& given) {
  if (stream.avail_in > 0) return;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data())) + given;
  stream.avail_in = piece(text.size() - given);
  given += stream.avail_in;
}

/// Room for more in `out`, of which `used` bytes are taken, up to `limit`; false: there is none.
bool make_room(z_stream& stream, std::string& out, std::size_t used, std::size_t limit) {
  if (used == out.size()) {
    if (used >= limit) return false;
    out.resize(std::min(limit, std::max(kFirst, 2 * used)));
  }
  stream.next_out = reinterpret_cast<Bytef*>(out.data()) + used;
  stream.avail_out = piece(out.size() - used);
  return true;
}

}  // namespace

std::optional<std::string> gzip(std::string_view text, std::size_t limit) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, decltype(&deflateEnd)> ends(&stream, &deflateEnd);
  std::string out;
  std::size_t given = 0, used = 0;
  for (;;) {
    if (!make_room(stream, out, used, limit)) return std::nullopt;
    give(stream, text, given);
    const int state = deflate(&stream, given == text.size() ? Z_FINISH : Z_NO_FLUSH);
    used = static_cast<std::size_t>(stream.next_out - reinterpret_cast<Bytef*>(out.data()));
    if (state == Z_STREAM_END) break;
  }
  out.resize(used);
  return out;
}

Result<std::string> gunzip(std::string_view packed, std::size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzip) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> ends(&stream, &inflateEnd);
  std::string out;
  std::size_t given = 0, used = 0;
  for (;;) {
    // One byte beyond the limit tells a text that just fits from one that does not.
    if (!make_room(stream, out, used, limit + 1)) return Fault{Fault::Kind::limit, "unpacked it has more than " + std::to_string(limit) + " bytes"};
    give(stream, packed, given);
    const int state = inflate(&stream, Z_NO_FLUSH);
    used = static_cast<std::size_t>(stream.next_out - reinterpret_cast<Bytef*>(out.data()));
    if (used > limit) return Fault{Fault::Kind::limit, "unpacked it has more than " + std::to_string(limit) + " bytes"};
    if (state == Z_STREAM_END) break;
    if (state == Z_MEM_ERROR) throw std::bad_alloc();
    const bool starved = stream.avail_in == 0 && given == packed.size() && stream.avail_out > 0;
    if (starved || (state != Z_OK && state != Z_BUF_ERROR)) return Fault{Fault::Kind::damage, "it is no gzip, or was cut off"};
  }
  out.resize(used);
  return out;
}

}  // namespace cacherator::engine::dynamodb
