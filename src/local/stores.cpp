// One store for each cache and process (I10), and the one background thread that folds them.
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <thread>
#include <tuple>

#include "local/local_store.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine {
namespace {

constexpr std::size_t kOpenJournals = 64;
constexpr std::size_t kOpenFolders = 48;  ///< each has two descriptors
constexpr std::size_t kHeld = 64;         ///< unfolded stores that nobody uses are kept open
constexpr std::size_t kUnfolded = 1000;   ///< caches that the background will come to; a journal beyond stays until its cache is used
constexpr Time kExitLimit = 2 * kSecond;

/// Which cache: the folder by what it is, or by its path; and the data_id.
using Key = std::tuple<std::uint64_t, std::uint64_t, std::string, std::string>;

/// Stores in the order in which they last took something of which there is little.
class Recent {
 public:
  /// Those that took it longest ago are asked to let go of it. `too_many`: of so many stores; `let_go`: false where one is in use.
  template <typename TooMany, typename LetGo>
  void note(const std::shared_ptr<LocalStore>& store, TooMany too_many, LetGo let_go) {
    std::shared_ptr<LocalStore> oldest;
    std::lock_guard lock(mutex_);
    stores_.remove_if([&](const auto& held) { return held.expired() || held.lock() == store; });
    for (std::size_t tries = stores_.size(); tries > 0 && too_many(stores_.size() + 1); --tries) {
      oldest = stores_.front().lock();
      stores_.pop_front();
      if (oldest && !let_go(*oldest)) stores_.push_back(oldest);
    }
    stores_.push_back(store);
  }

 private:
  std::mutex mutex_;
  std::list<std::weak_ptr<LocalStore>> stores_;
};

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

  std::shared_ptr<LocalStore> open(StoreName name) {
    const auto folder = platform::status(name.directory);
    std::lock_guard lock(mutex_);
    if (open_.size() > 2 * clean_at_) sweep();
    auto& by_path = open_[{0, 0, name.directory, name.data_id}];
    std::weak_ptr<LocalStore> none;
    auto& by_folder = folder ? open_[{folder->identity.device, folder->identity.inode, "", name.data_id}] : none;
    auto store = by_path.lock();  // it goes with the path, whatever happens to the folder
    if (!store) {
      store = by_folder.lock();
      const auto now_there = store ? platform::status(store->name().directory) : std::nullopt;
      if (!now_there || now_there->identity != folder->identity) store = nullptr;  // the folder was moved here
    }
    if (store) {
      store->demand(name.durability, name.hits);
      store->look_now();
    } else {
      store = std::make_shared<LocalStore>(std::move(name));
      store->load_now();
    }
    by_path = by_folder = store;
    return store;
  }

  void note_dirty(std::shared_ptr<LocalStore> store) {
    std::lock_guard lock(queue_mutex_);
    if (finished_ && !std::exchange(late_, true)) std::atexit([] { instance().finish(); });
    if (std::find(dirty_.begin(), dirty_.end(), store) == dirty_.end()) dirty_.push_back(std::move(store));
    while (dirty_.size() > kHeld && let_go_of_one()) {
    }
    if (!thread_.joinable() && !finished_) thread_ = std::thread([this] { run(); });
    wake_.notify_one();
  }

  void note_descriptor(const std::shared_ptr<LocalStore>& store) {
    with_journal_.note(
        store, [](std::size_t stores) { return stores > kOpenJournals; }, [](LocalStore& oldest) { return oldest.release_descriptor(); });
  }

  void note_folder(const std::shared_ptr<LocalStore>& store) {
    with_folder_.note(
        store, [](std::size_t) { return Folder::count() > kOpenFolders; }, [](LocalStore& oldest) { return oldest.release_folder(); });
  }

  /// Folds what is dirty, for two seconds at most; the rest stays in journals, which lose nothing.
  void flush() {
    const Time until = now() + kExitLimit;
    while (const auto store = take_any()) {
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

  /// With the queue's lock: the oldest unfolded store that nobody else uses is closed; its name is enough to fold it later.
  bool let_go_of_one() {
    const auto idle = std::find_if(dirty_.begin(), dirty_.end(), [](const auto& store) { return store.use_count() == 1 && store->all_written(); });
    if (idle == dirty_.end()) return false;
    if (later_.size() < kUnfolded) later_.push_back((*idle)->name());
    dirty_.erase(idle);
    return true;
  }

  std::shared_ptr<LocalStore> take_any() {
    std::optional<StoreName> name;
    {
      std::lock_guard lock(queue_mutex_);
      if (!dirty_.empty()) {
        auto store = std::move(dirty_.front());
        dirty_.pop_front();
        return store;
      }
      if (later_.empty()) return nullptr;
      name = std::move(later_.front());
      later_.pop_front();
    }
    return open(*std::move(name));
  }

  /// With the queue's lock: a store that is due, taken from the queue; `wait`: until when none is.
  std::shared_ptr<LocalStore> take_due(Time& wait) {
    wait = kSecond;
    dirty_.remove_if([](const auto& store) { return store->fold_due(now()) < 0; });
    for (auto at = dirty_.begin(); at != dirty_.end(); ++at) {
      const Time due = (*at)->fold_due(now());
      if (due > 0) {
        wait = std::min(wait, due);
        continue;
      }
      auto store = std::move(*at);
      dirty_.erase(at);
      return store;
    }
    return nullptr;
  }

  /// The background: at most one fold a second for the whole process, so that a thousand caches cost what one does.
  void run() {
    std::unique_lock lock(queue_mutex_);
    while (!finished_) {
      if (dirty_.empty() && later_.empty()) {
        wake_.wait(lock, [&] { return finished_ || !dirty_.empty(); });
        continue;
      }
      Time wait = 0;
      auto due = take_due(wait);
      const bool by_name = !due && dirty_.empty();
      lock.unlock();
      if (by_name) due = take_any();
      if (due) {
        (void)due->fold(false);
        if (due->fold_due(now()) >= 0) note_dirty(due);
        due.reset();
        wait = kSecond;
      }
      lock.lock();
      wake_.wait_for(lock, std::chrono::nanoseconds(wait + kSecond / 100), [&] { return finished_; });
    }
  }

  std::mutex mutex_, queue_mutex_;
  std::map<Key, std::weak_ptr<LocalStore>> open_;
  std::size_t clean_at_ = 64;
  std::list<std::shared_ptr<LocalStore>> dirty_;  ///< to be folded
  std::deque<StoreName> later_;                   ///< and those that were closed meanwhile
  Recent with_journal_, with_folder_;
  std::condition_variable wake_;
  std::thread thread_;
  bool finished_ = false, late_ = false;
  const std::uint32_t forks_ = platform::forks();
};

}  // namespace

void note_dirty(const std::shared_ptr<LocalStore>& store) { Stores::instance().note_dirty(store); }
void note_descriptor(const std::shared_ptr<LocalStore>& store) { Stores::instance().note_descriptor(store); }
void note_folder(const std::shared_ptr<LocalStore>& store) { Stores::instance().note_folder(store); }
void flush_stores() { Stores::instance().flush(); }

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
  auto store = Stores::instance().open({options.data_id, *std::move(names), directory, options.durability, options.hits});
  if (options.clear_cache) store->forget_all();
  return std::shared_ptr<Store>(std::move(store));
}

}  // namespace cacherator::engine
