#include "dynamodb/curl.hpp"

#include <curl/curl.h>
#include <openssl/crypto.h>

#include <mutex>

namespace cacherator::engine::dynamodb {

void ensure_curl() {
  static std::once_flag once;
  std::call_once(once, [] {
    // OpenSSL would take itself down at exit, under threads that are not joined; where another library was first, it still does.
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
    curl_global_init(CURL_GLOBAL_DEFAULT);
  });
}

}  // namespace cacherator::engine::dynamodb
