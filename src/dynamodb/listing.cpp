// The data_ids that a table has: each cache's item of tokens names one, and so does an item of 1.2.9 whose cache has none.
#include <algorithm>
#include <set>

#include "dynamodb/core.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::size_t kScanned = 1000;  ///< items that one request looks at
constexpr std::size_t kChecked = 100;   ///< keys of one read
constexpr std::chrono::seconds kLimit{20};

/// One whose data_id, and whose key: where to go on.
struct Listed {
  std::string data_id, cache_id;
  bool legacy;
};

Expression caches_only() {
  return {.text = "attribute_exists(#born) OR (attribute_exists(#data) AND attribute_not_exists(#signature) AND #ttl > :now)",
          .names = {{"#born", "born"}, {"#data", "data"}, {"#signature", "signature"}, {"#ttl", "ttl"}},
          .values = {{":now", seconds_attribute(now())}}};
}

template <class T, class Ask>
Result<T> wait_for(Table& table, const Ask& ask) {
  const auto answer = std::make_shared<Awaited<Outcome<T>>>();
  ask([answer](Outcome<T> outcome) { answer->set(std::move(outcome)); });
  auto outcome = answer->wait_until(Steady::now() + table.settings().call_limit + std::chrono::seconds(1));
  if (outcome && outcome->value) return *std::move(outcome->value);
  return Fault{Fault::Kind::io, outcome ? outcome->failure.message : "the table '" + table.settings().table + "' did not answer in time"};
}

std::vector<Listed> listed_in(const std::vector<Item>& items) {
  std::vector<Listed> listed;
  for (const auto& item : items) {
    const std::string key(value_in(item, "cache_id", Attribute::Type::text));
    const std::string data_id(value_in(item, "data_id", Attribute::Type::text));
    listed.push_back({data_id.empty() ? key : data_id, key, data_id.empty()});
  }
  return listed;
}

/// Leaves out those of 1.2.9's items whose cache has tokens, too: those name it.
Result<void> leave_out_twins(Table& table, std::vector<Listed>& listed) {
  std::set<std::string> with_tokens;
  std::vector<std::string> keys;
  for (const auto& one : listed) {
    if (one.legacy) keys.push_back(Keys(one.data_id).tokens);
  }
  for (std::size_t at = 0; at < keys.size(); at += kChecked) {
    const std::vector<std::string> some(keys.begin() + static_cast<std::ptrdiff_t>(at),
                                        keys.begin() + static_cast<std::ptrdiff_t>(std::min(keys.size(), at + kChecked)));
    const auto items = wait_for<std::vector<Item>>(table, [&](auto done) { table.get(some, std::move(done)); });
    if (!items) return items.fault();
    for (const auto& item : *items) with_tokens.emplace(value_in(item, "cache_id", Attribute::Type::text));
  }
  std::erase_if(listed, [&](const Listed& one) { return one.legacy && with_tokens.contains(Keys(one.data_id).tokens); });
  return {};
}

}  // namespace

Result<DbPage> Core::list(std::size_t limit, const std::optional<std::string>& after) {
  if (limit == 0) return Fault{Fault::Kind::misuse, "limit: 0 keys are no page; give 1 or more"};
  const auto until = Steady::now() + kLimit;
  DbPage page;
  std::optional<std::string> from = after;
  while (page.keys.size() < limit) {
    auto scanned = wait_for<Table::Page>(*table, [&](auto done) { table->scan(kScanned, from, caches_only(), {"cache_id", "data_id"}, std::move(done)); });
    if (!scanned) return scanned.fault();
    auto listed = listed_in(scanned->items);
    if (auto checked = leave_out_twins(*table, listed); !checked) return checked.fault();
    for (auto& one : listed) {
      if (page.keys.size() == limit) return page;  // last_key: of the last one that is in
      page.keys.push_back(std::move(one.data_id));
      page.last_key = std::move(one.cache_id);
    }
    from = page.last_key = scanned->last;
    if (!from || Steady::now() > until) break;
  }
  return page;
}

}  // namespace cacherator::engine::dynamodb
