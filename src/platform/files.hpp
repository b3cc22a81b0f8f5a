// The system calls that the store makes on files, and nothing more: names are relative to an open folder. Numbers that are
// negative are errno values with their sign changed. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cacherator::platform {

/// Owns a file descriptor; -1: none.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) noexcept : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() { close(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  void close() noexcept;

 private:
  int fd_ = -1;
};

/// Which file a name means.
struct Identity {
  std::uint64_t device = 0, inode = 0;
  bool operator==(const Identity&) const = default;
  explicit operator bool() const noexcept { return inode != 0; }
};

struct Status {
  Identity identity;
  std::uint64_t size = 0;
  std::int64_t modified = 0;  ///< nanoseconds since 1970
  std::uint32_t mode = 0;     ///< permission bits
  bool regular = false, directory = false;
  bool operator==(const Status&) const = default;
};

enum class Open : std::uint8_t { read, write, append, create_new };

/// An absolute path; the folder of a relative one is the process's, now.
[[nodiscard]] std::string absolute(std::string_view path);
int make_folders(const std::string& path);
/// A folder's descriptor, or -errno.
int open_folder(const std::string& path);
/// Opens a file without following a link in the last place (but `read` follows), without blocking, closed on exec.
int open_file(int folder, const char* name, Open how, std::uint32_t mode = 0666);
[[nodiscard]] std::optional<Status> status(int folder, const char* name, int* error = nullptr);
[[nodiscard]] std::optional<Status> status(int fd);
[[nodiscard]] std::optional<Status> status(const std::string& path);
/// Only which file it is (a link is itself): half the price of status(), and no times are asked for.
[[nodiscard]] Identity identity(int folder, const char* name);
/// The same, and its size in bytes.
[[nodiscard]] Identity identity(int folder, const char* name, std::uint64_t& size);
/// Bytes; nothing: it cannot be told.
[[nodiscard]] std::optional<std::uint64_t> size(int fd);

/// Bytes read at `offset`, at most `size`; 0 at the end.
ssize_t read_at(int fd, char* to, std::size_t size, std::uint64_t offset);
/// The whole file from `offset` on is appended to `out`; 0 or -errno.
int read_rest(int fd, std::string& out, std::uint64_t offset = 0);
/// Bytes of a file that is read whole (docs/format.md, "Limits"): a larger one is refused, with EFBIG.
inline constexpr std::uint64_t kLargestFile = std::uint64_t{4} << 30;
/// One write(); bytes written or -errno.
ssize_t write_once(int fd, std::string_view bytes);
int write_all(int fd, std::string_view bytes);
ssize_t write_at(int fd, std::string_view bytes, std::uint64_t offset);
int sync_data(int fd);
int sync_all(int fd);
int set_mode(int fd, std::uint32_t mode);

int link_file(int folder, const char* from, const char* to);
int rename_file(int folder, const char* from, const char* to);
int unlink_file(int folder, const char* name);
/// Names in a folder.
[[nodiscard]] std::vector<std::string> list(int folder);

/// False on file systems of other machines (NFS, CIFS, 9p, FUSE, ...), where locks, links and appends promise less.
[[nodiscard]] bool is_local(int folder);
/// Tries to lock bytes for this open file; true if they were free, and where no locks are to be had.
bool try_lock(int fd, std::uint64_t offset, std::uint64_t length = 1);
void unlock(int fd, std::uint64_t offset, std::uint64_t length = 1);
/// The length of the lock that another open file has at `offset`; 0: none has.
std::uint64_t locked_length(int fd, std::uint64_t offset);
/// Maps one page of a file for reading, shared, in the place of the page at `old` if that is not null; null if that cannot be.
const void* map_page(int fd, std::size_t size, const void* old);

/// Sleeps.
void pause(std::int64_t nanoseconds);
[[nodiscard]] std::string boot_id();
[[nodiscard]] std::string random_hex(std::size_t bytes);
[[nodiscard]] std::uint64_t random_word();
/// "No space left on device", for messages.
[[nodiscard]] std::string reason(int error);

}  // namespace cacherator::platform
