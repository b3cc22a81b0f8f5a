// What a test may put between the store and the system: every call that files.cpp makes on files goes through it, and every
// reading of the clock. In a program nothing is there, and that costs one load of a pointer for each call.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string_view>

namespace cacherator::platform {

/// One call to the system. Which members mean something depends on `kind`.
struct FileCall {
  enum class Kind : std::uint8_t {
    make_folders,  ///< name: the path
    open_folder,   ///< name: the path
    open,          ///< fd: the folder, name; create: it must not be there yet
    status,        ///< fd or fd and name, or a path as name
    size,          ///< fd
    read,          ///< fd, offset
    write,         ///< fd, bytes, appended
    write_at,      ///< fd, bytes, offset
    sync,          ///< fd, of a file or a folder
    set_mode,      ///< fd
    link,          ///< fd: the folder, name, to
    rename,        ///< fd: the folder, name, to
    unlink,        ///< fd: the folder, name
    list,          ///< fd: the folder
    lock,          ///< fd, offset
    unlock,        ///< fd, offset
    map,           ///< fd
    is_local,      ///< fd: the folder; the answer is 1 or 0
  };
  static constexpr int kKinds = static_cast<int>(Kind::is_local) + 1;

  Kind kind;
  int fd = -1;
  const char* name = nullptr;
  const char* to = nullptr;
  std::string_view bytes{};
  std::uint64_t offset = 0;
  bool create = false;
};

/// Called from all threads that use the store. Once it was set, it must live as long as they do.
class Faults {
 public:
  virtual ~Faults() = default;
  /// Makes the call, another one in its place (fewer bytes), or none. Answers what the system would: a number, or -errno.
  virtual long around(const FileCall& call, const std::function<long(const FileCall&)>& make) { return make(call); }
  /// Nanoseconds since 1970, from what the system's clock says.
  virtual std::int64_t clock(std::int64_t time) { return time; }
};

/// Null: nothing is there.
inline std::atomic<Faults*> faults{nullptr};

}  // namespace cacherator::platform
