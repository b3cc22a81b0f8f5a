// One folder of caches as this process has it open: its descriptor, and its lock file with locks and hint words
// (docs/format.md: `.cacherator-<8 hex>.lock`).
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "cacherator/detail/result.hpp"
#include "platform/files.hpp"

namespace cacherator::engine {

/// Thread-safe. The lock file is only an economy and a courtesy: where it cannot be had, words are this process's own and
/// locks always succeed within it.
class Folder {
 public:
  /// Opens the folder at an absolute path; nothing if it is not there. Folders are shared within the process. `error` is
  /// the errno where it is there but cannot be opened.
  static std::shared_ptr<Folder> open(const std::string& path, int& error);
  ~Folder();
  /// How many are open in this process.
  static std::size_t count();

  [[nodiscard]] int fd() const noexcept { return fd_.get(); }
  [[nodiscard]] platform::Identity identity() const noexcept { return identity_; }
  [[nodiscard]] bool is_local() const noexcept { return local_; }
  /// True for what link() answers where there are no hard links. From then on the folder counts as not local.
  bool has_no_links(int error);
  /// The lock file of this folder and boot, made if missing; called before anything is written or watched.
  void open_lock_file();
  /// True while the lock file at its path is the one that is open here (or none could be had).
  [[nodiscard]] bool lock_file_is_current() const;

  /// True: words stay valid for the life of the process; else for that of this object.
  [[nodiscard]] bool is_mapped() const noexcept { return page_.load() != nullptr; }
  /// Where the hint word of a stem is: in the lock file's page, which the first who asks maps.
  [[nodiscard]] const std::atomic<std::uint64_t>* word(const std::string& stem);
  /// Its value, read from the file: no page is mapped. A fresh random value where it cannot be read.
  [[nodiscard]] std::uint64_t read_word(const std::string& stem);
  /// Tells all processes to look: a fresh random value.
  void touch(const std::string& stem);
  /// The maintenance range of a stem, between processes; within one, several may hold it.
  bool try_lock(const std::string& stem);
  void unlock(const std::string& stem);

  /// The range of a flight (src/local/flight_range.hpp).
  enum class Flight : std::uint8_t {
    held,
    without,    ///< it could not be taken, for a reason that has nothing to do with other processes
    elsewhere,  ///< another process has it
  };
  Flight try_flight(std::uint64_t offset, std::uint64_t length);
  void end_flight(std::uint64_t offset, std::uint64_t length);
  /// Length of the range that another process has at `offset`; 0: none has.
  [[nodiscard]] std::uint64_t flight_elsewhere(std::uint64_t offset);

  /// Removes temporary files and lock files that were left over: once per folder and process.
  void remove_leftovers();
  /// A file of ours at `name`, whole or not at all: written aside, synced if `durable`, moved over. 0 or -errno.
  int replace(const char* name, std::string_view bytes, std::uint32_t mode, bool durable);
  /// The name of a new temporary file's own.
  static std::string temporary_name();

 private:
  static constexpr std::size_t kWords = 511;
  static constexpr std::size_t kPage = 4096;
  static constexpr int kFlights = 256;  ///< held at once: the kernel keeps ranges in a list, which it goes through each time
  static std::uint64_t maintenance(const std::string& stem);
  static std::size_t slot(const std::string& stem);
  [[nodiscard]] int ready_lock_file(const std::string& name);
  int map_lock_file();

  std::string path_;
  platform::Descriptor fd_, lock_;
  platform::Identity identity_, lock_identity_;
  std::string lock_name_;
  std::atomic<bool> local_{true};
  std::once_flag leftovers_;
  mutable std::mutex mutex_;  ///< of the lock file
  int flights_ = 0;
  std::map<std::uint64_t, int> maintained_;  ///< ranges that this process holds, and how often
  std::atomic<const std::atomic<std::uint64_t>*> page_{nullptr};
  std::array<std::atomic<std::uint64_t>, kWords> own_words_{};
};

}  // namespace cacherator::engine
