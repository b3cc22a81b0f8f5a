#include "dynamodb/state.hpp"

#include <utility>

#include "dynamodb/core.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::size_t kAtOnce = 64;  ///< variables of one update: expressions have at most 4 KB
constexpr int kAttempts = 16;
constexpr std::chrono::seconds kFresh{1};

/// Dates are written to the microsecond.
bool not_older(Time there, Time here) { return there / 1000 >= here / 1000; }

}  // namespace

void State::load() {
  if (!core_.usable()) return;
  Loaded loaded;
  bool first = false;
  {
    std::lock_guard lock(mutex_);
    if (read_at_ && Steady::now() - *read_at_ < kFresh) return;
    first = !loading_;
    if (first) loading_ = std::make_shared<Awaited<bool>>();
    loaded = loading_;
  }
  if (first) send_load(loaded);
  loaded->wait_until(Steady::now() + core_.table->settings().call_limit);
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
                       if (read.value) read_at_ = Steady::now();
                       if (!read.value && prime) primed_ = false;
                     }
                     loaded->set(read.value.has_value());
                   });
}

void State::came(const std::vector<Item>& items, bool with_legacy) {
  core_.pass_notices();
  if (with_legacy) core_.legacy.set(item_of(items, core_.keys.legacy));
  const Item* item = item_of(items, core_.keys.state);
  const auto there = item ? read_state(*item) : std::vector<Variable>();
  auto here = core_.store->state();
  if (!there.empty()) {
    core_.store->bring_state(there);
  } else if (here.empty()) {
    const auto plain = core_.legacy.variables();
    if (!plain.empty()) core_.store->bring_state(plain);
  }
  // What was saved here while the table was out of reach, and this process or another one ended.
  std::map<std::string, Time> dates;
  for (const auto& variable : there) dates[variable.name] = variable.utc;
  std::erase_if(here, [&](const Variable& variable) {
    const auto found = dates.find(variable.name);
    return variable.plain || (found != dates.end() && not_older(found->second, variable.utc));
  });
  if (!here.empty()) save(std::move(here));
  if (!core_.store->pending(core_.id).empty()) core_.tokens.tell(nullptr);
}

void State::save(std::vector<Variable> variables) {
  {
    std::lock_guard lock(mutex_);
    for (auto& variable : variables) {
      if (variable.plain) continue;
      auto& waiting = waiting_[variable.name];
      if (waiting.name.empty() || waiting.utc <= variable.utc) waiting = std::move(variable);
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
  read();
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
  std::vector<Variable> sent;
  Expression update;
  std::string sets, condition;
  std::vector<Variable> too_large;
  {
    std::lock_guard lock(mutex_);
    for (auto at = waiting_.begin(); at != waiting_.end() && sent.size() < kAtOnce;) {
      const Variable& variable = (at++)->second;
      const std::string attribute = variable_attribute(variable.name);
      const auto there = item.find(attribute);
      const auto known = there == item.end() ? std::nullopt : read_variable(variable.name, there->second);
      auto value = write_variable(variable);
      if (!value) too_large.push_back(variable);
      if (!value || (known && not_older(known->utc, variable.utc))) {
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
      sent.push_back(variable);
    }
    if (sent.empty()) busy_ = false;
  }
  for (const auto& variable : too_large) give_up({variable});
  if (sent.empty()) return core_.progressed();
  update.text = sets;
  core_.table->update(core_.keys.state, std::move(update), std::move(condition),
                      [self = core_.shared_from_this(), this, sent = std::move(sent)](const Outcome<Item>& outcome) { wrote(sent, outcome); });
}

void State::wrote(const std::vector<Variable>& variables, const Outcome<Item>& outcome) {
  const bool held = outcome.value && !outcome.value->empty();
  const bool lost = outcome.value ? false : outcome.failure.kind != Failure::Kind::unreachable;
  if (!outcome.value) core_.failed(outcome.failure);
  bool again = false;
  {
    std::lock_guard lock(mutex_);
    if (held || lost) {
      for (const auto& variable : variables) {
        const auto found = waiting_.find(variable.name);
        if (found != waiting_.end() && found->second.utc <= variable.utc) waiting_.erase(found);
      }
    }
    refused_ = outcome.value && !held ? refused_ + 1 : 0;
    again = outcome.value && refused_ < kAttempts;
  }
  if (lost) give_up(variables);
  core_.progressed();
  again ? read() : pause();
}

void State::give_up(const std::vector<Variable>& variables) {
  std::string names;
  for (const auto& variable : variables) names += (names.empty() ? "'" : ", '") + variable.name + '\'';
  core_.store->note("the variables " + names + " of '" + core_.data_id + "' are kept locally only: the table '" + core_.table->settings().table +
                    "' did not take them, or they are larger than the 400 KiB that an item may have");
}

}  // namespace cacherator::engine::dynamodb
