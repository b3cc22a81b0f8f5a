// An API client with two times to live.
#include <cacherator/asio.hpp>
#include <cacherator/cacherator.hpp>

#include <iostream>

#include "web.hpp"

using namespace std::chrono_literals;
using cacherator::CachedMethod;
using cacherator::Days;
using cacherator::JSONCache;
using nlohmann::json;

class GitHubClient : public JSONCache {
  asio::thread_pool blocking_{2};

  asio::awaitable<json> ask(std::string path) {
    const auto fetch = [path]() -> asio::awaitable<json> { co_return get_json(api() + path); };
    co_return co_await asio::co_spawn(blocking_, fetch, asio::use_awaitable);
  }
  asio::awaitable<json> get_user_(std::string username) { return ask("/users/" + username); }
  asio::awaitable<json> get_repos_(std::string username) { return ask("/users/" + username + "/repos"); }

 public:
  GitHubClient() : JSONCache({.data_id = "github_client", .ttl = Days{1}}) {}
  CachedMethod<&GitHubClient::get_user_> get_user{this, {.ttl = 12h}};
  CachedMethod<&GitHubClient::get_repos_> get_repos{this, {.ttl = Days{7}}};
};

asio::awaitable<void> show(GitHubClient& client) {
  for (const char* username : {"octocat", "mona"}) {
    const json user = co_await client.get_user(username);
    std::cout << user.at("name").get<std::string>() << ": " << user.at("followers") << " followers (" << *client.last_cache_status() << ")\n";
    const json repos = co_await client.get_repos(username);
    for (const char* between = ""; const auto& repo : repos) std::cout << std::exchange(between, ", ") << repo.at("name").get<std::string>();
    std::cout << " (" << *client.last_cache_status() << ")\n";
  }
}

int main() {
  GitHubClient client;
  asio::io_context loop;
  asio::co_spawn(loop, show(client), asio::detached);
  loop.run();
}
