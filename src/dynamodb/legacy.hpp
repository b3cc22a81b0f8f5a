// The one item in which 1.2.9 keeps a whole cache: read once, and asked where the table has no entry of ours.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "dynamodb/table.hpp"
#include "layer.hpp"
#include "local/document.hpp"

namespace cacherator::engine::dynamodb {

class Core;

/// Thread-safe.
class Legacy {
 public:
  explicit Legacy(Core& core) : core_(core) {}

  /// True for one caller: the read that it is about to send is to bring the item, too; then set() or give_back() follows.
  [[nodiscard]] bool take();
  /// `item`: null where there is none. A damaged one is said, and counts as none.
  void set(const Item* item);
  void give_back();
  /// Calls `then` when it is known whether there is such an item, and at once where that is known, or cannot be now.
  void when_known(std::function<void()> then);

  /// An entry of this call, in its old spelling or its new one, that counts: dated after each clear of the call. It lives as long as this.
  [[nodiscard]] const DocumentEntry* find(const LookUp& what, const TableTokens& tokens, Time now);
  /// Its variables; empty where there is none.
  [[nodiscard]] std::vector<Variable> variables();

 private:
  enum class At : std::uint8_t { unread, reading, known };

  void settle(At at, std::shared_ptr<const Document> document);

  Core& core_;
  std::mutex mutex_;
  At at_ = At::unread;
  std::shared_ptr<const Document> document_;  ///< never replaced once it is there
  std::unordered_map<std::string_view, const DocumentEntry*> entries_;
  std::vector<std::function<void()>> waiting_;
};

}  // namespace cacherator::engine::dynamodb
