#include "dynamodb/table_making.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

namespace cacherator::engine::dynamodb {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kLimit{60}, kCallLimit{5};
constexpr milliseconds kFirstPause{50}, kLongestPause{1000};

std::string named(const Settings& settings) {
  std::string body = R"({"TableName":)";
  append_string(body, settings.table);
  return body;
}

}  // namespace

void TableMaker::make(SteadyTime deadline, Done done) {
  auto waiter = std::make_shared<Waiter>();
  waiter->done = std::move(done);
  bool start = false;
  {
    std::lock_guard lock(mutex_);
    waiters_.push_back(waiter);
    start = !std::exchange(under_way_, true);
  }
  if (start) {
    until_ = Clock::now() + kLimit;
    pause_ = kFirstPause;
    create();
  }
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - Clock::now());
  Http::instance().after(std::max(milliseconds(0), left), [self = shared_from_this(), waiter] {
    if (waiter->called.exchange(true)) return;
    waiter->done(NotMade{unreachable(self->client_->settings(), "it is being made, and not there yet"), true});
  });
}

void TableMaker::create() {
  std::string body = named(client_->settings());
  body += R"(,"AttributeDefinitions":[{"AttributeName":"cache_id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"cache_id","KeyType":"HASH"}],)"
          R"("BillingMode":"PAY_PER_REQUEST"})";
  client_->call(
      Operation::create_table, std::make_shared<const std::string>(std::move(body)), Clock::now() + kCallLimit, [self = shared_from_this()](Called called) {
        if (called.answer) self->tell_("the table '" + self->client_->settings().table + "' is made in " + self->client_->settings().region);
        if (called.answer || called.meaning == Meaning::in_use) return self->look();
        if (called.meaning == Meaning::trouble) return self->later(self->pause_, &TableMaker::create);
        const bool ours = called.failure.kind != Failure::Kind::unreachable;
        std::string message = std::move(called.failure.message);
        if (ours) {
          const std::string& name = self->client_->settings().table;
          message +=
              "; the table is not there and could not be made. Allow dynamodb:CreateTable, or make it: aws dynamodb create-table --table-name " + name +
              " --attribute-definitions AttributeName=cache_id,AttributeType=S --key-schema AttributeName=cache_id,KeyType=HASH --billing-mode PAY_PER_REQUEST";
        }
        self->finish(NotMade{{ours ? Failure::Kind::no_table : Failure::Kind::unreachable, std::move(message)}, false});
      });
}

void TableMaker::look() {
  client_->call(Operation::describe_table, std::make_shared<const std::string>(named(client_->settings()) + '}'), Clock::now() + kCallLimit,
                [self = shared_from_this()](Called called) {
                  if (called.answer && (called.answer->status == "ACTIVE" || called.answer->status == "UPDATING")) {
                    if (auto wrong = self->wrong_key(*called.answer)) return self->finish(NotMade{std::move(*wrong), false});
                    self->finish(std::nullopt);
                    return self->switch_ttl_on(false);
                  }
                  // Where it may not be looked at, it is tried.
                  if (!called.answer && called.meaning == Meaning::denied) return self->later(kLongestPause, &TableMaker::hope);
                  self->later(self->pause_, !called.answer && called.meaning == Meaning::no_table ? &TableMaker::create : &TableMaker::look);
                });
}

void TableMaker::hope() {
  finish(std::nullopt);
  switch_ttl_on(false);
}

void TableMaker::later(milliseconds time, void (TableMaker::*what)()) {
  if (Clock::now() + time > until_) return finish(NotMade{unreachable(client_->settings(), "it was made, and is not ready after a minute"), true});
  pause_ = std::min(kLongestPause, 2 * pause_);
  const bool started = Http::instance().after(time, [self = shared_from_this(), what] { (self.get()->*what)(); });
  if (!started) finish(NotMade{unreachable(client_->settings(), "the system gives no thread for requests"), false});
}

void TableMaker::ensure_ttl() {
  if (!ttl_is_asked_for_.load()) switch_ttl_on(true);
}

void TableMaker::switch_ttl_on(bool quietly) {
  ttl_is_asked_for_.store(true);
  std::string body = named(client_->settings()) + R"(,"TimeToLiveSpecification":{"AttributeName":"ttl","Enabled":true}})";
  client_->call(Operation::update_ttl, std::make_shared<const std::string>(std::move(body)), Clock::now() + kCallLimit,
                [self = shared_from_this(), quietly](Called called) {
                  if (called.answer || quietly || called.meaning != Meaning::denied) return;  // it is on already, or the server knows no such thing
                  self->warn_(called.failure.message + "; until TTL on the attribute 'ttl' is switched on, items that have expired stay in the table");
                });
}

void TableMaker::finish(std::optional<NotMade> result) {
  std::vector<std::shared_ptr<Waiter>> waiters;
  {
    std::lock_guard lock(mutex_);
    waiters.swap(waiters_);
    under_way_ = false;
  }
  for (const auto& waiter : waiters) {
    if (!waiter->called.exchange(true)) waiter->done(result);
  }
}

void TableMaker::check_key(SteadyTime deadline, std::function<void(std::optional<Failure>)> done) {
  if (key_is_known_.load()) return done(std::nullopt);
  client_->call(Operation::describe_table, std::make_shared<const std::string>(named(client_->settings()) + '}'), deadline,
                [self = shared_from_this(), done = std::move(done)](Called called) {
                  auto wrong = called.answer ? self->wrong_key(*called.answer) : std::nullopt;
                  if ((called.answer && !wrong) || called.meaning == Meaning::denied) self->key_is_known_.store(true);
                  done(std::move(wrong));
                });
}

std::optional<Failure> TableMaker::wrong_key(const ReplyBody& table) const {
  if (table.schema.empty()) return std::nullopt;
  if (table.schema.size() == 1 && table.schema[0].name == "cache_id" && table.schema[0].type == "S") return std::nullopt;
  std::string has;
  for (const auto& part : table.schema) {
    has += (has.empty() ? "the key '" : " and '") + part.name + "' (" + part.type + ')';
  }
  return Failure{Failure::Kind::invalid,
                 table_of(client_->settings()) + " has " + has +
                     "; cacherator needs 'cache_id' (S), partition key alone: give another table, or the name of one that is to be made"};
}

}  // namespace cacherator::engine::dynamodb
