// Coroutine caching: one of many callers asks, all get the answer.
#include <cacherator/asio.hpp>
#include <cacherator/cacherator.hpp>

#include <iostream>

#include "web.hpp"

using cacherator::CachedMethod;
using cacherator::Days;
using cacherator::JSONCache;

class APIClient : public JSONCache {
  asio::thread_pool blocking_{2};

  asio::awaitable<nlohmann::json> fetch_user_(int id) {
    const auto ask = [id]() -> asio::awaitable<nlohmann::json> { co_return get_json(api() + "/users/" + std::to_string(id)); };
    co_return co_await asio::co_spawn(blocking_, ask, asio::use_awaitable);
  }

 public:
  CachedMethod<&APIClient::fetch_user_> fetch_user{this, {.ttl = Days{1}}};
};

int main() {
  APIClient client;
  for (const int id : {123, 456}) {
    const bool known = client.fetch_user.peek(id).has_value();
    asio::io_context loop;
    std::string name;
    for (int i = 0; i < 5; ++i) {
      const auto call = [&]() -> asio::awaitable<void> { name = (co_await client.fetch_user(id)).at("name"); };
      asio::co_spawn(loop, call, asio::detached);
    }
    loop.run();
    std::cout << "user " << id << ": " << name << '\n' << (known ? "remembered" : "asked the API") << '\n';
  }
}
