// Telling the table of clears.
//
// Why an update carries a fresh token, and the condition that the token is still the one that was read: the table sends a request again whose answer was lost,
// and the network may deliver the first one late, after others. Say our clear set t1, a machine computed an entry under t1, and another clear set t2. An update
// that came late and set t1 again would bring that entry back. It cannot: its condition names the token from before t1, which no attribute ever has again. An
// attribute may be removed, and the condition "it is not there" hold again; but what removes it sets its superior's token anew in the same update, so the text
// of tokens that a late update makes then was never seen before, and no entry has it. For the same reason the update does not let its own token count as "still
// the one that was read": it also removes attributes, and one of those may have been set anew since. An update whose condition did not hold is followed by a
// read; if its own token stands there, the first try had arrived.
#include <algorithm>
#include <random>
#include <set>

#include "dynamodb/core.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::size_t kAtOnce = 32;            ///< clears told by one update: expressions have at most 4 KB
constexpr std::size_t kRemoves = 200;          ///< and the rest stays, which does no harm
constexpr std::size_t kCallTokens = 512;       ///< then a function is cleared in place of a call
constexpr std::size_t kFunctionTokens = 1024;  ///< then all is cleared in place of a function
constexpr int kAttempts = 16, kPatient = 3;

/// Builds one plan.
class Planner {
 public:
  Planner(const TableTokens& tokens, const std::map<std::string, std::string, std::less<>>& calls, Time at) : tokens_(tokens), calls_(calls), at_(at) {
    for (const auto& [name, token] : tokens.of) {
      call_tokens_ += name.starts_with("c:");
      function_tokens_ += name.starts_with("f:");
    }
  }

  ClearPlan all(const std::map<std::string, std::string>& pending) {
    const std::string token = set("all");
    for (const auto& [name, old] : tokens_.of) {
      if (name != "all") remove(name);
    }
    for (const auto& [key, id] : pending) plan_.told.push_back({key, id, "all", token});
    return finish();
  }

  ClearPlan some(const std::map<std::string, std::string>& pending) {
    std::set<std::string> functions;
    for (const auto& [key, id] : pending) {
      if (key.find('(') == key.npos || is_shortened(key)) functions.emplace(function_of(key));
    }
    for (const auto& [key, id] : pending) {
      if (plan_.told.size() >= kAtOnce) break;
      const std::string function(function_of(key));
      const bool whole = functions.contains(function);
      const std::string attribute = whole ? function_token(function) : call_token(key, {});
      const bool one_more = !whole && !tokens_.of.contains(attribute) && call_tokens_ >= kCallTokens;
      clear(key, id, one_more ? function_token(function) : attribute);
    }
    if (function_tokens_ > kFunctionTokens) return Planner(tokens_, calls_, at_).all(pending);
    return finish();
  }

 private:
  void clear(const std::string& key, const std::string& id, const std::string& attribute) {
    auto& token = set_[attribute];
    if (token.empty()) {
      token = set(attribute);
      if (attribute.starts_with("c:")) ++call_tokens_;
      if (attribute.starts_with("f:")) {
        if (!tokens_.of.contains(attribute)) ++function_tokens_;
        for (const auto& [call, of] : calls_) {
          if (of == attribute.substr(2) && tokens_.of.contains(call) && !set_.contains(call)) remove(call);
        }
      }
    }
    plan_.told.push_back({key, id, attribute, token});
  }

  /// Of the attribute: a fresh token, where it still has the one that was read.
  std::string set(const std::string& attribute) {
    const std::string number = std::to_string(plan_.update.names.size());
    const std::string name = "#n" + number, fresh = ":t" + number, before = ":b" + number;
    std::string token = new_token(at_);
    plan_.update.names[name] = attribute;
    plan_.update.values[fresh] = text_attribute(token);
    sets_ += (sets_.empty() ? "SET " : ", ") + name + " = " + fresh;
    if (!plan_.condition.empty()) plan_.condition += " AND ";
    const auto old = tokens_.of.find(attribute);
    if (old == tokens_.of.end()) {
      plan_.condition += "attribute_not_exists(" + name + ')';
    } else {
      plan_.condition += name + " = " + before;
      plan_.update.values[before] = text_attribute(old->second);
    }
    return token;
  }

  void remove(const std::string& attribute) {
    if (++removed_ > kRemoves) return;
    const std::string name = "#n" + std::to_string(plan_.update.names.size());
    plan_.update.names[name] = attribute;
    removes_ += (removes_.empty() ? " REMOVE " : ", ") + name;
  }

