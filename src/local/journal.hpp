// One journal file as it is open here: what is appended to it, how far it has been read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "local/record.hpp"
#include "platform/files.hpp"

namespace cacherator::engine {

/// Not thread-safe, except descriptor(). Errors are -errno.
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

  /// The whole lines after what was read before, empty if there are none; the header line is kept apart. 0 or -errno.
  int read_new(std::shared_ptr<std::string>& lines);
  /// One write of a whole record; after a short write all of it again.
  int append(std::string_view record);
  /// After an append: true if the path still means this file. Where nobody wrote in between, the record counts as read.
  bool settle(int folder, const char* name);
  /// True if the file has bytes that were not read, or cannot be asked.
  [[nodiscard]] bool has_more() const;
  /// Drops the descriptor; reopen() takes it up again if the path still means this file.
  void release() noexcept { file_.reset(); }
  bool reopen(int folder, const char* name);

 private:
  std::shared_ptr<platform::Descriptor> file_;
  platform::Identity identity_;
  JournalHeader header_{.format = 0};
  std::uint64_t read_to_ = 0, header_bytes_ = 0;
  std::uint64_t written_ = 0;  ///< bytes of the last append, if one write did it
};

}  // namespace cacherator::engine
