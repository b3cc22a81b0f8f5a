// Operations of a table, waited for.
#pragma once

#include <atomic>
#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dynamodb/table.hpp"

namespace cacherator::engine::dynamodb {

/// Calls `start` with a `done`, and waits for what that is given.
template <class T, class Start>
Outcome<T> wait_for(Start start) {
  auto promise = std::make_shared<std::promise<Outcome<T>>>();
  auto future = promise->get_future();
  start(Done<T>([promise](Outcome<T> outcome) { promise->set_value(std::move(outcome)); }));
  return future.get();
}

inline Outcome<std::vector<Item>> get(Table& table, std::vector<std::string> keys) {
  return wait_for<std::vector<Item>>([&](auto done) { table.get(std::move(keys), std::move(done)); });
}
inline Outcome<bool> put(Table& table, Item item, std::optional<Expression> condition = {}) {
  return wait_for<bool>([&](auto done) { table.put(std::move(item), std::move(condition), std::move(done)); });
}
inline Outcome<std::vector<bool>> write(Table& table, std::vector<Item> items) {
  return wait_for<std::vector<bool>>([&](auto done) { table.write(std::move(items), std::move(done)); });
}
inline Outcome<Item> update(Table& table, std::string key, Expression what, std::optional<std::string> condition = {}) {
  return wait_for<Item>([&](auto done) { table.update(std::move(key), std::move(what), std::move(condition), std::move(done)); });
}
inline Outcome<Table::Page> scan(Table& table, std::size_t limit, std::optional<std::string> after = {}, Expression filter = {},
                                 std::vector<std::string> attributes = {}) {
  return wait_for<Table::Page>([&](auto done) { table.scan(limit, std::move(after), std::move(filter), std::move(attributes), std::move(done)); });
}

inline Attribute text(std::string value) { return {Attribute::Type::text, std::move(value)}; }
inline Attribute number(std::string value) { return {Attribute::Type::number, std::move(value)}; }
inline Attribute bytes(std::string value) { return {Attribute::Type::bytes, std::move(value)}; }
inline Item item(std::string key, std::string data = "data") { return {{"cache_id", text(std::move(key))}, {"data", text(std::move(data))}}; }

/// An environment with credentials, a region and this endpoint; `changes` come on top, an empty one takes a variable away.
inline Environment environment(const std::string& endpoint, const std::map<std::string, std::string>& changes = {}) {
  std::map<std::string, std::string> all{{"AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"},
                                         {"AWS_SECRET_ACCESS_KEY", "the-secret-key"},
                                         {"AWS_REGION", "eu-west-1"},
                                         {"AWS_ENDPOINT_URL_DYNAMODB", endpoint},
                                         {"AWS_EC2_METADATA_DISABLED", "true"}};
  for (const auto& [name, value] : changes) all[name] = value;
  return [all](const std::string& name) -> std::optional<std::string> {
    const auto at = all.find(name);
    return at == all.end() || at->second.empty() ? std::nullopt : std::optional(at->second);
  };
}

/// A table of its own for each call, without profiles; `limit`: of one operation.
inline std::shared_ptr<Table> open_table(const Environment& environment, std::chrono::milliseconds limit = std::chrono::seconds(3), std::string name = {}) {
  static std::atomic<int> number{0};
  if (name.empty()) name = "table-" + std::to_string(++number);
  auto settings = Settings::resolve(name, environment, {});
  if (!settings) return nullptr;
  settings->call_limit = limit;
  return Table::open(*settings, environment, {});
}

}  // namespace cacherator::engine::dynamodb
