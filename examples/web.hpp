// What the C++ examples ask the web with. CACHERATOR_EXAMPLE_API names a running examples/server.py.
#pragma once

#include <curl/curl.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>

inline std::string api() {
  if (const char* address = std::getenv("CACHERATOR_EXAMPLE_API")) return address;
  std::cerr << "This example asks a small HTTP API. In another terminal: python3 examples/server.py\n"
               "Then, with the address it prints: CACHERATOR_EXAMPLE_API=http://127.0.0.1:... and this program again.\n";
  std::exit(2);
}

inline std::string get(const std::string& url) {
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(), &curl_easy_cleanup);
  std::string body;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT, 10L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &body);
  curl_easy_setopt(
      curl.get(), CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t, std::size_t size, void* into) {
        static_cast<std::string*>(into)->append(data, size);
        return size;
      });
  if (const CURLcode code = curl_easy_perform(curl.get()); code != CURLE_OK) throw std::runtime_error(url + ": " + curl_easy_strerror(code));
  return body;
}

inline nlohmann::json get_json(const std::string& url) { return nlohmann::json::parse(get(url)); }
