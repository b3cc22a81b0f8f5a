#include "local/flight_range.hpp"

#include "digest.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine {
namespace {

// Each signature has a block of 2^16 bytes beyond the page of words. A leader locks a part of it, from its first byte on, whose
// length is random: by it, those that wait tell one leader from the next.
constexpr std::uint64_t kBlocks = std::uint64_t{1} << 62, kBlock = 1 << 16, kLongest = 1 << 15;

std::uint64_t block_of(std::string_view stem, std::string_view signature) {
  const std::uint64_t hash = fnv1a(signature, fnv1a("\n", fnv1a(stem)));
  return kBlocks | (hash >> 2 & ~(kBlock - 1));
}

/// Knuth's linear congruential generator (MMIX), begun anew from the system's in each process: a call to the system costs more than the rest.
std::uint64_t random_length() {
  thread_local std::uint64_t state = 0;
  thread_local std::uint32_t forks_then = 0;
  if (state == 0 || forks_then != platform::forks()) {
    state = platform::random_word();
    forks_then = platform::forks();
  }
  state = state * 6364136223846793005u + 1442695040888963407u;
  return 1 + (state >> 33) % kLongest;
}

}  // namespace

FlightRange::FlightRange(std::shared_ptr<Folder> folder, std::string_view stem, std::string_view signature)
    : folder_(std::move(folder)), offset_(block_of(stem, signature)), length_(random_length()), forks_(platform::forks()) {}

FlightRange::~FlightRange() {
  if (held_ && forks_ == platform::forks()) folder_->end_flight(offset_, length_);
}

bool FlightRange::take() {
  switch (folder_->try_flight(offset_, length_)) {
    case Folder::Flight::held: held_ = true; return true;
    case Folder::Flight::without: return true;
    case Folder::Flight::elsewhere: return false;
  }
  return true;
}

std::uint64_t FlightRange::leader() const { return folder_->flight_elsewhere(offset_); }

}  // namespace cacherator::engine
