#include "local/folder.hpp"

#include <cerrno>
#include <map>
#include <vector>

#include "cacherator/detail/cache.hpp"
#include "cacherator/detail/entry.hpp"
#include "cacherator/detail/fork_safe.hpp"
#include "digest.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine {
namespace {

using namespace platform;

struct Open {
  std::mutex mutex;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::weak_ptr<Folder>> folders;
  std::uint32_t forks = platform::forks();
  std::string boot = boot_id();
};

/// This process's open folders; a child begins with none, since its parent's locks are not its own.
Open& all() {
  static std::atomic<Open*> current{nullptr};
  Open* open = current.load();
  while (!open || open->forks != forks()) {
    auto* fresh = new Open;
    if (current.compare_exchange_strong(open, fresh)) return *fresh;
    delete fresh;
  }
  return *open;
}

/// Pages of lock files that are closed. None is unmapped, as a hit of another thread may be about to read a word of it; another lock file
/// takes its place. What such a hit reads then is another value, which says no more than: look.
class Pages {
 public:
  static Pages& instance() {
    static auto* pages = new Pages;  // never deleted: folders may outlive static destructors
    return *pages;
  }
  /// Null: none is free.
  const void* take() {
    std::lock_guard lock(mutex_);
    if (free_.empty()) return nullptr;
    const void* page = free_.back();
    free_.pop_back();
    return page;
  }
  void give_back(const void* page) {
    std::lock_guard lock(mutex_);
    free_.push_back(page);
  }

 private:
  detail::ForkSafeMutex mutex_;
  std::vector<const void*> free_;
};

/// 8 hex digits of what names a folder on a machine that has not been restarted.
std::string lock_name(Identity folder, const std::string& boot) {
  return ".cacherator-" + sha256_hex(std::to_string(folder.device) + '/' + std::to_string(folder.inode) + '/' + boot).substr(0, 8) + ".lock";
}

}  // namespace

std::shared_ptr<Folder> Folder::open(const std::string& path, int& error) {
  error = 0;
  Descriptor fd(open_folder(path));
  if (!fd) {
    if (fd.get() != -ENOENT) error = -fd.get();
    return nullptr;
  }
  const auto found = status(fd.get());
  if (!found) return nullptr;
  Open& open = all();
  std::lock_guard lock(open.mutex);
  auto& known = open.folders[{found->identity.device, found->identity.inode}];
  if (auto folder = known.lock()) return folder;
  auto folder = std::make_shared<Folder>();
  folder->path_ = path;
  folder->fd_ = std::move(fd);
  folder->identity_ = found->identity;
  folder->lock_name_ = lock_name(found->identity, open.boot);
  folder->local_ = platform::is_local(folder->fd());
  known = folder;
  return folder;
}

std::size_t Folder::count() {
  Open& open = all();
  std::lock_guard lock(open.mutex);
  std::erase_if(open.folders, [](const auto& known) { return known.second.expired(); });
  return open.folders.size();
}

Folder::~Folder() {
  if (lock_) forget_in_child(lock_.get());
  if (const void* page = page_.load()) Pages::instance().give_back(page);
}

bool Folder::has_no_links(int error) {
  if (error != -EPERM && error != -EOPNOTSUPP && error != -ENOSYS) return false;
  local_ = false;
  return true;
}

/// One byte for each stem; flights have theirs from 2^62 on.
std::uint64_t Folder::maintenance(const std::string& stem) { return (std::uint64_t{1} << 61) | fnv1a(stem) >> 3; }

std::size_t Folder::slot(const std::string& stem) { return fnv1a(stem) % kWords; }

