#include "digest.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <cstdio>

namespace cacherator::engine {
namespace {

/// What OpenSSL makes of it.
std::string reference(const EVP_MD* algorithm, const std::string& bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &size, algorithm, nullptr);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", digest[i]);
    text += digits;
  }
  return text;
}

TEST(Digest, The_examples_of_the_standard_have_their_digests) {
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string million(1'000'000, 'a');
  EXPECT_EQ(sha1_hex(million), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(sha256_hex(million), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Digest, They_are_those_of_OpenSSL_at_every_length) {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(sha1_hex(text), reference(EVP_sha1(), text)) << i;
    EXPECT_EQ(sha256_hex(text), reference(EVP_sha256(), text)) << i;
    text += static_cast<char>(i * 7);
  }
}

}  // namespace
}  // namespace cacherator::engine
