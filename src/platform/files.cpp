#include "platform/files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>
#include <filesystem>

#include "platform/faults.hpp"

namespace cacherator::platform {
namespace {

/// What the system answered, or -errno.
long checked(long answer) { return answer < 0 ? -errno : answer; }

/// Makes a call, unless a test has something else in mind. Interrupted ones are made again.
template <class Make>
long through(const FileCall& call, const Make& make) {
  long answer;
  do {
    auto* const tested = faults.load(std::memory_order_acquire);
    answer = tested ? tested->around(call, [&](const FileCall& given) { return checked(make(given)); }) : checked(make(call));
  } while (answer == -EINTR);
  return answer;
}

template <class Make>
int result(const FileCall& call, const Make& make) {
  return static_cast<int>(through(call, make));
}

Status status_of(const struct stat& s) {
  return {.identity = {static_cast<std::uint64_t>(major(s.st_dev)) << 32 | minor(s.st_dev), s.st_ino},
          .size = static_cast<std::uint64_t>(s.st_size),
          .modified = s.st_mtim.tv_sec * 1'000'000'000 + s.st_mtim.tv_nsec,
          .mode = s.st_mode & 07777,
          .regular = S_ISREG(s.st_mode),
          .directory = S_ISDIR(s.st_mode)};
}

struct flock range(short type, std::uint64_t offset, std::uint64_t length) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(offset);
  lock.l_len = static_cast<off_t>(length);
  return lock;
}

}  // namespace

void Descriptor::close() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

std::string absolute(std::string_view path) {
  const std::filesystem::path given = path.empty() ? "." : std::filesystem::path(path);
  char here[PATH_MAX];  // by hand: libstdc++ throws where the current folder is gone
  const bool joined = !given.is_absolute() && ::getcwd(here, sizeof here);
  const std::filesystem::path full = joined ? std::filesystem::path(here) / given : given;
  std::string text = full.lexically_normal().string();
  while (text.size() > 1 && text.back() == '/') text.pop_back();
  return text;
}

int make_folders(const std::string& path) {
  return result({.kind = FileCall::Kind::make_folders, .name = path.c_str()}, [&](const FileCall&) {
    std::error_code error, ignored;
    std::filesystem::create_directories(path, error);
    if (!error || std::filesystem::is_directory(path, ignored)) return 0;
    errno = error.value();
    return -1;
  });
}

