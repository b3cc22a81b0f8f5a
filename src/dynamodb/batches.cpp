// BatchGetItem and BatchWriteItem: what the server left unprocessed is sent again, within the operation's deadline.
#include <algorithm>
#include <set>
#include <utility>

#include "dynamodb/remote.hpp"
#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPause{50}, kPauseWithoutProgress{200};
constexpr milliseconds kShortest{50};  ///< with less time left nothing is sent any more

}  // namespace

struct Remote::Get {
  std::vector<std::string> keys;  ///< not read yet
  SteadyTime deadline;
  Done<std::vector<Item>> done;
  std::vector<Item> items{};
  int stalled = 0;
};

struct Remote::Write {
  std::vector<Item> items;
  SteadyTime deadline;
  Done<std::vector<bool>> done;
  std::vector<std::size_t> left{};  ///< indexes of the items that are not written yet
  std::vector<bool> written{};
  int stalled = 0;
  std::size_t under_way = 0;  ///< one by one
  Called failed{};            ///< the last of them that was not written

  [[nodiscard]] const std::string& key(std::size_t index) const { return items[index].find("cache_id")->second.value; }
};

std::optional<milliseconds> Remote::pause(int& stalled, bool progress, SteadyTime deadline) const {
  const double random = static_cast<double>(platform::random_word() >> 11) * 0x1p-53;
  stalled = progress ? 0 : stalled + 1;
  const auto time = progress ? backoff(1, random, kPause) : backoff(stalled, random, kPauseWithoutProgress);
  if (Clock::now() + time + kShortest >= deadline) return std::nullopt;
  client_->count_retry();
  return time;
}

Called Remote::throttled(std::size_t number) const {
  Called called;
  called.meaning = Meaning::trouble;
  called.failure = unreachable(settings(), "it is throttled: " + std::to_string(number) + " items were left unprocessed to the end");
  return called;
}

void Remote::get(std::vector<std::string> keys, Done<std::vector<Item>> done) {
  if (auto failure = stopped(Operation::batch_get)) return done({std::nullopt, std::move(*failure)});
  get_rest(std::make_shared<Get>(Get{std::move(keys), deadline(), std::move(done)}));
}

void Remote::get_rest(const std::shared_ptr<Get>& get) {
  std::string body = R"({"RequestItems":{)";
  append_string(body, settings().table);
  body += R"(:{"ConsistentRead":true,"Keys":)";
  char before = '[';
  for (const auto& key : get->keys) {
    body += std::exchange(before, ',');
    append_key(body, key);
  }
  body += R"(]}},"ReturnConsumedCapacity":"TOTAL"})";
  request(Operation::batch_get, std::make_shared<const std::string>(std::move(body)), get->deadline, [self = shared_from_this(), get](Called called) {
    if (!called.answer) return self->fail(Operation::batch_get, get->done, std::move(called));
    auto& answer = *called.answer;
    if (get->items.empty()) {
      get->items = std::move(answer.items);
    } else {
      std::move(answer.items.begin(), answer.items.end(), std::back_inserter(get->items));
    }
    if (answer.unprocessed.empty()) return self->succeed(Operation::batch_get, get->done, std::move(get->items));
    const bool progress = answer.unprocessed.size() < get->keys.size();
    get->keys = std::move(answer.unprocessed);
    const auto time = self->pause(get->stalled, progress, get->deadline);
    if (!time || !Http::instance().after(*time, [self, get] { self->get_rest(get); })) {
      self->fail(Operation::batch_get, get->done, self->throttled(get->keys.size()));
    }
  });
}

void Remote::write(std::vector<Item> items, Done<std::vector<bool>> done) {
  const bool one_by_one = one_by_one_.load();
  if (auto failure = stopped(one_by_one ? Operation::put : Operation::batch_write)) return done({std::nullopt, std::move(*failure)});
  auto write = std::make_shared<Write>(Write{std::move(items), deadline(), std::move(done)});
  write->written.resize(write->items.size());
  for (std::size_t i = 0; i < write->items.size(); ++i) write->left.push_back(i);
  if (one_by_one) return write_one_by_one(write);
  write_rest(write);
}

void Remote::write_rest(const std::shared_ptr<Write>& write) {
  std::string body = R"({"RequestItems":{)";
  append_string(body, settings().table);
  body += ':';
  char before = '[';
  for (const auto index : write->left) {
    body += std::exchange(before, ',');
    body += R"({"PutRequest":{"Item":)";
    append_item(body, write->items[index]);
    body += "}}";
  }
  body += R"(]},"ReturnConsumedCapacity":"TOTAL"})";
  request(Operation::batch_write, std::make_shared<const std::string>(std::move(body)), write->deadline, [self = shared_from_this(), write](Called called) {
    if (!called.answer) {
      const bool not_allowed = called.meaning == Meaning::denied && called.refusal.code.starts_with("AccessDenied");
      if (not_allowed) self->one_by_one_.store(true);
      // One item that the server does not take must not keep the others out.
      const bool one_is_wrong = !called.of_table && write->left.size() > 1 && (called.meaning == Meaning::too_large || called.meaning == Meaning::invalid);
      if (not_allowed || one_is_wrong) return self->write_one_by_one(write);
      return self->end_write(Operation::batch_write, *write, std::move(called));
    }
    const std::set<std::string> unprocessed(called.answer->unprocessed.begin(), called.answer->unprocessed.end());
    const std::size_t before_it = write->left.size();
    std::erase_if(write->left, [&](std::size_t index) {
      if (unprocessed.count(write->key(index)) != 0) return false;
      write->written[index] = true;
      return true;
    });
    if (write->left.empty()) return self->succeed(Operation::batch_write, write->done, std::move(write->written));
    const auto time = self->pause(write->stalled, write->left.size() < before_it, write->deadline);
    if (!time || !Http::instance().after(*time, [self, write] { self->write_rest(write); })) {
      self->end_write(Operation::batch_write, *write, self->throttled(write->left.size()));
    }
  });
}

void Remote::write_one_by_one(const std::shared_ptr<Write>& write) {
  write->under_way = write->left.size();
  for (const auto index : write->left) {
    auto body = std::make_shared<const std::string>(put_body(write->items[index], std::nullopt));
    request(Operation::put, std::move(body), write->deadline, [self = shared_from_this(), write, index](Called called) {
      write->written[index] = called.answer.has_value();
      if (!called.answer) write->failed = std::move(called);
      if (--write->under_way == 0) self->end_write(Operation::put, *write, std::move(write->failed));
    });
  }
}

/// What was written counts, whatever became of the rest.
void Remote::end_write(Operation operation, Write& write, Called called) {
  if (std::find(write.written.begin(), write.written.end(), true) == write.written.end()) return fail(operation, write.done, std::move(called));
  if (std::find(write.written.begin(), write.written.end(), false) == write.written.end()) return succeed(operation, write.done, std::move(write.written));
  note(operation, called);
  write.done({std::move(write.written), {}});
}

}  // namespace cacherator::engine::dynamodb
