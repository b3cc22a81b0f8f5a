// Faults as values: what the engine answers instead of throwing.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace cacherator::engine {

/// What went wrong, in words a user can act on. Absence ("no such entry") is never a Fault.
struct Fault {  // NOLINT(clang-analyzer-core.uninitialized.Assign): the analyzer loses sight of std::variant's index
  enum class Kind {
    misuse,     ///< the caller's mistake: a bad data_id, directory or option
    io,         ///< the operating system refused; `message` names the path and the reason
    full,       ///< no space, or quota used up
    read_only,  ///< the folder cannot be written
    damage,     ///< bytes that are neither ours nor the incumbent's
    version,    ///< written by a newer major version of the format
    limit,      ///< a stated limit (depth, size, number) was exceeded
  };
  Kind kind = Kind::io;
  std::string message;  ///< names the thing, the value and the remedy; UTF-8
};

/// Either a value or a Fault. Like std::expected, which C++20 lacks. Not thread-safe.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
  Result(Fault fault) : held_(std::in_place_index<1>, std::move(fault)) {}

  explicit operator bool() const noexcept { return held_.index() == 0; }
  T& operator*() & { return std::get<0>(held_); }
  const T& operator*() const& { return std::get<0>(held_); }
  T&& operator*() && { return std::get<0>(std::move(held_)); }
  T* operator->() { return &std::get<0>(held_); }
  const T* operator->() const { return &std::get<0>(held_); }
  const Fault& fault() const { return std::get<1>(held_); }

 private:
  std::variant<T, Fault> held_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Fault fault) : fault_(std::move(fault)), failed_(true) {}

  explicit operator bool() const noexcept { return !failed_; }
  const Fault& fault() const { return fault_; }

 private:
  Fault fault_;
  bool failed_ = false;
};

}  // namespace cacherator::engine
