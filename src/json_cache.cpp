#include "cacherator/json_cache.hpp"

#include "cacherator/detail/core.hpp"
#include "cacherator/detail/function.hpp"
#include "log.hpp"

namespace cacherator {
namespace {

void check(engine::Cache& cache, const engine::Result<void>& done) {
  if (!done) cache.warn(done.fault().message);
}

}  // namespace

JSONCache::JSONCache() : JSONCache(Options{}) {}
JSONCache::JSONCache(Options options) : core_(std::make_shared<detail::Core>(std::move(options))) { core_->set_owner(this); }
JSONCache::~JSONCache() { core_->set_owner(nullptr); }

void JSONCache::json_cache_save() {
  core_->save_state(true, true);
  engine::Cache& cache = core_->cache();
  check(cache, cache.checkpoint());
}

void JSONCache::json_cache_save_db() { json_cache_save(); }

void JSONCache::json_cache_clear() {
  engine::Cache& cache = core_->cache();
  check(cache, cache.clear("*"));
  for (const auto& function : core_->functions()) function->forget(std::nullopt);
}

void JSONCache::json_cache_clear(std::string_view name) {
  if (name == "*") return json_cache_clear();
  engine::Cache& cache = core_->cache();
  const bool one_call = name.find('(') != std::string_view::npos;
  const std::string stored = one_call ? engine::shorten(std::string(name)).text : std::string(name);
  check(cache, one_call ? cache.drop(stored) : cache.clear(stored));
  for (const auto& function : core_->functions()) {
    if (one_call) {
      function->forget(stored);
    } else if (function->name() == name) {
      function->forget(std::nullopt);
    }
  }
}

Stats JSONCache::json_cache_stats() const {
  Stats stats;
  for (const auto& [signature, status] : cache_status()) {
    ++stats.total_entries;
    ++stats.functions[std::string(engine::function_of(signature))];
  }
  return stats;
}

Info JSONCache::json_cache_info() const {
  Info info{core_->cache().info(), {}};
  for (const auto& function : core_->functions()) {
    const auto counts = function->counts();
    auto& known = info.functions[function->name()];
    known.hits_l1 += counts.hits_l1;
    known.hits_l2 += counts.hits_l2;
    known.misses += counts.misses;
  }
  return info;
}

DbKeys JSONCache::json_cache_list_db_keys(std::size_t limit, std::optional<std::string> last_key) const {
  engine::Cache& cache = core_->cache();
  auto page = cache.list_db_keys(limit, last_key);
  if (page) return {std::move(page->keys), std::move(page->last_key)};
  if (page.fault().kind == engine::Fault::Kind::misuse) throw std::invalid_argument("cacherator: " + page.fault().message);
  cache.warn(page.fault().message);
  return {};
}

std::map<std::string, std::string> JSONCache::cache_status() const {
  std::map<std::string, std::string> statuses;
  for (const auto& [signature, entry] : core_->cache().entries()) statuses.emplace(signature, "l1");
  for (const auto& function : core_->functions()) function->statuses(statuses);
  return statuses;
}

std::optional<std::string_view> JSONCache::last_cache_status() const {
  const auto last = core_->last_here();
  if (last == detail::Status::none) return std::nullopt;
  return detail::name_of(last);
}

void JSONCache::set_logging(bool enabled) noexcept { engine::set_logging(enabled); }

std::string JSONCache::data_id() const { return core_->data_id(); }

}  // namespace cacherator
