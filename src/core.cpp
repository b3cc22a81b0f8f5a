#include "cacherator/detail/core.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <stdexcept>

#include <cxxabi.h>

#include "cacherator/detail/function.hpp"
#include "cacherator/json_cache.hpp"
#include "platform/files.hpp"

namespace cacherator::detail {
namespace {

/// The class's name as it is written in its own namespace: "shop::Cart<ns::Item>" is "Cart<ns::Item>".
std::string class_name(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> full(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), &std::free);
  const std::string_view name = full ? full.get() : type.name();
  int depth = 0;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<' || name[i] == '(' || name[i] == '{') ++depth;
    if (name[i] == '>' || name[i] == ')' || name[i] == '}') --depth;
    if (depth == 0 && name.substr(i, 2) == "::") begin = i + 2;
  }
  return std::string(name.substr(begin));
}

Options checked(Options options) {
  if (options.single_flight == SingleFlight::fleet && !options.dynamodb_table) {
    throw std::invalid_argument("cacherator: single_flight = SingleFlight::fleet needs a dynamodb_table, over which the machines agree");
  }
  if (std::isnan(options.ttl.count())) throw std::invalid_argument("cacherator: ttl is NaN; give a duration, such as 6h or Days{0.25}");
  for (const auto& [name, limit] : {std::pair("dynamodb_connect_timeout", options.dynamodb_connect_timeout), {"dynamodb_timeout", options.dynamodb_timeout}}) {
    if (limit.count() <= 0) {
      throw std::invalid_argument(std::string("cacherator: ") + name + ": no request is answered in no time; give more than 0 seconds");
    }
  }
  return options;
}

}  // namespace

std::string_view name_of(Status status) noexcept {
  switch (status) {
    case Status::l1: return "l1";
    case Status::l2: return "l2";
    case Status::miss: return "miss";
    case Status::none: break;
  }
  return "";
}

Core::Core(Options options) : options_(checked(std::move(options))), directory_(platform::absolute(options_.directory.string())) {
  if (options_.data_id.empty()) return;
  std::lock_guard lock(mutex_);
  open_locked(options_.data_id);
}

Core::~Core() {
  try {
    save_state(false, options_.save_on_del);
  } catch (const std::exception& error) {
    if (cache_) cache_->warn(std::string("state could not be saved: ") + error.what());
  }
}

void Core::open_locked(std::string data_id) {
  auto cache = engine::Cache::open({.data_id = std::move(data_id),
                                    .directory = directory_,
                                    .clear_cache = options_.clear_cache,
                                    .logging = options_.logging,
                                    .durability = options_.durability,
                                    .hits = options_.hits,
                                    .single_flight_wait = options_.single_flight_wait,
                                    .dynamodb_table = options_.dynamodb_table.value_or(""),
                                    .dynamodb_connect_timeout = options_.dynamodb_connect_timeout,
                                    .dynamodb_timeout = options_.dynamodb_timeout,
                                    .fleet = options_.single_flight == SingleFlight::fleet});
  if (!cache) throw std::invalid_argument("cacherator: " + cache.fault().message);
  cache_ = *std::move(cache);
  opened_.store(cache_.get(), std::memory_order_release);
}

engine::Cache& Core::cache() {
  if (!options_.data_id.empty()) return *cache_;
  std::lock_guard lock(mutex_);
  if (!owner_) {
    if (cache_) return *cache_;
    throw std::logic_error("cacherator: a cached function without a data_id was first called after its JSONCache was gone");
  }
  const std::type_info& type = typeid(*owner_);
  if (!cache_) {
    open_locked(class_name(type));
    named_by_ = &type;
  } else if (*named_by_ != type) {
    throw std::logic_error("cacherator: give a data_id to JSONCache: " + class_name(*named_by_) + " was used while " + class_name(type) +
                           " was being built or destroyed, so the class's name is not one name");
  }
  return *cache_;
}

std::string Core::data_id() { return cache().info().data_id; }

void Core::set_owner(const JSONCache* owner) {
  std::lock_guard lock(mutex_);
  owner_ = owner;
}

void Core::add(FunctionBase* function) {
  std::lock_guard lock(mutex_);
  functions_.push_back(function);
}

void Core::remove(FunctionBase* function) {
  std::lock_guard lock(mutex_);
  std::erase(functions_, function);
}

std::vector<std::shared_ptr<FunctionBase>> Core::functions() {
  std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<FunctionBase>> living;
  for (auto* each : functions_) {
    if (auto held = each->weak_from_this().lock()) living.push_back(std::move(held));
  }
  return living;
}

void Core::add(StateMember* member) {
  if (!engine::is_utf8(member->name())) throw std::invalid_argument("cacherator: a variable cannot be named '" + member->name() + "': it is not UTF-8");
  std::lock_guard lock(mutex_);
  members_.push_back(member);
}

void Core::remove(StateMember* member, const std::optional<std::string>& text) {
  std::lock_guard lock(mutex_);
  std::erase(members_, member);
  if (text) handed_over_[member->name()] = *text;
}

void Core::load_state_locked(engine::Cache& cache) {
  if (state_) return;
  state_.emplace();
  if (options_.clear_cache) return;
  cache.load_state();
  const engine::Time saved = cache.state_saved();
  if (!saved || !engine::in_time(saved, options_.ttl.count(), engine::now())) return;
  for (auto& variable : cache.state()) state_->emplace(variable.name, std::move(variable));
}

std::optional<engine::Variable> Core::stored(std::string_view name) {
  engine::Cache& opened = cache();
  std::lock_guard lock(mutex_);
  load_state_locked(opened);
  const auto found = state_->find(name);
  if (found == state_->end()) return std::nullopt;
  return found->second;
}

void Core::save_state(bool touch, bool share) {
  engine::Cache* opened = opened_.load(std::memory_order_acquire);
  if (!opened && touch) opened = &cache();
  if (!opened) return;
  std::lock_guard lock(mutex_);
  load_state_locked(*opened);
  std::map<std::string, std::string, std::less<>> texts;
  texts.swap(handed_over_);
  if (touch) {
    for (const auto* member : members_) {
      try {
        texts[member->name()] = member->text();
      } catch (const std::exception& error) {
        opened->warn("the variable '" + member->name() + "' is not saved: " + error.what(), "unsaved " + member->name());
      }
    }
  }
  std::vector<engine::Variable> changed;
  for (auto& [name, text] : texts) {
    auto& known = (*state_)[name];
    if (!known.plain && known.name == name && known.value == text) continue;
    known = {.name = name, .value = text};
    changed.push_back(known);
  }
  if (changed.empty() && !(touch && !texts.empty()) && !share) return;
  if (auto saved = opened->save_state(changed, touch && !texts.empty(), share); !saved) opened->warn("saving state: " + saved.fault().message);
}

Status Core::last_here() {
  const Reader& here = reader();
  const auto last = last_[here.slot % last_.size()].load(std::memory_order_relaxed);
  return (last & ~3u) == here.mark ? static_cast<Status>(last & 3) : Status::none;
}

}  // namespace cacherator::detail
