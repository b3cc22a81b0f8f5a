#include "dynamodb/state.hpp"

#include <utility>

#include "dynamodb/core.hpp"
#include "dynamodb/http.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::size_t kAtOnce = 64;  ///< variables of one update: expressions have at most 4 KB
constexpr int kAttempts = 16;

/// Dates are written to the microsecond.
bool not_older(Time there, Time here) { return there / 1000 >= here / 1000; }

/// What the table has counts: it is newer, or the same.
bool stands(std::string_view name, const Attribute& there, const Variable& here, const Attribute& value) {
  const auto known = read_variable(name, there);
  if (!known || !not_older(known->utc, here.utc)) return false;
  return !not_older(here.utc, known->utc) || (there.type == value.type && there.value == value.value);
}

}  // namespace

void State::load() {
  if (!core_.usable()) return;
  Loaded loaded;
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    first = !loading_;
    if (first) loading_ = std::make_shared<Awaited<bool>>();
    loaded = loading_;
  }
  if (first) send_load(loaded);
  if (!on_thread_of_requests()) loaded->wait_until(Steady::now() + core_.table->settings().call_limit);
}

/// The first one also brings what the first look-up would ask for.
void State::send_load(const Loaded& loaded) {
  bool prime = false;
  {
    std::lock_guard lock(mutex_);
    prime = !std::exchange(primed_, true);
  }
  std::vector<std::string> keys{core_.keys.state};
  const bool with_legacy = core_.legacy.take();
  if (prime) keys.push_back(core_.keys.tokens);
  if (with_legacy) keys.push_back(core_.keys.legacy);
  core_.table->get(std::move(keys),
                   [self = core_.shared_from_this(), this, loaded, prime, with_legacy, at = core_.tokens.ticket()](Outcome<std::vector<Item>> read) {
                     if (read.value) {
                       const Item* item = prime ? item_of(*read.value, self->keys.tokens) : nullptr;
                       if (auto tokens = item ? read_tokens(*item) : std::nullopt)
                         self->tokens.adopt(at, std::make_shared<const TableTokens>(*std::move(tokens)));
                       came(*read.value, with_legacy);
                     } else {
                       if (with_legacy) self->legacy.give_back();
                       self->failed(read.failure);
                     }
                     {
                       std::lock_guard lock(mutex_);
                       loading_ = nullptr;
                       if (!read.value && prime) primed_ = false;
                     }
                     loaded->set(read.value.has_value());
                   });
}

void State::came(const std::vector<Item>& items, bool with_legacy) {
  core_.pass_operations();
  if (with_legacy) core_.legacy.set(item_of(items, core_.keys.legacy));
  const Item* item = item_of(items, core_.keys.state);
  const auto there = item ? read_state(*item) : std::vector<Variable>();
  if (!there.empty()) {
    core_.store->bring_state(there);
  } else if (core_.store->state().empty()) {
    const auto plain = core_.legacy.variables();
    if (!plain.empty()) core_.store->bring_state(plain);
  }
  if (!core_.store->pending(core_.id).empty()) core_.tokens.tell(nullptr);
}

void State::save(std::vector<Variable> variables) {
  {
    std::lock_guard lock(mutex_);
    for (auto& variable : variables) {
      if (variable.plain) continue;
      auto& waiting = waiting_[variable.name];
      if (waiting.order == 0 || waiting.variable.utc <= variable.utc) waiting = {std::move(variable), ++last_};
    }
    if (waiting_.empty()) return;
  }
  core_.table->after(std::chrono::milliseconds(0), [self = core_.shared_from_this()] { self->state.pump(); });
}

std::size_t State::waiting() {
  std::lock_guard lock(mutex_);
  return waiting_.size();
}

void State::pump() {
  {
    std::lock_guard lock(mutex_);
    if (busy_ || waiting_.empty()) return;
    busy_ = true;
  }
  if (!core_.usable()) return pause();
  if (core_.tokens.known()) return read();
  core_.tokens.read([self = core_.shared_from_this(), this](const TokensPtr& tokens) { tokens ? read() : pause(); });  // they name the cache in lists
}

void State::pause() {
  {
    std::lock_guard lock(mutex_);
    busy_ = false;
  }
  core_.retry();
}

void State::read() {
  core_.table->get({core_.keys.state}, [self = core_.shared_from_this(), this](const Outcome<std::vector<Item>>& read) {
    if (!read.value) {
      self->failed(read.failure);
      return pause();
    }
    const Item* item = item_of(*read.value, self->keys.state);
    write(item ? *item : Item());
  });
}

// Of each variable the newest counts, whichever machine comes last: an update names, for each that it sets, what was there when it was read.
void State::write(const Item& item) {
  std::vector<Waiting> sent, too_large;
  Expression update;
  std::string sets, condition;
  {
    std::lock_guard lock(mutex_);
    for (auto at = waiting_.begin(); at != waiting_.end() && sent.size() < kAtOnce;) {
      const Waiting& waiting = (at++)->second;
      const Variable& variable = waiting.variable;
      const std::string attribute = variable_attribute(variable.name);
      const auto there = item.find(attribute);
      auto value = write_variable(variable);
      if (!value) too_large.push_back(waiting);
      if (!value || (there != item.end() && stands(variable.name, there->second, variable, *value))) {
        waiting_.erase(std::prev(at));
        continue;
      }
      const std::string number = std::to_string(sent.size());
      const std::string name = "#n" + number, fresh = ":t" + number, before = ":b" + number;
      update.names[name] = attribute;
      update.values[fresh] = *std::move(value);
      sets += (sets.empty() ? "SET " : ", ") + name + " = " + fresh;
      condition += (condition.empty() ? "" : " AND ") + (there == item.end() ? "attribute_not_exists(" + name + ')' : name + " = " + before);
      if (there != item.end()) update.values[before] = there->second;
      sent.push_back(waiting);
    }
    if (sent.empty()) busy_ = false;
  }
  if (!too_large.empty()) give_up(too_large);
  if (sent.empty()) return core_.progressed();
  update.text = sets;
  core_.table->update(core_.keys.state, std::move(update), std::move(condition),
                      [self = core_.shared_from_this(), this, sent = std::move(sent)](const Outcome<Item>& outcome) { wrote(sent, outcome); });
}

void State::wrote(const std::vector<Waiting>& sent, const Outcome<Item>& outcome) {
  const bool held = outcome.value && !outcome.value->empty();
  const bool lost = outcome.value ? false : outcome.failure.kind != Failure::Kind::unreachable;
  if (!outcome.value) core_.failed(outcome.failure);
  bool again = false, done = false;
  {
    std::lock_guard lock(mutex_);
    if (held || lost) {
      for (const auto& one : sent) {
        const auto found = waiting_.find(one.variable.name);
        if (found != waiting_.end() && found->second.order == one.order) waiting_.erase(found);
      }
    }
    refused_ = outcome.value && !held ? refused_ + 1 : 0;
    again = outcome.value && refused_ < kAttempts;
    done = held && waiting_.empty();
    if (done) busy_ = false;
  }
  if (lost) give_up(sent);
  core_.progressed();
  if (done) return;
  again ? read() : pause();
}

void State::give_up(const std::vector<Waiting>& given_up) {
  std::string names;
  for (const auto& one : given_up) names.append(names.empty() ? "'" : ", '").append(one.variable.name) += '\'';
  core_.store->note("the variables " + names + " of '" + core_.data_id + "' are kept locally only: the table '" + core_.table->settings().table +
                    "' did not take them, or they are larger than the 400 KiB that an item may have");
}

}  // namespace cacherator::engine::dynamodb
