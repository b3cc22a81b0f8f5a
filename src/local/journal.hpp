// One journal file as it is open here: what is appended to it, how far it has been read.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "local/record.hpp"
#include "platform/files.hpp"

namespace cacherator::engine {

/// How much of a journal is on the disk, for durability "power". Thread-safe.
class Synced {
 public:
  /// Counts a record that was written. Its number.
  std::uint64_t count() noexcept { return ++written_; }
  /// Returns when that record is on the disk, and the journal's name too: one sync serves all records that were written before it
  /// began. 0 or -errno, to all whom it concerns: what failed to be synced once is not known to be there after a later sync.
  int wait(int folder, int file, std::uint64_t number);
  /// How many bytes of the file are on the disk for certain.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  std::mutex mutex_;
  std::condition_variable ended_;
  bool syncing_ = false;
  std::atomic<std::uint64_t> written_{0}, bytes_{0};
  std::uint64_t done_ = 0, failed_ = 0;  ///< numbers
  bool named_ = false;                   ///< of who is syncing
};

/// Not thread-safe, except descriptor() and synced(). Errors are -errno.
class Journal {
 public:
  Journal() = default;
  /// Opens `name`; writable where that is allowed, else for reading. Nothing is read yet.
  static int open(int folder, const char* name, Journal& out);

  explicit operator bool() const noexcept { return file_ != nullptr; }
  [[nodiscard]] const std::shared_ptr<platform::Descriptor>& descriptor() const noexcept { return file_; }
  [[nodiscard]] platform::Identity identity() const noexcept { return identity_; }
  /// Header of the first line, once it was read; its format is -1 where that is no header.
  [[nodiscard]] const JournalHeader& header() const noexcept { return header_; }
  [[nodiscard]] std::uint64_t read_to() const noexcept { return read_to_; }
  /// True where nothing but the header was found in it so far.
  [[nodiscard]] bool holds_nothing() const noexcept { return read_to_ <= header_bytes_; }
  /// True while the path still means this file.
  [[nodiscard]] bool is_at(int folder, const char* name) const;

  [[nodiscard]] const std::shared_ptr<Synced>& synced() const noexcept { return synced_; }

  /// The whole lines after what was read before, empty if there are none, up to this byte; the header line is kept apart. 0 or -errno.
  int read_new(std::shared_ptr<std::string>& lines, std::uint64_t up_to = UINT64_MAX);
  /// True where it could be opened for reading only.
  [[nodiscard]] bool is_read_only() const noexcept { return refused_ < 0; }
  /// One write of a whole record; after a short write all of it again.
  int append(std::string_view record);
  /// After an append: true if the path still means this file. Where nobody wrote in between, the record counts as read.
  bool settle(int folder, const char* name);
  /// True if the file has bytes that were neither read nor written here, or cannot be asked.
  [[nodiscard]] bool has_more() const;
  /// Drops the descriptor; reopen() takes it up again if the path still means this file.
  void release() noexcept { file_.reset(); }
  bool reopen(int folder, const char* name);

 private:
  std::shared_ptr<platform::Descriptor> file_;
  platform::Identity identity_;
  JournalHeader header_{.format = 0};
  std::uint64_t read_to_ = 0, header_bytes_ = 0;
  int refused_ = 0;            ///< -errno: why it could be opened for reading only
  std::uint64_t written_ = 0;  ///< bytes that were appended here and not read, as far as one write did each
  std::shared_ptr<Synced> synced_;
};

}  // namespace cacherator::engine
