// A process that makes cached calls and says so, to be killed at any moment; and the one that reads back. See crash.py.
//
//   crash_writer write FOLDER MODE NUMBER FIRST    calls FIRST, FIRST + 1, ... for ever; a line on stdout after each has returned
//   crash_writer read FOLDER MODE                  reads keys on stdin, one a line; answers "l1 VALUE" or "miss" for each
#include <unistd.h>

#include <cacherator/cacherator.hpp>

#include <iostream>
#include <string>

namespace {

/// What the call with this key is to give: 10 bytes, or 100 KB.
std::string value_of(const std::string& key, bool large) {
  std::string value = "<" + key + ">";
  while (large && value.size() < 100'000) value += value;
  return value;
}

struct Writer : cacherator::JSONCache {
  Writer(const std::string& folder, bool large) : JSONCache({.data_id = "crash", .directory = folder}), large_(large) {}
  bool large_;
  cacherator::Cached<std::string(std::string)> call{this, "call", [this](const std::string& key) { return value_of(key, large_); }};
  cacherator::Cached<std::string(std::string)> cleared{this, "cleared", [this](const std::string& key) { return value_of(key, large_); }};
  cacherator::Persistent<int> state{this, "state", 0};
};

/// One write: a reader sees the whole line or nothing.
void say(const std::string& line) {
  if (::write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) ::_exit(1);
}

[[noreturn]] void write(Writer& cache, const std::string& mode, const std::string& number, long next) {
  for (;; ++next) {
    const std::string key = number + "-" + std::to_string(next);
    cache.call(key);
    say("kept " + key + "\n");
    if (mode == "saves" && next % 5 == 0) {
      cache.state = static_cast<int>(next) + 1;
      cache.json_cache_save();
      say("state " + std::to_string(next + 1) + "\n");
    }
    if (mode == "clears" && next % 7 == 0) {
      cache.cleared(key);
      cache.json_cache_clear("cleared");
      say("gone " + key + "\n");
    }
  }
}

void read(Writer& cache) {
  for (std::string line; std::getline(std::cin, line);) {
    const auto space = line.find(' ');
    const std::string kind = line.substr(0, space), key = line.substr(space + 1);
    const auto found = kind == "gone" ? cache.cleared.peek(key) : cache.call.peek(key);
    std::cout << (!found ? "miss" : *found == value_of(key, cache.large_) ? "hit" : "wrong") << '\n';
  }
  std::cout << cache.state.get() << std::endl;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string role = count > 1 ? arguments[1] : "";
  if (count < 4 || (role == "write" && count < 6)) {
    std::cerr << "usage: crash_writer write FOLDER MODE NUMBER FIRST | crash_writer read FOLDER MODE\n";
    return 2;
  }
  const std::string mode = arguments[3];
  Writer cache(arguments[2], mode == "large");
  if (role == "write") write(cache, mode, arguments[4], std::stol(arguments[5]));
  read(cache);
}