  ClearPlan finish() {
    plan_.update.names["#all"] = "all";
    plan_.condition = "attribute_exists(#all)" + (plan_.condition.empty() ? "" : " AND " + plan_.condition);
    plan_.update.text = sets_ + removes_;
    return std::move(plan_);
  }

  const TableTokens& tokens_;
  const std::map<std::string, std::string, std::less<>>& calls_;
  const Time at_;
  ClearPlan plan_;
  std::string sets_, removes_;
  std::map<std::string, std::string> set_;  ///< attribute -> its new token
  std::size_t call_tokens_ = 0, function_tokens_ = 0, removed_ = 0;
};

}  // namespace

bool clears(std::string_view key, std::string_view signature) { return key == "*" || key == signature || key == function_of(signature); }

ClearPlan plan_clear(const TableTokens& tokens, const std::map<std::string, std::string>& pending, const std::map<std::string, std::string, std::less<>>& calls,
                     Time at) {
  Planner planner(tokens, calls, at);
  return pending.contains("*") ? planner.all(pending) : planner.some(pending);
}

void Tokens::tell(Told then) {
  {
    std::lock_guard lock(mutex_);
    if (then) tellers_.push_back(std::move(then));
    more_ = true;  // the clear may have been recorded after the one who tells has asked
    if (std::exchange(telling_, true)) return;
  }
  tell_step(0);
}

void Tokens::tell_step(int attempt) {
  {
    std::lock_guard lock(mutex_);
    more_ = false;
  }
  const auto pending = core_.store->pending(core_.id);
  if (pending.empty()) return told(true);
  if (attempt >= kAttempts || !core_.usable()) return told(false);
  if (const auto tokens = known()) return tell_with(tokens, pending, attempt);
  read([self = core_.shared_from_this(), this, pending, attempt](const TokensPtr& tokens) { tokens ? tell_with(tokens, pending, attempt) : told(false); });
}

void Tokens::tell_with(const TokensPtr& tokens, const std::map<std::string, std::string>& pending, int attempt) {
  ClearPlan plan;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [key, id] : pending) {
      if (key.find('(') != key.npos && !is_shortened(key) && calls_.size() < 4 * kCallTokens) calls_.emplace(call_token(key, {}), function_of(key));
    }
    plan = plan_clear(*tokens, pending, calls_, now());
  }
  auto update = plan.update;
  auto condition = plan.condition;
  core_.table->update(core_.keys.tokens, std::move(update), std::move(condition),
                      [self = core_.shared_from_this(), this, plan = std::move(plan), attempt](Outcome<Item> updated) mutable {
                        if (!updated.value) {
                          self->failed(updated.failure);
                          return told(false);
                        }
                        auto after = read_tokens(*updated.value);
                        if (!after) return look_again(std::move(plan), attempt);
                        adopt(ticket(), std::make_shared<const TableTokens>(*std::move(after)));
                        tell_store(plan, nullptr);
                        tell_step(0);
                      });
}

void Tokens::look_again(ClearPlan plan, int attempt) {
  // Several that clear at once get out of each other's way.
  thread_local std::minstd_rand random{static_cast<unsigned>(now())};
  const auto pause = std::chrono::milliseconds(attempt < kPatient ? 0 : random() % 100);
  core_.table->after(pause, [self = core_.shared_from_this(), this, plan = std::move(plan), attempt]() mutable {
    read([self, this, plan = std::move(plan), attempt](const TokensPtr& tokens) {
      if (!tokens) return told(false);
      tell_store(plan, tokens.get());
      tell_step(attempt + 1);
    });
  });
}

/// `by`: only what stands there; null: all of the plan.
void Tokens::tell_store(const ClearPlan& plan, const TableTokens* by) {
  for (const auto& each : plan.told) {
    if (by) {
      const auto at = by->of.find(each.attribute);
      if (at == by->of.end() || at->second != each.token) continue;
    }
    core_.store->told(core_.id, each.key, each.id);
    core_.tell(each.key + ": cleared in '" + core_.table->settings().table + '\'');
  }
}

void Tokens::told(bool well) {
  std::vector<Told> waiting;
  bool again = false;
  {
    std::lock_guard lock(mutex_);
    again = well && more_;
    if (!again) {
      telling_ = false;
      waiting.swap(tellers_);
    }
  }
  if (again) return tell_step(0);
  for (const auto& then : waiting) then(well);
  if (!well) core_.retry();
  core_.progressed();
}

}  // namespace cacherator::engine::dynamodb
