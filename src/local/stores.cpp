// One store for each cache and process (I10), and the one background thread that folds them.
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <list>
#include <map>
#include <thread>
#include <tuple>

#include "local/local_store.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine {
namespace {

constexpr std::size_t kOpenJournals = 64;
constexpr Time kExitLimit = 2 * kSecond;

/// Which cache: the folder by what it is, or by its path while it is not there; and the data_id.
using Key = std::tuple<std::uint64_t, std::uint64_t, std::string, std::string>;

class Stores {
 public:
  static Stores& instance() {
    static std::atomic<Stores*> current{nullptr};  // never deleted: caches may outlive static destructors
    Stores* stores = current.load();
    while (!stores || stores->forks_ != platform::forks()) {
      auto* fresh = new Stores;
      if (!current.compare_exchange_strong(stores, fresh)) {
        delete fresh;
        continue;
      }
      static const int registered = std::atexit([] { instance().finish(); });
      (void)registered;
      return *fresh;
    }
    return *stores;
  }

  std::shared_ptr<LocalStore> open(const std::string& directory, const CacheOptions& options, Stems stems) {
    const auto found = platform::status(directory);
    const Key key = found ? Key{found->identity.device, found->identity.inode, "", options.data_id}
                          : Key{0, 0, directory, options.data_id};
    std::lock_guard lock(mutex_);
    if (open_.size() > 2 * clean_at_) sweep();
    auto& known = open_[key];
    if (auto store = known.lock()) return store;
    auto store = std::make_shared<LocalStore>(options.data_id, std::move(stems), directory, options.durability);
    store->load_now();
    known = store;
    return store;
  }

  void note_dirty(std::shared_ptr<LocalStore> store) {
    std::lock_guard lock(queue_mutex_);
    if (finished_ && !std::exchange(late_, true)) std::atexit([] { instance().finish(); });
    if (std::find(dirty_.begin(), dirty_.end(), store) == dirty_.end()) dirty_.push_back(std::move(store));
    if (!thread_.joinable() && !finished_) thread_ = std::thread([this] { run(); });
    wake_.notify_one();
  }

  void note_descriptor(const std::shared_ptr<LocalStore>& store) {
    std::shared_ptr<LocalStore> oldest;
    std::lock_guard lock(descriptors_mutex_);
    descriptors_.remove_if([&](const auto& held) { return held.expired() || held.lock() == store; });
    descriptors_.push_back(store);
    for (std::size_t tries = descriptors_.size(); descriptors_.size() > kOpenJournals && tries > 0; --tries) {
      oldest = descriptors_.front().lock();
      descriptors_.pop_front();
      if (oldest && !oldest->release_descriptor()) descriptors_.push_back(oldest);  // in use: a later one
    }
  }

  /// Folds what is dirty, for two seconds at most; the rest stays in journals, which lose nothing.
  void flush() {
    const Time until = now() + kExitLimit;
    for (;;) {
      std::shared_ptr<LocalStore> store;
      {
        std::lock_guard lock(queue_mutex_);
        if (dirty_.empty()) return;
        store = dirty_.front();
        dirty_.pop_front();
      }
      (void)store->fold(false);
      if (now() > until) return;
    }
  }

  void finish() {
    {
      std::lock_guard lock(queue_mutex_);
      finished_ = true;
      wake_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
    flush();
  }

 private:
  void sweep() {
    std::erase_if(open_, [](const auto& entry) { return entry.second.expired(); });
    clean_at_ = std::max<std::size_t>(open_.size(), 64);
  }

  /// The background: at most one fold a second for the whole process, so that a thousand caches cost what one does.
  void run() {
    std::unique_lock lock(queue_mutex_);
    while (!finished_) {
      Time soonest = kSecond;
      std::shared_ptr<LocalStore> due;
      for (auto store = dirty_.begin(); store != dirty_.end() && !due;) {
        const Time wait = (*store)->fold_due(now());
        if (wait == 0) due = *store;
        if (wait > 0) soonest = std::min(soonest, wait);
        store = wait <= 0 ? dirty_.erase(store) : std::next(store);
      }
      if (due) {
        lock.unlock();
        (void)due->fold(false);
        if (due->fold_due(now()) >= 0) note_dirty(due);
        due.reset();
        lock.lock();
        soonest = kSecond;
        wake_.wait_for(lock, std::chrono::nanoseconds(soonest), [&] { return finished_; });
      } else if (dirty_.empty()) {
        wake_.wait(lock, [&] { return finished_ || !dirty_.empty(); });
      } else {
        wake_.wait_for(lock, std::chrono::nanoseconds(soonest + kSecond / 100), [&] { return finished_; });
      }
    }
  }

  std::mutex mutex_, queue_mutex_, descriptors_mutex_;
  std::map<Key, std::weak_ptr<LocalStore>> open_;
  std::size_t clean_at_ = 64;
  std::list<std::shared_ptr<LocalStore>> dirty_;  ///< held until folded
  std::list<std::weak_ptr<LocalStore>> descriptors_;
  std::condition_variable wake_;
  std::thread thread_;
  bool finished_ = false, late_ = false;
  const std::uint32_t forks_ = platform::forks();
};

}  // namespace

void note_dirty(const std::shared_ptr<LocalStore>& store) { Stores::instance().note_dirty(store); }
void note_descriptor(const std::shared_ptr<LocalStore>& store) { Stores::instance().note_descriptor(store); }
void flush_at_exit() { Stores::instance().flush(); }

Result<std::shared_ptr<Store>> Store::open(const CacheOptions& options) {
  auto names = stems(options.data_id, options.incumbent_stem);
  if (!names) return names.fault();
  if (options.directory.find('\0') != std::string::npos) {
    return Fault{Fault::Kind::misuse, "directory: it holds a NUL character, which no path can; leave it out"};
  }
  const std::string directory = platform::absolute(options.directory);
  for (std::string part = directory; part.size() > 1; part.resize(part.find('/') == part.npos ? 0 : std::max<std::size_t>(part.rfind('/'), 1))) {
    const auto found = platform::status(part);
    if (!found) continue;
    if (found->directory) break;
    return Fault{Fault::Kind::misuse, "directory: '" + part + "' is a file, not a folder; give a folder, or a path where one can be made"};
  }
  auto store = Stores::instance().open(directory, options, *std::move(names));
  if (options.clear_cache) store->forget_all();
  return std::shared_ptr<Store>(std::move(store));
}

}  // namespace cacherator::engine
