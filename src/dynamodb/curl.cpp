#include "dynamodb/curl.hpp"

#include <curl/curl.h>
#include <openssl/crypto.h>

#include <atomic>
#include <mutex>

#include "cacherator/detail/fork_safe.hpp"

namespace cacherator::engine::dynamodb {

void ensure_curl() {
  static std::atomic<bool> ready{false};
  static detail::ForkSafeMutex mutex;  // not std::call_once: a child that is forked meanwhile would wait for ever
  if (ready.load(std::memory_order_acquire)) return;
  std::lock_guard lock(mutex);
  if (ready.load(std::memory_order_relaxed)) return;
  // OpenSSL would take itself down at exit, under threads that are not joined; where another library was first, it still does.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);
  curl_global_init(CURL_GLOBAL_DEFAULT);
  ready.store(true, std::memory_order_release);
}

}  // namespace cacherator::engine::dynamodb
