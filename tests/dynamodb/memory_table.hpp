// A table in memory, with the semantics of DynamoDB that the layer relies on. Several machines may share its items, and each has a fate of its own: requests
// that are slow, lost, answered late or carried out twice.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "dynamodb/items.hpp"
#include "dynamodb/table.hpp"

namespace cacherator::engine::dynamodb {

/// Carries out the expressions of one request on an item. What DynamoDB would refuse throws.
class Expressions {
 public:
  explicit Expressions(const Expression& expression) : given_(expression) {}

  bool holds(const std::string& condition, const Item& item) {
    read(condition);
    item_ = &item;
    const bool answer = any();
    if (at_ != words_.size()) throw std::invalid_argument("a condition ends early: " + condition);
    return answer;
  }

  void apply(const std::string& update, Item& item) {
    read(update);
    const Item before = item;
    item_ = &before;
    while (at_ < words_.size()) {
      const std::string clause = next();
      do {
        const std::string name = attribute(next());
        if (clause == "REMOVE") {
          item.erase(name);
          continue;
        }
        expect("=");
        item[name] = new_value();
      } while (at_ < words_.size() && words_[at_] == "," && ++at_);
    }
  }

  /// DynamoDB refuses names and values that no expression uses.
  void check_all_used() const {
    for (const auto& [name, attribute] : given_.names) {
      if (!used_.contains(name)) throw std::invalid_argument("unused " + name);
    }
    for (const auto& [name, value] : given_.values) {
      if (!used_.contains(name)) throw std::invalid_argument("unused " + name);
    }
  }

 private:
  void read(const std::string& text) {
    if (text.size() > 4096) throw std::invalid_argument("an expression has more than 4 KB");
    words_.clear();
    at_ = 0;
    std::string word;
    const auto end_word = [&] {
      if (!word.empty()) words_.push_back(std::exchange(word, ""));
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '#' || c == ':') {
        word += c;
        continue;
      }
      end_word();
      if (c == ' ') continue;
      const bool two = (c == '<' || c == '>') && i + 1 < text.size() && (text[i + 1] == '=' || text[i + 1] == '>');
      words_.push_back(text.substr(i, two ? 2 : 1));
      i += two;
    }
    end_word();
  }

  std::string next() {
    if (at_ >= words_.size()) throw std::invalid_argument("an expression is cut off");
    return words_[at_++];
  }
  void expect(const std::string& word) {
    if (next() != word) throw std::invalid_argument("expected " + word);
  }
  bool take(const std::string& word) { return at_ < words_.size() && words_[at_] == word && ++at_; }

  std::string attribute(const std::string& name) {
    used_.insert(name);
    const auto found = given_.names.find(name);
    if (found == given_.names.end()) throw std::invalid_argument("no name " + name);
    return found->second;
  }
  const Attribute* operand(const std::string& word) {
    used_.insert(word);
    if (word.starts_with(':')) return &given_.values.at(word);
    const auto found = item_->find(attribute(word));
    return found == item_->end() ? nullptr : &found->second;
  }
  Attribute new_value() {
    if (!take("if_not_exists")) return *operand(next());
    expect("(");
    const Attribute* there = operand(next());
    expect(",");
    const Attribute* other = operand(next());
    expect(")");
    return there ? *there : *other;
  }

  bool any() {
    bool answer = all();
    while (take("OR")) answer = all() || answer;
    return answer;
  }
  bool all() {
    bool answer = one();
    while (take("AND")) answer = one() && answer;
    return answer;
  }
  bool one() {
    if (take("NOT")) return !one();
    if (take("(")) {
      const bool answer = any();
      expect(")");
      return answer;
    }
    const std::string word = next();
    if (word == "attribute_exists" || word == "attribute_not_exists") {
      expect("(");
      const bool there = operand(next()) != nullptr;
      expect(")");
      return there == (word == "attribute_exists");
    }
    const Attribute* left = operand(word);
    const std::string comparison = next();
    return compare(left, comparison, operand(next()));
  }
  static bool compare(const Attribute* left, const std::string& how, const Attribute* right) {
    if (!left || !right || left->type != right->type) return how == "<>";
    int order = left->value.compare(right->value);
    if (left->type == Attribute::Type::number) {
      const long double a = std::strtold(left->value.c_str(), nullptr), b = std::strtold(right->value.c_str(), nullptr);
      order = a < b ? -1 : a > b ? 1 : 0;
    }
    if (how == "=") return order == 0;
    if (how == "<>") return order != 0;
    if (how == "<") return order < 0;
    if (how == "<=") return order <= 0;
    if (how == ">") return order > 0;
    if (how == ">=") return order >= 0;
    throw std::invalid_argument("no comparison " + how);
  }

  const Expression& given_;
  const Item* item_ = nullptr;
  std::vector<std::string> words_;
  std::size_t at_ = 0;
  std::set<std::string> used_;
};

