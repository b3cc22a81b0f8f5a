#include "digest.hpp"

#include <array>
#include <bit>
#include <cstdint>

namespace cacherator::engine {
namespace {

using Word = std::uint32_t;
__extension__ using Wide = unsigned __int128;
using Block = const unsigned char*;

Word word_at(Block block, std::size_t i) { return static_cast<Word>(block[4 * i] << 24 | block[4 * i + 1] << 16 | block[4 * i + 2] << 8 | block[4 * i + 3]); }

/// The bytes with a one bit, zeros and their length in bits behind them, block by block (FIPS 180-4, 5.1.1).
template <std::size_t N>
std::string digest(std::string_view bytes, std::array<Word, N> state, void (*add)(std::array<Word, N>&, Block)) {
  const std::size_t whole = bytes.size() / 64 * 64;
  for (std::size_t at = 0; at < whole; at += 64) add(state, reinterpret_cast<Block>(bytes.data()) + at);
  std::string rest(bytes.substr(whole));
  rest += '\x80';
  rest.resize(rest.size() > 56 ? 120 : 56, '\0');
  for (int shift = 56; shift >= 0; shift -= 8) rest += static_cast<char>(static_cast<std::uint64_t>(bytes.size()) * 8 >> shift);
  for (std::size_t at = 0; at < rest.size(); at += 64) add(state, reinterpret_cast<Block>(rest.data()) + at);
  std::string result;
  for (const Word word : state) {
    for (int shift = 24; shift >= 0; shift -= 8) result += static_cast<char>(word >> shift);
  }
  return result;
}

void add_sha1(std::array<Word, 5>& state, Block block) {
  Word w[80];
  for (std::size_t i = 0; i < 80; ++i) w[i] = i < 16 ? word_at(block, i) : std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
  auto [a, b, c, d, e] = state;
  for (std::size_t i = 0; i < 80; ++i) {
    const Word mixed = i < 20   ? ((b & c) ^ (~b & d)) + 0x5a827999
                       : i < 40 ? (b ^ c ^ d) + 0x6ed9eba1
                       : i < 60 ? ((b & c) ^ (b & d) ^ (c & d)) + 0x8f1bbcdc
                                : (b ^ c ^ d) + 0xca62c1d6;
    const Word next = std::rotl(a, 5) + mixed + e + w[i];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  const Word more[] = {a, b, c, d, e};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += more[i];
}

/// The first 32 bits of the fraction of a cube root: those of the largest x with x ** 3 <= n * 2 ** 96.
constexpr Word cube_root_fraction(unsigned n) {
  Wide x = 0;
  for (int bit = 35; bit >= 0; --bit) {
    const auto larger = x | static_cast<Wide>(1) << bit;
    if (larger * larger * larger <= static_cast<Wide>(n) << 96) x = larger;
  }
  return static_cast<Word>(x);
}

/// Of the first 64 primes (4.2.2).
constexpr std::array<Word, 64> kConstants = [] {
  std::array<Word, 64> all{};
  std::size_t known = 0;
  for (unsigned n = 2; known < all.size(); ++n) {
    bool prime = true;
    for (unsigned by = 2; by * by <= n; ++by) prime = prime && n % by != 0;
    if (prime) all[known++] = cube_root_fraction(n);
  }
  return all;
}();

void add_sha256(std::array<Word, 8>& state, Block block) {
  Word w[64];
  for (std::size_t i = 0; i < 64; ++i) {
    if (i < 16) {
      w[i] = word_at(block, i);
      continue;
    }
    const Word s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3,
               s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  auto [a, b, c, d, e, f, g, h] = state;
  for (std::size_t i = 0; i < 64; ++i) {
    const Word t1 = h + (std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25)) + ((e & f) ^ (~e & g)) + kConstants[i] + w[i];
    const Word t2 = (std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  const Word more[] = {a, b, c, d, e, f, g, h};
  for (std::size_t i = 0; i < state.size(); ++i) state[i] += more[i];
}

std::string hex(std::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return text;
}

}  // namespace

std::string sha1_hex(std::string_view bytes) { return hex(digest<5>(bytes, {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0}, add_sha1)); }

std::string sha256_hex(std::string_view bytes) {
  return hex(digest<8>(bytes, {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}, add_sha256));
}

}  // namespace cacherator::engine
