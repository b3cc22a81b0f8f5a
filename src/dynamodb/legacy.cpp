#include "dynamodb/legacy.hpp"

#include <utility>

#include "dynamodb/core.hpp"
#include "local/dates.hpp"

namespace cacherator::engine::dynamodb {

bool Legacy::take() {
  if (core_.keys.legacy.empty()) return false;
  std::lock_guard lock(mutex_);
  if (at_ != At::unread) return false;
  at_ = At::reading;
  return true;
}

void Legacy::set(const Item* item) {
  std::shared_ptr<const Document> document;
  if (item) {
    auto read = read_legacy(*item, now());
    if (read) document = *std::move(read);
    else {
      core_.store->note("the item '" + core_.keys.legacy + "' of cacherator 1.2.9 in the table '" + core_.table->settings().table +
                        "' is not used: " + read.fault().message);
    }
  }
  settle(At::known, std::move(document));
}

void Legacy::give_back() { settle(At::unread, nullptr); }

void Legacy::settle(At at, std::shared_ptr<const Document> document) {
  std::vector<std::function<void()>> waiting;
  {
    std::lock_guard lock(mutex_);
    at_ = at;
    document_ = std::move(document);
    if (document_) {
      for (const auto& entry : document_->entries) entries_[entry.signature] = &entry;
    }
    waiting.swap(waiting_);
  }
  for (const auto& then : waiting) then();
}

void Legacy::when_known(std::function<void()> then) {
  {
    std::lock_guard lock(mutex_);
    if (at_ == At::reading) return waiting_.push_back(std::move(then));
  }
  then();
}

const DocumentEntry* Legacy::find(const LookUp& what, const TableTokens& tokens, Time now) {
  for (const std::string& spelling : {what.old_signature, what.signature}) {
    const DocumentEntry* entry = nullptr;
    {
      std::lock_guard lock(mutex_);
      const auto found = entries_.find(spelling);
      if (found == entries_.end()) continue;
      entry = found->second;
    }
    // A token's second is over before an entry counts as later. Entries are dated in the zone of the machine that made them, which may be any.
    const Time earliest = earliest_of_that_date(entry->utc);
    const auto dated_after = [&](std::string_view attribute) {
      const auto token = tokens.of.find(attribute);
      return token == tokens.of.end() || (attribute == "all" && token->second == tokens.born) || earliest >= token_time(token->second) + kSecond;
    };
    const bool stands = dated_after("all") && dated_after(function_token(function_of(what.signature))) &&
                        dated_after(call_token(what.signature, what.digest)) &&
                        dated_after(call_token(spelling, spelling == what.signature ? what.digest : ""));
    if (stands && in_time(entry->utc, what.ttl, now)) return entry;
  }
  return nullptr;
}

std::vector<Variable> Legacy::variables() {
  std::shared_ptr<const Document> document;
  {
    std::lock_guard lock(mutex_);
    document = document_;
  }
  std::vector<Variable> plain;
  if (!document) return plain;
  for (const auto& variable : document->state) {
    plain.push_back(variable);
    plain.back().plain = true;
  }
  return plain;
}

}  // namespace cacherator::engine::dynamodb