/// What all machines see.
class MemoryServer {
 public:
  [[nodiscard]] std::vector<Item> get(const std::vector<std::string>& keys) {
    std::lock_guard lock(mutex_);
    std::vector<Item> found;
    for (auto key = keys.rbegin(); key != keys.rend(); ++key) {  // BatchGetItem promises no order
      if (const auto item = items_.find(*key); item != items_.end()) found.push_back(item->second);
    }
    return found;
  }
  [[nodiscard]] std::optional<Item> get(const std::string& key) {
    auto items = get(std::vector<std::string>{key});
    return items.empty() ? std::nullopt : std::optional(std::move(items.front()));
  }
  bool put(const Item& item, const std::optional<Expression>& condition = {}) {
    std::lock_guard lock(mutex_);
    auto& there = items_[item.at("cache_id").value];
    if (condition) {
      Expressions expressions(*condition);
      const bool holds = expressions.holds(condition->text, there);
      expressions.check_all_used();
      if (!holds) {
        if (there.empty()) items_.erase(item.at("cache_id").value);
        return false;
      }
    }
    there = item;
    return true;
  }
  /// Each update is carried out twice, as where the answer of the first was lost; it is answered as the second.
  void repeat_updates() { twice_ = true; }
  Item update(const std::string& key, const Expression& update, const std::optional<std::string>& condition) {
    if (twice_) (void)update_once(key, update, condition);
    return update_once(key, update, condition);
  }
  Table::Page scan(std::size_t limit, const std::optional<std::string>& after, const Expression& filter, const std::vector<std::string>& attributes) {
    std::lock_guard lock(mutex_);
    Table::Page page;
    auto at = after ? items_.upper_bound(*after) : items_.begin();
    for (; at != items_.end() && limit > 0; ++at, --limit) {
      page.last = at->first;
      if (!Expressions(filter).holds(filter.text, at->second)) continue;
      Item some;
      for (const auto& [name, attribute] : at->second) {
        if (std::find(attributes.begin(), attributes.end(), name) != attributes.end()) some.emplace(name, attribute);
      }
      page.items.push_back(std::move(some));
    }
    if (at == items_.end()) page.last = std::nullopt;
    return page;
  }
  void erase(const std::string& key) {
    std::lock_guard lock(mutex_);
    items_.erase(key);
  }
  [[nodiscard]] std::vector<Item> all() {
    std::lock_guard lock(mutex_);
    std::vector<Item> items;
    for (const auto& [key, item] : items_) items.push_back(item);
    return items;
  }

 private:
  Item update_once(const std::string& key, const Expression& update, const std::optional<std::string>& condition) {
    std::lock_guard lock(mutex_);
    const auto there = items_.find(key);
    Item item = there == items_.end() ? Item() : there->second;
    Expressions expressions(update);
    const bool holds = !condition || expressions.holds(*condition, item);
    Item after = item;
    expressions.apply(update.text, after);
    expressions.check_all_used();
    if (!holds) return {};
    after["cache_id"] = text_attribute(key);
    return items_[key] = after;
  }

  std::mutex mutex_;
  std::map<std::string, Item> items_;
  std::atomic<bool> twice_{false};
};

/// One machine's way to it.
class MemoryTable final : public Table, public std::enable_shared_from_this<MemoryTable> {
 public:
  enum class What : std::uint8_t { get, put, write, update, scan };
  using Milliseconds = std::chrono::milliseconds;
  /// What becomes of one request.
  struct Fate {
    Milliseconds before{0}, after{0};         ///< on its way to the server, and back
    std::optional<Failure::Kind> fails{};     ///< it is answered with that
    bool arrives = true;                      ///< though it fails, it is carried out
    std::optional<Milliseconds> once_more{};  ///< and then again, so much later
    std::function<void()> then{};             ///< called on the way back
  };
  using Decide = std::function<Fate(What what, const std::string& key)>;

  /// It lives as long as the process, as real ones do.
  static std::shared_ptr<MemoryTable> make(std::shared_ptr<MemoryServer> server, const std::string& name = "fleet") {
    static auto* const all = new std::vector<std::shared_ptr<MemoryTable>>;
    std::shared_ptr<MemoryTable> table(new MemoryTable(std::move(server), name));
    std::thread([raw = table.get()] { raw->run(); }).detach();
    all->push_back(table);
    return table;
  }

  /// Requests that begin from now on; null: all goes well.
  void decide(Decide decide) {
    std::lock_guard lock(mutex_);
    decide_ = std::move(decide);
  }
  void set_reachable(bool reachable) { reachable_ = reachable; }
  [[nodiscard]] std::size_t count(What what) {
    std::lock_guard lock(mutex_);
    return counts_[what];
  }
  [[nodiscard]] std::size_t largest_write() {
    std::lock_guard lock(mutex_);
    return largest_write_;
  }
  void set_clock(std::function<Time()> clock) {
    std::lock_guard lock(mutex_);
    clock_ = std::move(clock);
  }
  /// True where two requests of one key were ever on their way at once.
  [[nodiscard]] bool crossed() {
    std::lock_guard lock(mutex_);
    return crossed_;
  }