int open_folder(const std::string& path) {
  return result({.kind = FileCall::Kind::open_folder, .name = path.c_str()},
                [&](const FileCall&) { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
}

int open_file(int folder, const char* name, Open how, std::uint32_t mode) {
  int flags = O_CLOEXEC | O_NONBLOCK;
  if (how == Open::write) flags |= O_RDWR | O_NOFOLLOW;
  if (how == Open::append) flags |= O_RDWR | O_APPEND | O_NOFOLLOW;
  if (how == Open::create_new) flags |= O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW;
  return result({.kind = FileCall::Kind::open, .fd = folder, .name = name, .create = how == Open::create_new},
                [&](const FileCall&) { return ::openat(folder, name, flags, mode); });
}

std::optional<Status> status(int folder, const char* name, int* error) {
  struct stat s;
  const int done = result({.kind = FileCall::Kind::status, .fd = folder, .name = name}, [&](const FileCall&) { return ::fstatat(folder, name, &s, 0); });
  if (error) *error = -done;
  return done < 0 ? std::nullopt : std::optional(status_of(s));
}

std::optional<Status> status(int fd) {
  struct stat s;
  const int done = result({.kind = FileCall::Kind::status, .fd = fd}, [&](const FileCall&) { return ::fstat(fd, &s); });
  return done < 0 ? std::nullopt : std::optional(status_of(s));
}

std::optional<std::uint64_t> size(int fd) {
  // A third of the price of statx(). All reads and writes say where, or append: nobody needs the position.
  const long end = through({.kind = FileCall::Kind::size, .fd = fd}, [](const FileCall& call) { return ::lseek(call.fd, 0, SEEK_END); });
  return end < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(end));
}

std::optional<Status> status(const std::string& path) { return status(AT_FDCWD, path.c_str()); }

Identity identity(int folder, const char* name) {
  std::uint64_t ignored;
  return identity(folder, name, ignored);
}

Identity identity(int folder, const char* name, std::uint64_t& size) {
  struct statx s;
  const int done = result({.kind = FileCall::Kind::status, .fd = folder, .name = name},
                          [&](const FileCall&) { return ::statx(folder, name, AT_STATX_DONT_SYNC | AT_SYMLINK_NOFOLLOW, STATX_INO | STATX_SIZE, &s); });
  if (done < 0) return {};
  size = s.stx_size;
  return {static_cast<std::uint64_t>(s.stx_dev_major) << 32 | s.stx_dev_minor, s.stx_ino};
}

ssize_t read_at(int fd, char* to, std::size_t size, std::uint64_t offset) {
  return through({.kind = FileCall::Kind::read, .fd = fd, .offset = offset},
                 [&](const FileCall&) { return ::pread(fd, to, size, static_cast<off_t>(offset)); });
}

int read_rest(int fd, std::string& out, std::uint64_t offset) {
  std::size_t room = 1 << 16;
  if (const auto s = status(fd); s && s->size > offset) room = s->size - offset + 1;
  for (;;) {
    const std::size_t from = out.size();
    out.resize(from + room);
    const ssize_t got = read_at(fd, out.data() + from, room, offset);
    out.resize(from + static_cast<std::size_t>(got < 0 ? 0 : got));
    if (got < 0) return static_cast<int>(got);
    if (got == 0) return 0;
    offset += static_cast<std::uint64_t>(got);
    room = 1 << 16;
  }
}

ssize_t write_once(int fd, std::string_view bytes) {
  return through({.kind = FileCall::Kind::write, .fd = fd, .bytes = bytes},
                 [](const FileCall& call) { return ::write(call.fd, call.bytes.data(), call.bytes.size()); });
}

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = write_once(fd, bytes);
    if (done < 0) return static_cast<int>(done);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  return 0;
}

ssize_t write_at(int fd, std::string_view bytes, std::uint64_t offset) {
  return through({.kind = FileCall::Kind::write_at, .fd = fd, .bytes = bytes, .offset = offset},
                 [](const FileCall& call) { return ::pwrite(call.fd, call.bytes.data(), call.bytes.size(), static_cast<off_t>(call.offset)); });
}

int sync_data(int fd) {
  return result({.kind = FileCall::Kind::sync, .fd = fd}, [](const FileCall& call) { return ::fdatasync(call.fd); });
}
int sync_all(int fd) {
  return result({.kind = FileCall::Kind::sync, .fd = fd}, [](const FileCall& call) { return ::fsync(call.fd); });
}
int set_mode(int fd, std::uint32_t mode) {
  return result({.kind = FileCall::Kind::set_mode, .fd = fd}, [&](const FileCall&) { return ::fchmod(fd, mode); });
}

int link_file(int folder, const char* from, const char* to) {
  return result({.kind = FileCall::Kind::link, .fd = folder, .name = from, .to = to}, [&](const FileCall&) { return ::linkat(folder, from, folder, to, 0); });
}
int rename_file(int folder, const char* from, const char* to) {
  return result({.kind = FileCall::Kind::rename, .fd = folder, .name = from, .to = to}, [&](const FileCall&) { return ::renameat(folder, from, folder, to); });
}
int unlink_file(int folder, const char* name) {
  return result({.kind = FileCall::Kind::unlink, .fd = folder, .name = name}, [&](const FileCall&) { return ::unlinkat(folder, name, 0); });
}