int Folder::ready_lock_file(const std::string& name) {
  Descriptor file(open_file(fd(), name.c_str(), platform::Open::write));
  if (file.get() == -ENOENT) {
    std::string page;
    while (page.size() < kPage) {
      const std::uint64_t word = random_word();
      page.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    const std::string temporary = temporary_name();
    Descriptor made(open_file(fd(), temporary.c_str(), platform::Open::create_new));
    if (!made) return made.get();
    const int written = write_all(made.get(), page);
    if (written == 0) link_file(fd(), temporary.c_str(), name.c_str());  // who comes second uses the first's
    unlink_file(fd(), temporary.c_str());
    if (written < 0) return written;
    file = Descriptor(open_file(fd(), name.c_str(), platform::Open::write));
  }
  if (!file) return file.get();
  const auto found = status(file.get());
  if (!found || !found->regular || found->size != kPage) return -EINVAL;
  if (lock_) forget_in_child(lock_.get());
  close_in_child(file.get());
  lock_ = std::move(file);
  lock_identity_ = found->identity;
  return page_.load() ? map_lock_file() : 0;
}

/// By a description of its own: a child inherits the mapping, which would keep the locks of this process alive in it.
int Folder::map_lock_file() {
  const Descriptor view(open_file(fd(), lock_name_.c_str(), platform::Open::read));
  const auto viewed = view ? status(view.get()) : std::nullopt;
  if (!viewed || viewed->identity != lock_identity_ || viewed->size != kPage) return -EAGAIN;
  const void* page = map_page(view.get(), kPage, Pages::instance().take());
  if (!page) return -ENOMEM;
  if (const void* old = page_.exchange(static_cast<const std::atomic<std::uint64_t>*>(page))) Pages::instance().give_back(old);
  return 0;
}

void Folder::open_lock_file() {
  std::lock_guard lock(mutex_);
  if (!local_) return;
  if (lock_ && platform::identity(fd(), lock_name_.c_str()) == lock_identity_) return;
  if (ready_lock_file(lock_name_) != 0) {
    if (const void* old = page_.exchange(nullptr)) Pages::instance().give_back(old);
    lock_identity_ = {};
  }
}

bool Folder::lock_file_is_current() const {
  std::lock_guard lock(mutex_);
  return !lock_identity_ || platform::identity(fd(), lock_name_.c_str()) == lock_identity_;
}

const std::atomic<std::uint64_t>* Folder::word(const std::string& stem) {
  std::lock_guard lock(mutex_);
  if (!page_.load() && lock_identity_) map_lock_file();
  const auto* page = page_.load();
  return page ? page + slot(stem) : &own_words_[slot(stem)];
}

std::uint64_t Folder::read_word(const std::string& stem) {
  std::lock_guard lock(mutex_);
  if (!lock_identity_) return own_words_[slot(stem)].load();
  std::uint64_t word;
  const ssize_t got = read_at(lock_.get(), reinterpret_cast<char*>(&word), sizeof word, slot(stem) * sizeof word);
  return got == sizeof word ? word : random_word();
}

void Folder::touch(const std::string& stem) {
  std::uint64_t word = random_word();
  std::lock_guard lock(mutex_);
  if (lock_identity_) {
    write_at(lock_.get(), {reinterpret_cast<const char*>(&word), sizeof word}, slot(stem) * sizeof word);
  } else {
    own_words_[slot(stem)].store(word);
  }
}

bool Folder::try_lock(const std::string& stem) {
  std::lock_guard lock(mutex_);
  const std::uint64_t offset = maintenance(stem);
  // The kernel knows no holders within one process: who comes second here joins, and the last one frees it.
  if (auto held = maintained_.find(offset); held != maintained_.end()) return ++held->second, true;
  if (lock_ && !platform::try_lock(lock_.get(), offset)) return false;
  maintained_[offset] = 1;
  return true;
}

void Folder::unlock(const std::string& stem) {
  std::lock_guard lock(mutex_);
  const std::uint64_t offset = maintenance(stem);
  if (--maintained_[offset] > 0) return;
  maintained_.erase(offset);
  if (lock_) platform::unlock(lock_.get(), offset);
}

Folder::Flight Folder::try_flight(std::uint64_t offset, std::uint64_t length) {
  std::lock_guard lock(mutex_);
  if (!lock_ || flights_ >= kFlights) return Flight::without;
  do {
    if (platform::try_lock(lock_.get(), offset, length)) {
      ++flights_;
      return Flight::held;
    }
  } while (locked_length(lock_.get(), offset) == 0);  // it was freed meanwhile
  return Flight::elsewhere;
}

void Folder::end_flight(std::uint64_t offset, std::uint64_t length) {
  std::lock_guard lock(mutex_);
  if (lock_) platform::unlock(lock_.get(), offset, length);
  --flights_;
}

std::uint64_t Folder::flight_elsewhere(std::uint64_t offset) {
  std::lock_guard lock(mutex_);
  return lock_ ? locked_length(lock_.get(), offset) : 0;
}

std::string Folder::temporary_name() { return ".cacherator-" + random_hex(8) + ".tmp"; }

void Folder::remove_leftovers() {
  std::call_once(leftovers_, [&] {
    for (const auto& name : list(fd())) {
      if (!name.starts_with(".cacherator-") || name == lock_name_) continue;
      const auto found = status(fd(), name.c_str());
      const bool old = found && found->regular && found->modified < now() - 3600 * kSecond;
      if (old && name.ends_with(".tmp")) unlink_file(fd(), name.c_str());
      if (old && name.ends_with(".lock") && found->size == kPage) unlink_file(fd(), name.c_str());
    }
  });
}

int Folder::replace(const char* name, std::string_view bytes, std::uint32_t mode, bool durable) {
  const std::string temporary = temporary_name();
  Descriptor file(open_file(fd(), temporary.c_str(), platform::Open::create_new, mode ? mode : 0666));  // at no moment may more people read it
  if (!file) return file.get();
  int done = write_all(file.get(), bytes);
  if (done == 0 && mode) done = set_mode(file.get(), mode);
  if (done == 0 && durable) done = sync_all(file.get());
  if (done == 0) done = rename_file(fd(), temporary.c_str(), name);
  if (done < 0) unlink_file(fd(), temporary.c_str());
  if (done == 0 && durable) sync_all(fd());
  return done;
}

}  // namespace cacherator::engine
