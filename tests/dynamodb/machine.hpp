// A machine of the fleet as tests see it: a folder, its store, and a layer over a table in memory.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "dynamodb/joining.hpp"
#include "dynamodb/memory_table.hpp"
#include "layer.hpp"
#include "local/store.hpp"
#include "local_layer.hpp"
#include "platform/faults.hpp"

namespace cacherator::engine::dynamodb {

using namespace std::chrono_literals;
using What = MemoryTable::What;
using Fate = MemoryTable::Fate;

/// What a call answered, and from where.
struct Answered {
  std::string value{}, from{};
  bool operator==(const Answered&) const = default;
};
inline std::ostream& operator<<(std::ostream& out, const Answered& answered) { return out << answered.value << " from " << answered.from; }

/// The clock of all machines, moved by a test.
class Clock : public platform::Faults {
 public:
  Clock() { platform::faults = this; }
  ~Clock() override { platform::faults = nullptr; }
  std::int64_t clock(std::int64_t time) override { return time + ahead_.load(); }
  void move(double seconds) { ahead_ += static_cast<std::int64_t>(seconds * 1e9); }

 private:
  std::atomic<std::int64_t> ahead_{0};
};

class Machine {
 public:
  explicit Machine(std::shared_ptr<MemoryServer> server, CacheOptions options = {}) : server_(std::move(server)), options_(std::move(options)) {
    options_.data_id = options_.data_id.empty() ? "calc" : options_.data_id;
    options_.directory = folder.str();
    options_.dynamodb_table = "fleet";
    table = MemoryTable::make(server_);
    open();
  }
  void open() {
    store = *Store::open(options_);
    layer = join_layer(store, options_, [this] { return table; });
  }
  /// Its programs end, and one begins: with what is in the files alone.
  void restart() {
    (void)store->checkpoint();
    layer = nullptr;
    auto* fresh = new TemporaryFolder;  // the store of the old folder may live on as long as something waits for the table
    std::filesystem::copy(options_.directory, fresh->path() / "c", std::filesystem::copy_options::recursive);
    options_.directory = (fresh->path() / "c").string();
    moved_.emplace_back(fresh);
    table = MemoryTable::make(server_);
    open();
  }

  /// The story of one call, as the engine has it.
  Answered call(const std::string& signature, const std::function<std::string()>& body, double ttl = 1) {
    if (auto entry = local(signature, ttl)) return *entry;
    if (look_up(signature, ttl)) {
      if (auto entry = local(signature, ttl)) return *entry;
    }
    const Lease lease = layer->lease(signature);
    const std::uint64_t under = store->clock();
    const std::string tokens = store->tokens_of(layer->table(), signature, {});
    const std::string value = body();
    keep(signature, value, ttl, under, tokens);
    return {value, "computed"};
  }
  Answered call(const std::string& signature, const std::string& value = "1", double ttl = 1) {
    return call(
        signature, [&] { return value; }, ttl);
  }
  void keep(const std::string& signature, const std::string& value, double ttl, std::uint64_t under, const std::string& tokens) {
    const Kept kept = store->put({.signature = signature, .value = value, .utc = now(), .ttl = ttl, .under = under, .tokens = tokens});
    if (kept.serial) layer->kept(signature);
  }
  std::optional<Answered> local(const std::string& signature, double ttl = 1) {
    const auto entry = store->find(signature, {});
    if (!entry || !in_time(entry->utc, ttl, now())) return std::nullopt;
    if (entry->layer == LayerName::l2) store->said_once(signature);
    if (entry->in.empty()) layer->hit(signature, *entry);
    return Answered{std::string(entry->value), entry->layer == LayerName::l2 ? "l2" : "l1"};
  }
  /// Waits for the look-up's end; false: there was none.
  bool look_up(const std::string& signature, double ttl = 1, const std::string& old_signature = {}) {
    struct Ended {
      std::mutex mutex;
      std::condition_variable changed;
      int times = 0;
    };
    const auto ended = std::make_shared<Ended>();
    LookUp what{.signature = signature, .old_signature = old_signature, .ttl = ttl, .under = store->clock(), .drops = store->drops()};
    const bool asked = layer->look_up(std::move(what), [ended] {
      std::lock_guard lock(ended->mutex);
      ++ended->times;
      ended->changed.notify_all();
    });
    if (!asked) return false;
    std::unique_lock lock(ended->mutex);
    EXPECT_TRUE(ended->changed.wait_for(lock, 20s, [&] { return ended->times > 0; })) << "the look-up never ended";
    EXPECT_EQ(ended->times, 1);
    return true;
  }
  /// A function, "*", or a signature.
  void clear(const std::string& key) {
    if (key.find('(') == key.npos) EXPECT_TRUE(store->clear(key));
    else EXPECT_TRUE(store->drop(key));
    layer->cleared(key);
  }
  Result<void> flush(std::chrono::milliseconds limit = 5s) { return layer->flush(limit); }
  [[nodiscard]] std::size_t pending() const { return store->pending(layer->table()).size(); }
  std::string notes() {
    for (auto& notice : store->take_notices()) notes_ += notice + '\n';
    return notes_;
  }

  TemporaryFolder folder;
  std::shared_ptr<MemoryTable> table;
  std::shared_ptr<Store> store;
  std::shared_ptr<Layer> layer;

 private:
  std::shared_ptr<MemoryServer> server_;
  CacheOptions options_;
  std::vector<std::unique_ptr<TemporaryFolder>> moved_;
  std::string notes_;
};

inline const Keys kKeys("calc");
inline std::string key_of(const std::string& signature) { return kKeys.entry(signature, {}); }

}  // namespace cacherator::engine::dynamodb