std::vector<std::string> list(int folder) {
  std::vector<std::string> names;
  const int fd =
      result({.kind = FileCall::Kind::list, .fd = folder}, [](const FileCall& call) { return ::openat(call.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  DIR* open = fd < 0 ? nullptr : ::fdopendir(fd);
  if (!open) {
    if (fd >= 0) ::close(fd);
    return names;
  }
  while (const dirent* entry = ::readdir(open)) names.emplace_back(entry->d_name);
  ::closedir(open);
  return names;
}

bool is_local(int folder) {
  return through({.kind = FileCall::Kind::is_local, .fd = folder}, [](const FileCall& call) {
           struct statfs s;
           if (::fstatfs(call.fd, &s) != 0) return 1;
           constexpr std::uint32_t kFuse = 0x65735546, kCifs = 0xFF534D42, kSmb2 = 0xFE534D42, kVirtio = 0x6a656a63;
           const auto type = static_cast<std::uint32_t>(s.f_type);
           for (const std::uint32_t remote : {static_cast<std::uint32_t>(NFS_SUPER_MAGIC), static_cast<std::uint32_t>(V9FS_MAGIC),
                                              static_cast<std::uint32_t>(SMB_SUPER_MAGIC), kFuse, kCifs, kSmb2, kVirtio}) {
             if (type == remote) return 0;
           }
           return 1;
         }) != 0;
}

bool try_lock(int fd, std::uint64_t offset, std::uint64_t length) {
  auto lock = range(F_WRLCK, offset, length);
  const int done = result({.kind = FileCall::Kind::lock, .fd = fd, .offset = offset}, [&](const FileCall&) { return ::fcntl(fd, F_OFD_SETLK, &lock); });
  return done != -EAGAIN && done != -EACCES;
}

void unlock(int fd, std::uint64_t offset, std::uint64_t length) {
  auto lock = range(F_UNLCK, offset, length);
  result({.kind = FileCall::Kind::unlock, .fd = fd, .offset = offset}, [&](const FileCall&) { return ::fcntl(fd, F_OFD_SETLK, &lock); });
}

std::uint64_t locked_length(int fd, std::uint64_t offset) {
  auto lock = range(F_WRLCK, offset, 1);
  const int done = result({.kind = FileCall::Kind::lock, .fd = fd, .offset = offset}, [&](const FileCall&) { return ::fcntl(fd, F_OFD_GETLK, &lock); });
  return done >= 0 && lock.l_type != F_UNLCK ? static_cast<std::uint64_t>(lock.l_len) : 0;
}

const void* map_page(int fd, std::size_t size, const void* old) {
  void* page = nullptr;
  const int done = result({.kind = FileCall::Kind::map, .fd = fd}, [&](const FileCall&) {
    page = ::mmap(const_cast<void*>(old), size, PROT_READ, old ? MAP_SHARED | MAP_FIXED : MAP_SHARED, fd, 0);
    return page == MAP_FAILED ? -1 : 0;
  });
  return done < 0 ? nullptr : page;
}

void pause(std::int64_t nanoseconds) {
  const timespec time{nanoseconds / 1'000'000'000, nanoseconds % 1'000'000'000};
  ::nanosleep(&time, nullptr);
}

std::string boot_id() {
  std::string text;
  if (const Descriptor file(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)); file) {
    read_rest(file.get(), text);
  }
  return text;
}

std::uint64_t random_word() {
  std::uint64_t word = 0;
  while (::getrandom(&word, sizeof word, 0) != sizeof word) {
  }
  return word;
}

std::string random_hex(std::size_t bytes) {
  std::string text;
  while (text.size() < bytes * 2) {
    for (std::uint64_t word = random_word(), i = 0; i < 16 && text.size() < bytes * 2; ++i, word >>= 4) {
      text += "0123456789abcdef"[word & 15];
    }
  }
  return text;
}

std::string reason(int error) { return std::strerror(error < 0 ? -error : error); }

}  // namespace cacherator::platform
