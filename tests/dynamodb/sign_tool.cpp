// Signs what it is given, for sign_oracle.py: a JSON object on each line of the standard input, a signature on each line of the output.
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "dynamodb/sign.hpp"

int main() {
  using namespace cacherator::engine;
  for (std::string line; std::getline(std::cin, line);) {
    const auto given = nlohmann::json::parse(line);
    const auto text = [&](const char* key) { return given.at(key).get<std::string>(); };
    const auto headers = given.at("headers").get<std::vector<dynamodb::Header>>();
    const auto method = text("method"), host = text("host"), path = text("path"), query = text("query"), body = text("body");
    const dynamodb::Credentials who{.key_id = text("key_id"), .secret = text("secret"), .token = text("token")};
    const auto done = dynamodb::sign({.method = method, .host = host, .path = path, .query = query, .headers = &headers, .body = body}, who, text("region"),
                                     text("service"), given.at("time").get<Time>() * kSecond);
    std::cout << nlohmann::json{{"canonical", done.canonical_request}, {"authorization", done.headers.back().second}}.dump() << '\n';
  }
}
