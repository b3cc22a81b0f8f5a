// One layer for each store and table of this process; in the child of a fork, new ones.
#include "layer.hpp"

#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "dynamodb/core.hpp"
#include "dynamodb/joining.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine {
namespace dynamodb {
namespace {

using Key = std::pair<const Store*, std::string>;

class Layers {
 public:
  static Layers& instance() {
    static std::atomic<Layers*> current{nullptr};  // never deleted: caches may outlive static destructors
    Layers* layers = current.load();
    while (!layers || layers->forks_ != platform::forks()) {
      auto* fresh = new Layers;
      if (current.compare_exchange_strong(layers, fresh)) return *fresh;
      delete fresh;
    }
    return *layers;
  }

  std::shared_ptr<Core> join(const std::shared_ptr<Store>& store, const std::string& data_id, const std::shared_ptr<Table>& table) {
    const Key key{store.get(), table->settings().id};
    {
      std::lock_guard lock(mutex_);
      std::erase_if(open_, [](const auto& layer) { return layer.second.expired(); });
      if (auto core = open_[key].lock()) return core;
    }
    auto fresh = std::make_shared<Core>(store, data_id, table);
    std::lock_guard lock(mutex_);
    auto& open = open_[key];
    auto core = open.lock();
    if (!core) open = core = std::move(fresh);
    return core;
  }

  std::vector<std::shared_ptr<Core>> all() {
    std::lock_guard lock(mutex_);
    std::vector<std::shared_ptr<Core>> cores;
    for (const auto& [key, layer] : open_) {
      if (auto core = layer.lock()) cores.push_back(std::move(core));
    }
    return cores;
  }

 private:
  std::mutex mutex_;
  std::map<Key, std::weak_ptr<Core>> open_;
  const std::uint32_t forks_ = platform::forks();
};

/// The layer as one object holds it: in a child it finds the child's own.
class TableLayer final : public engine::Layer {
 public:
  TableLayer(std::shared_ptr<Store> store, CacheOptions options, TableOpener open)
      : store_(std::move(store)), options_(std::move(options)), open_(std::move(open)) {
    here_ = new std::shared_ptr<Core>(join());
  }
  TableLayer(const TableLayer&) = delete;
  TableLayer& operator=(const TableLayer&) = delete;
  ~TableLayer() override {
    auto* here = here_.load();
    if ((*here)->forks == platform::forks()) delete here;  // else its locks may be held by threads of the parent: left alone
  }

  [[nodiscard]] std::string_view table() const noexcept override { return core().id; }
  bool look_up(LookUp what, std::function<void()> done) override { return core().reader.look_up(std::move(what), std::move(done)); }
  Lease lease(std::string_view signature) override { return core().leases.claim(signature); }
  void kept(std::string_view signature) override { core().writer.kept(signature); }
  void hit(std::string_view signature, const Entry& entry) override { core().writer.hit(signature, entry); }
  void cleared(std::string_view key) override { core().cleared(key); }
  void load_state() override { core().state.load(); }
  void save_state(std::vector<Variable> variables) override { core().state.save(std::move(variables)); }
  Result<void> flush(std::chrono::nanoseconds limit) override { return core().flush(limit); }
  Result<DbPage> list(std::size_t limit, const std::optional<std::string>& after) override { return core().list(limit, after); }
  LayerInfo info() override { return core().info(); }
  std::vector<std::string> take_notices() override { return core().table->take_notices(); }

 private:
  std::shared_ptr<Core> join() const {
    auto core = Layers::instance().join(store_, options_.data_id, open_());
    core->set_options(options_);
    return core;
  }

  Core& core() const {
    auto* here = here_.load(std::memory_order_acquire);
    if ((*here)->forks == platform::forks()) return **here;
    auto* fresh = new std::shared_ptr<Core>(join());
    if (here_.compare_exchange_strong(here, fresh)) return **fresh;
    delete fresh;
    return **here;
  }

  const std::shared_ptr<Store> store_;
  const CacheOptions options_;
  const TableOpener open_;
  mutable std::atomic<std::shared_ptr<Core>*> here_{nullptr};
};

}  // namespace

std::shared_ptr<engine::Layer> join_layer(const std::shared_ptr<Store>& store, const CacheOptions& options, TableOpener open) {
  return std::make_shared<TableLayer>(store, options, std::move(open));
}

}  // namespace dynamodb

Result<std::shared_ptr<Layer>> open_layer(const std::shared_ptr<Store>& store, const CacheOptions& options) {
  const auto environment = dynamodb::process_environment();
  const auto profiles = dynamodb::Profiles::read(environment);
  auto settings = dynamodb::Settings::resolve(options.dynamodb_table, environment, profiles);
  if (!settings) return settings.fault();
  for (const auto& [name, limit, to] : {std::tuple("dynamodb_connect_timeout", options.dynamodb_connect_timeout, &settings->connect_limit),
                                        std::tuple("dynamodb_timeout", options.dynamodb_timeout, &settings->call_limit)}) {
    *to = std::chrono::ceil<std::chrono::milliseconds>(limit);
    if (limit.count() <= 0) return Fault{Fault::Kind::misuse, std::string(name) + ": no request is answered in no time; give more than 0 seconds"};
  }
  return dynamodb::join_layer(store, options,
                              [settings = *std::move(settings), environment, profiles] { return dynamodb::Table::open(settings, environment, profiles); });
}

void flush_layers(std::chrono::nanoseconds limit) {
  const auto until = dynamodb::Steady::now() + limit;
  const auto cores = dynamodb::Layers::instance().all();
  for (const auto& core : cores) core->start();
  for (const auto& core : cores) (void)core->flush(std::max<std::chrono::nanoseconds>(until - dynamodb::Steady::now(), std::chrono::nanoseconds(0)));
}

}  // namespace cacherator::engine
