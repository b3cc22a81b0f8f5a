#include "dynamodb/tokens.hpp"

#include <utility>

#include "dynamodb/core.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr int kMakes = 3;
constexpr std::size_t kCallsKnown = 4096;

bool are_known(const TableTokens& tokens) { return !tokens.born.empty() && tokens.of.contains("all"); }

TokensPtr tokens_in(const std::vector<Item>& items, const std::string& key) {
  const Item* item = item_of(items, key);
  auto tokens = item ? read_tokens(*item) : std::nullopt;
  return tokens ? std::make_shared<const TableTokens>(*std::move(tokens)) : nullptr;
}

}  // namespace

TokensPtr Tokens::known() {
  {
    std::lock_guard lock(mutex_);
    if (known_) return known_;
  }
  auto held = core_.store->tokens(core_.id);
  return are_known(held) ? std::make_shared<const TableTokens>(std::move(held)) : nullptr;
}

std::uint64_t Tokens::ticket() {
  std::lock_guard lock(mutex_);
  return ++issued_;
}

void Tokens::adopt(std::uint64_t ticket, const TokensPtr& tokens) {
  {
    std::lock_guard lock(mutex_);
    if (ticket < applied_) return;
    applied_ = ticket;
    known_ = tokens;
  }
  core_.store->set_tokens(core_.id, *tokens);
}

void Tokens::read(Then then) {
  core_.table->get({core_.keys.tokens},
                   [self = core_.shared_from_this(), this, then = std::move(then), at = ticket()](Outcome<std::vector<Item>> read) mutable {
                     if (!read.value) {
                       self->failed(read.failure);
                       return then(nullptr);
                     }
                     const auto tokens = tokens_in(*read.value, self->keys.tokens);
                     if (!tokens) return make(std::move(then));
                     adopt(at, tokens);
                     then(tokens);
                   });
}

void Tokens::make(Then then) {
  {
    std::lock_guard lock(mutex_);
    makers_.push_back(std::move(then));
    if (makers_.size() > 1) return;
  }
  make_step(0);
}

// A lost item is no clear (and was one forgotten, entries of before would count again), so it is made of what L1 holds. A cache that nobody knows begins with a
// token of its own: nothing that may lie in the table from before counts for it.
void Tokens::make_step(int attempt) {
  auto tokens = std::make_shared<TableTokens>(core_.store->tokens(core_.id));
  if (!are_known(*tokens)) {
    tokens->born = new_token(now());
    tokens->of = {{"all", tokens->born}};
  }
  Item item = tokens_item(core_.keys.tokens, core_.data_id, *tokens);
  Expression absent{.text = "attribute_not_exists(#all)", .names = {{"#all", "all"}}};
  core_.table->put(std::move(item), std::move(absent), [self = core_.shared_from_this(), this, tokens, attempt](Outcome<bool> put) {
    if (!put.value) {
      self->failed(put.failure);
      return made(nullptr);
    }
    if (*put.value) {
      adopt(ticket(), tokens);
      self->table->begun();
      return made(tokens);
    }
    self->table->get({self->keys.tokens}, [self, this, attempt, at = ticket()](Outcome<std::vector<Item>> read) {
      if (!read.value) self->failed(read.failure);
      const auto there = read.value ? tokens_in(*read.value, self->keys.tokens) : nullptr;
      if (read.value && !there && attempt < kMakes) return make_step(attempt + 1);
      if (there) adopt(at, there);
      made(there);
    });
  });
}

void Tokens::made(const TokensPtr& tokens) {
  std::vector<Then> waiting;
  {
    std::lock_guard lock(mutex_);
    waiting.swap(makers_);
  }
  for (const auto& then : waiting) then(tokens);
}

void Tokens::learn(const TableTokens& tokens, std::string_view signature, std::string_view digest) {
  const auto first = tokens.of.lower_bound("c:");
  if (first == tokens.of.end() || !first->first.starts_with("c:")) return;
  auto attribute = call_token(signature, digest);
  if (!tokens.of.contains(attribute)) return;
  std::lock_guard lock(mutex_);
  if (calls_.size() < kCallsKnown) calls_.emplace(std::move(attribute), function_of(signature));
}

}  // namespace cacherator::engine::dynamodb