  [[nodiscard]] const Settings& settings() const noexcept override { return settings_; }
  [[nodiscard]] bool reachable() const noexcept override { return reachable_; }
  [[nodiscard]] Time server_time() const noexcept override {
    std::lock_guard lock(mutex_);
    return clock_ ? clock_() : now();
  }

  void get(std::vector<std::string> keys, Done<std::vector<Item>> done) override {
    request<std::vector<Item>>(
        What::get, keys.front(), [server = server_, keys] { return server->get(keys); }, std::move(done));
  }
  void put(Item item, std::optional<Expression> condition, Done<bool> done) override {
    const std::string key = item.at("cache_id").value;
    request<bool>(What::put, key, [server = server_, item, condition] { return server->put(item, condition); }, std::move(done), {key});
  }
  void write(std::vector<Item> items, Done<std::vector<bool>> done) override {
    std::vector<std::string> keys;
    for (const auto& item : items) keys.push_back(item.at("cache_id").value);
    {
      std::lock_guard lock(mutex_);
      largest_write_ = std::max(largest_write_, items.size());
    }
    const auto put_all = [server = server_, items] {
      std::vector<bool> written;
      for (const auto& item : items) written.push_back(server->put(item));
      return written;
    };
    request<std::vector<bool>>(What::write, keys.front(), put_all, std::move(done), keys);
  }
  void update(std::string key, Expression update, std::optional<std::string> condition, Done<Item> done) override {
    request<Item>(
        What::update, key, [server = server_, key, update, condition] { return server->update(key, update, condition); }, std::move(done));
  }
  void scan(std::size_t limit, std::optional<std::string> after, Expression filter, std::vector<std::string> attributes, Done<Page> done) override {
    request<Page>(
        What::scan, "", [server = server_, limit, after, filter, attributes] { return server->scan(limit, after, filter, attributes); }, std::move(done));
  }
  void after(Milliseconds time, std::function<void()> what) override {
    std::lock_guard lock(mutex_);
    timers_.emplace(Clock::now() + time, std::move(what));
    wake_.notify_one();
  }

  [[nodiscard]] LayerInfo usage() const override { return {.table = settings_.table}; }
  std::vector<std::string> take_notices() override { return {}; }
  std::vector<std::string> take_operations() override { return {}; }

 private:
  using Clock = std::chrono::steady_clock;

  MemoryTable(std::shared_ptr<MemoryServer> server, const std::string& name) : server_(std::move(server)) {
    settings_.table = name;
    settings_.id = "1f2e3d4c";
    settings_.call_limit = Milliseconds(1500);
  }

  template <class T, class Make>
  void request(What what, const std::string& key, Make make, Done<T> done, std::vector<std::string> keys = {}) {
    if (!reachable_) return done({std::nullopt, {Failure::Kind::unreachable, "out of reach"}});
    Fate fate;
    {
      std::lock_guard lock(mutex_);
      ++counts_[what];
      if (decide_) fate = decide_(what, key);
      for (const auto& each : keys) crossed_ = !on_their_way_.insert(each).second || crossed_;
    }
    after(fate.before, [this, fate, make, keys, done = std::move(done)]() mutable {
      Outcome<T> outcome;
      if (!fate.fails || fate.arrives) outcome.value = make();
      if (fate.once_more) after(*fate.once_more, [make] { (void)make(); });
      if (fate.fails) outcome = {std::nullopt, {*fate.fails, "as the test wants it"}};
      after(fate.after, [this, keys, then = fate.then, outcome = std::move(outcome), done = std::move(done)]() mutable {
        if (then) then();
        {
          std::lock_guard lock(mutex_);
          for (const auto& each : keys) on_their_way_.erase(each);
        }
        done(std::move(outcome));
      });
    });
  }

  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      if (timers_.empty()) {
        wake_.wait(lock);
      } else if (const auto at = timers_.begin()->first; at > Clock::now()) {
        wake_.wait_until(lock, at);
      } else {
        auto what = std::move(timers_.begin()->second);
        timers_.erase(timers_.begin());
        lock.unlock();
        what();
        what = nullptr;
        lock.lock();
      }
    }
  }

  const std::shared_ptr<MemoryServer> server_;
  Settings settings_;
  std::atomic<bool> reachable_{true};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<Clock::time_point, std::function<void()>> timers_;
  Decide decide_;
  std::function<Time()> clock_;
  std::map<What, std::size_t> counts_;
  std::set<std::string> on_their_way_;
  std::size_t largest_write_ = 0;
  bool crossed_ = false;
};

}  // namespace cacherator::engine::dynamodb
