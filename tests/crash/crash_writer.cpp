// A process that makes cached calls and says so, to be killed at any moment; and the one that reads back. See crash.py.
//
//   crash_writer write FOLDER MODE NAME FIRST    calls for ever, from number FIRST on; what it does goes to stdout (ledger.py lists the words)
//   crash_writer read FOLDER MODE                answers each line of stdin; in the end saves, and says which faults it met
#include <unistd.h>

#include <cacherator/cacherator.hpp>
#include <chrono>
#include <iostream>
#include <optional>
#include <string>
#include <thread>

namespace {

using namespace std::chrono_literals;

std::string signature(const std::string& function, const std::string& key) { return function + "('" + key + "',){}"; }

/// What the call with this key is to give: some bytes, or 100 KB.
std::string value_of(const std::string& key, bool large) {
  std::string value = "<" + key + ">";
  while (large && value.size() < 100'000) value += value;
  return value;
}

struct Writer : cacherator::JSONCache {
  Writer(const std::string& folder, std::string mode, std::string name)
      : JSONCache({.data_id = "crash", .directory = folder}), mode_(std::move(mode)), name_(std::move(name)) {}

  /// One write of 64 bytes, which a page of the file holds whole: a kill leaves all of it or nothing.
  void say(const std::string& word, const std::string& what) const {
    std::string line = word + ' ' + name_ + ' ' + what;
    if (line.size() > 63) ::_exit(3);
    line.resize(63, ' ');
    line += '\n';
    if (::write(STDOUT_FILENO, line.data(), line.size()) != 64) ::_exit(4);
  }

  /// Calls of what others call too, and all that may be cleared, are reported with their beginnings.
  [[nodiscard]] bool is_told(const std::string& key) const { return key[0] == 's' || mode_ == "clears"; }

  std::string compute(const std::string& function, const std::string& key) const {
    if (is_told(key)) say("ran", signature(function, key));
    if (key[0] == 's') std::this_thread::sleep_for(200us);
    return value_of(key, mode_ == "large");
  }

  using Function = cacherator::Cached<std::string(std::string)>;

  void ask(const Function& function, const std::string& key) const {
    const std::string what = signature(std::string(function.name()), key);
    if (is_told(key)) say("ask", what);
    if (function(key) != value_of(key, mode_ == "large")) say("wrong", what);
    say("kept", what);
  }

  void clear(const std::string& what) {
    say("clearing", what);
    if (what == "*") json_cache_clear();
    else json_cache_clear(what);
    say("cleared", what);
  }

  void save(long n) {
    const std::string number = std::to_string(n);
    say("setting", number);
    *mine = n;
    *ours = name_ + '-' + number;
    json_cache_save();
    say("set", number);
  }

  void write(long n);
  void read();

  const std::string mode_, name_;
  Function call{this, "call", [this](const std::string& key) { return compute("call", key); }};
  Function cleared{this, "cleared", [this](const std::string& key) { return compute("cleared", key); }};
  std::optional<cacherator::Persistent<long>> mine;
  std::optional<cacherator::Persistent<std::string>> ours;
};

void Writer::write(long n) {
  if (mode_ == "saves" || mode_ == "state") {
    mine.emplace(this, "mine_" + name_);
    ours.emplace(this, "ours");
  }
  for (const long first = n;; ++n) {
    const std::string number = std::to_string(n), again = "s-" + std::to_string(n % 20);
    ask(call, (n % 3 == 0 ? "s-" : name_ + '-') + number);
    if (mode_ == "state" || (mode_ == "saves" && n % 5 == 0)) save(n + 1);
    if (mode_ == "clears") {
      ask(cleared, again);
      if (n % 7 == 0) clear("cleared");
      if (n % 11 == 0) clear(signature("cleared", again));
      if (n % 13 == 0) clear(signature("call", name_ + '-' + number));
      if (n % 211 == 0) clear("*");
    }
    if (mode_ == "large" && n % 40 == 39) json_cache_save();
    if (mode_ == "large") std::this_thread::sleep_for(4ms);
    else if (n - first > 500) std::this_thread::sleep_for(200us);  // so that a round can be longer than a second, and be read
  }
}

void Writer::read() {
  for (std::string line; std::getline(std::cin, line);) {
    const auto space = line.find(' ');
    const std::string kind = line.substr(0, space), name = line.substr(space + 1);
    if (kind == "state") {
      const cacherator::Persistent<nlohmann::json> state(this, name);
      std::cout << (state.restored() ? state.get().dump() : "none") << '\n';
      continue;
    }
    const auto found = (kind == "cleared" ? cleared : call).peek(name);
    std::cout << (!found ? "miss" : *found == value_of(name, mode_ == "large") ? "hit" : "wrong") << '\n';
  }
  json_cache_save();
  const cacherator::Info info = json_cache_info();
  std::cout << info.damaged_records << ' ' << info.damaged_documents + info.write_faults + info.other_faults << std::endl;
}

}  // namespace

int main(int count, char** arguments) {
  ::alarm(300);  // should the harness be gone, which would have killed it
  const std::string role = count > 1 ? arguments[1] : "";
  if (role == "write" && count == 6) Writer(arguments[2], arguments[3], arguments[4]).write(std::stol(arguments[5]));
  if (role != "read" || count != 4) {
    std::cerr << "usage: crash_writer write FOLDER MODE NAME FIRST | crash_writer read FOLDER MODE\n";
    return 2;
  }
  Writer(arguments[2], arguments[3], "reader").read();
}
