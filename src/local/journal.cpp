#include "local/journal.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cacherator::engine {

using namespace platform;

int Synced::wait(int folder, int file, std::uint64_t number) {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return !syncing_ || number <= done_ || number <= failed_; });
  if (number <= failed_) return -EIO;
  if (number <= done_) return 0;
  const std::uint64_t all = written_;
  syncing_ = true;
  lock.unlock();  // who comes now waits for the end of this sync, and one of them makes the next
  const auto end = size(file);
  int error = end ? sync_data(file) : -EIO;
  if (error == 0 && !named_) error = sync_all(folder);
  lock.lock();
  syncing_ = false;
  (error == 0 ? done_ : failed_) = all;
  if (error == 0) {
    named_ = true;
    bytes_ = *end;
  }
  ended_.notify_all();
  return error;
}

int Journal::open(int folder, const char* name, Journal& out) {
  int fd = open_file(folder, name, Open::append);
  const int refused = fd == -EACCES || fd == -EROFS || fd == -EPERM ? fd : 0;
  if (refused) fd = open_file(folder, name, Open::read);
  if (fd < 0) return fd;
  auto file = std::make_shared<Descriptor>(fd);
  const auto found = status(fd);
  if (!found || !found->regular) return -EINVAL;
  if (found->size > kLargestFile) return -EFBIG;
  out = Journal();
  out.file_ = std::move(file);
  out.identity_ = found->identity;
  out.refused_ = refused;
  out.synced_ = std::make_shared<Synced>();
  return 0;
}

bool Journal::is_at(int folder, const char* name) const { return platform::identity(folder, name) == identity_; }

int Journal::read_new(std::shared_ptr<std::string>& lines, std::uint64_t up_to) {
  lines.reset();
  char first;
  const ssize_t any = read_at(file_->get(), &first, 1, read_to_);
  if (any <= 0) return static_cast<int>(any);
  auto text = std::make_shared<std::string>();
  if (const int error = read_rest(file_->get(), *text, read_to_); error < 0) return error;
  if (up_to < read_to_ + text->size()) text->resize(up_to - std::min(up_to, read_to_));
  const auto end = text->rfind('\n');
  if (end == std::string::npos) return 0;  // a line without its newline is not there yet
  text->resize(end + 1);
  read_to_ += end + 1;
  written_ -= std::min<std::uint64_t>(written_, end + 1);
  if (header_.format == 0) {
    const auto begin = text->find_first_not_of('\n');
    if (begin == std::string::npos) return 0;
    header_bytes_ = std::min(text->size(), text->find('\n', begin) + 1);
    const auto record = parse_record(std::string_view(*text).substr(begin, text->find('\n', begin) - begin));
    const auto* header = std::get_if<JournalHeader>(&record);
    if (header) {
      header_ = *header;
    } else {
      header_.format = -1;
    }
  }
  lines = std::move(text);
  return 0;
}

int Journal::append(std::string_view record) {
  if (refused_) return refused_;
  for (int attempt = 0; attempt < 3; ++attempt) {
    const ssize_t done = write_once(file_->get(), record);
    if (done < 0) return static_cast<int>(done);
    if (static_cast<std::size_t>(done) < record.size()) continue;
    written_ = attempt == 0 ? written_ + record.size() : 0;
    return 0;
  }
  return -ENOSPC;
}

bool Journal::settle(int folder, const char* name) {
  std::uint64_t end = 0;
  const std::uint64_t written = std::exchange(written_, 0);
  if (platform::identity(folder, name, end) != identity_) return false;
  if (written && end == read_to_ + written) read_to_ = end;
  return true;
}

bool Journal::has_more() const { return size(file_->get()) != read_to_ + written_; }

bool Journal::reopen(int folder, const char* name) {
  Journal again;
  if (open(folder, name, again) < 0 || again.identity_ != identity_) return false;
  file_ = std::move(again.file_);
  refused_ = again.refused_;
  return true;
}

}  // namespace cacherator::engine
