// The tokens of one cache: what its table says was cleared, as this process knows it; and telling the table of clears.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dynamodb/table.hpp"
#include "local/store.hpp"

namespace cacherator::engine::dynamodb {

class Core;

using TokensPtr = std::shared_ptr<const TableTokens>;

/// One update of the tokens' item that tells of clears.
struct ClearPlan {
  Expression update{};
  std::string condition{};
  struct Told {
    std::string key{}, id{};           ///< as Store::pending has them
    std::string attribute{}, token{};  ///< what tells it
  };
  std::vector<Told> told{};
};
/// Of as many of the pending clears as fit into one update. `calls`: attribute of a call -> its function, as far as they are known.
[[nodiscard]] ClearPlan plan_clear(const TableTokens& tokens, const std::map<std::string, std::string>& pending,
                                   const std::map<std::string, std::string, std::less<>>& calls, Time at);
/// True where a clear of `key` ("*", a function or a signature) takes this call away.
[[nodiscard]] bool clears(std::string_view key, std::string_view signature);

/// Thread-safe.
class Tokens {
 public:
  explicit Tokens(Core& core) : core_(core) {}

  using Then = std::function<void(TokensPtr)>;  ///< null: they could not be had
  using Told = std::function<void(bool)>;       ///< true: no clear that was pending when tell() was called is so any more

  /// As the table last said, else as L1 holds them; null: not known.
  [[nodiscard]] TokensPtr known();
  /// To be asked before a read is sent: adopt() takes its answer only where no later one was taken.
  [[nodiscard]] std::uint64_t ticket();
  /// What the table said goes into L1.
  void adopt(std::uint64_t ticket, const TokensPtr& tokens);
  /// Reads them; makes the item where it is not there.
  void read(Then then);
  /// The item is not there: makes it, with the tokens that L1 holds, or new ones where it holds none.
  void make(Then then);
  /// Tells the table of all pending clears. `then` may be null.
  void tell(Told then);
  /// This call's function, for later clears of it, where the call has a token of its own.
  void learn(const TableTokens& tokens, std::string_view signature, std::string_view digest);

 private:
  void make_step(int attempt);
  void made(const TokensPtr& tokens);
  void tell_step(int attempt);
  void tell_with(const TokensPtr& tokens, const std::map<std::string, std::string>& pending, int attempt);
  void look_again(ClearPlan plan, int attempt);
  void tell_store(const ClearPlan& plan, const TableTokens* by);
  void told(bool well);

  Core& core_;
  std::mutex mutex_;
  TokensPtr known_;
  std::uint64_t issued_ = 0, applied_ = 0;
  std::vector<Then> makers_;   ///< who waits for make(); not empty: it is on its way
  std::vector<Told> tellers_;  ///< who waits for tell()
  bool telling_ = false, more_ = false;
  std::map<std::string, std::string, std::less<>> calls_;  ///< attribute of a call -> its function
};

}  // namespace cacherator::engine::dynamodb
