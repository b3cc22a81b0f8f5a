#include "dynamodb/table.hpp"

#include <map>
#include <mutex>
#include <tuple>
#include <utility>

#include "dynamodb/remote.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kRounds = 3;  ///< in which a missing table is made for one operation

/// This process's tables; never destroyed.
struct Tables {
  std::mutex mutex;
  std::map<std::tuple<std::string, std::string, std::string>, std::shared_ptr<Table>> open;
  const std::uint32_t forks = platform::forks();

  static Tables& instance() {
    static std::atomic<Tables*> current{nullptr};
    Tables* tables = current.load();
    while (!tables || tables->forks != platform::forks()) {
      auto* const fresh = new Tables;
      if (current.compare_exchange_strong(tables, fresh)) return *fresh;
      delete fresh;
    }
    return *tables;
  }
};

/// It will fail the same way each time, and others need not: it is not allowed, or it is a read (the keys are ours) that the server finds wrong.
bool of_operation(Operation operation, const Called& called) {
  if (called.meaning == Meaning::invalid) return operation == Operation::batch_get && !called.of_table;
  return called.meaning == Meaning::denied && called.refusal.code.starts_with("AccessDenied");
}

constexpr const char* kLocal = "; until then results stay local";

}  // namespace

std::shared_ptr<Table> Table::open(const Settings& settings, const Environment& environment, const Profiles& profiles) {
  auto& tables = Tables::instance();
  std::lock_guard lock(tables.mutex);
  auto& table = tables.open[{settings.endpoint, settings.region, settings.table}];
  if (!table) table = std::make_shared<Remote>(settings, environment, profiles);
  return table;
}

Remote::Remote(const Settings& settings, const Environment& environment, const Profiles& profiles)
    : client_(std::make_shared<Client>(settings, environment, profiles)),
      maker_(std::make_shared<TableMaker>(
          client_, [this](std::string message) { warn("making", std::move(message)); }, [this](std::string message) { tell(std::move(message)); })) {}

bool Remote::reachable() const noexcept { return breaker_.allows(Clock::now) && refused_[static_cast<std::size_t>(Operation::batch_get)].allows(Clock::now); }

std::optional<Failure> Remote::stopped(Operation operation) {
  auto& refused = refused_[static_cast<std::size_t>(operation)];
  if (!breaker_.allows(Clock::now)) return Failure{Failure::Kind::unreachable, table_of(settings()) + " did not answer lately; it is asked again soon"};
  if (!refused.allows(Clock::now) || !refused.allow(Clock::now())) {
    return Failure{Failure::Kind::refused, table_of(settings()) + ": dynamodb:" + name_of(operation) + " was refused lately; it is tried again soon"};
  }
  if (!breaker_.allow(Clock::now())) return Failure{Failure::Kind::unreachable, table_of(settings()) + " did not answer lately; it is asked again soon"};
  return std::nullopt;
}

void Remote::request(Operation operation, Body body, SteadyTime deadline, std::function<void(Called)> done, int round) {
  auto ended = [self = shared_from_this(), operation, body, deadline, done = std::move(done), round](Called called) mutable {
    if (called.answer) return done(std::move(called));
    if (called.meaning == Meaning::no_table && round < kRounds) return self->make_and_repeat(operation, body, deadline, std::move(done), round);
    if (called.meaning != Meaning::invalid) return done(std::move(called));
    auto checked = [done = std::move(done), called](std::optional<Failure> wrong) mutable {
      called.of_table = wrong.has_value();
      if (wrong) called.failure = std::move(*wrong);
      done(std::move(called));
    };
    self->maker_->check_key(deadline, std::move(checked));
  };
  client_->call(operation, std::move(body), deadline, std::move(ended));
}

void Remote::make_and_repeat(Operation operation, Body body, SteadyTime deadline, std::function<void(Called)> done, int round) {
  auto made = [self = shared_from_this(), operation, body = std::move(body), deadline, done = std::move(done), round](std::optional<NotMade> not_made) mutable {
    if (!not_made) return self->request(operation, std::move(body), deadline, std::move(done), round + 1);
    Called called;
    called.meaning = Meaning::no_table;
    called.failure = std::move(not_made->failure);
    called.of_table = true;
    called.under_way = not_made->under_way;
    done(std::move(called));
  };
  maker_->make(deadline, std::move(made));
}

void Remote::note_success(Operation operation) {
  breaker_.succeeded();
  refused_[static_cast<std::size_t>(operation)].succeeded();
}

void Remote::note(Operation operation, const Called& called) {
  const auto kind = called.failure.kind;
  const bool unreachable = kind == Failure::Kind::unreachable;
  const bool its_own = of_operation(operation, called), others_fail = its_own || unreachable || kind == Failure::Kind::refused || called.of_table;
  if (!others_fail) {
    note_success(operation);
  } else if (its_own) {
    breaker_.succeeded();
    refused_[static_cast<std::size_t>(operation)].failed(Clock::now());
  } else if (breaker_.failed(Clock::now(), called.under_way) && unreachable && !called.under_way) {
    warn({}, called.failure.message + "; results stay local until it answers");
  }
  if (unreachable) return;
  const char* const what = others_fail && !its_own ? "all" : name_of(operation);
  warn(std::string(what) + ' ' + std::to_string(static_cast<int>(kind)) + ' ' + called.refusal.code, called.failure.message + (others_fail ? kLocal : ""));
}

void Remote::warn(const std::string& once, std::string message) {
  constexpr std::size_t kMost = 256;  // after so many others a warning may be repeated
  std::lock_guard lock(mutex_);
  if (said_.size() >= kMost) said_.clear();
  if (!said_.insert(once.empty() ? message : once).second) return;
  notices_.push_back(std::move(message));
  if (notices_.size() > kMost) notices_.erase(notices_.begin());
}

void Remote::tell(std::string operation) {
  std::lock_guard lock(mutex_);
  operations_.push_back(std::move(operation));
}

std::vector<std::string> Remote::take_operations() {
  std::lock_guard lock(mutex_);
  return std::exchange(operations_, {});
}

std::vector<std::string> Remote::take_notices() {
  std::lock_guard lock(mutex_);
  return std::exchange(notices_, {});
}

std::string Remote::put_body(const Item& item, const std::optional<Expression>& condition) const {
  std::string body = R"({"TableName":)";
  append_string(body, settings().table);
  body += R"(,"ReturnConsumedCapacity":"TOTAL","Item":)";
  append_item(body, item);
  if (condition) {
    body += R"(,"ConditionExpression":)";
    append_string(body, condition->text);
    append_names_and_values(body, *condition);
  }
  return body += '}';
}

void Remote::put(Item item, std::optional<Expression> condition, Done<bool> done) {
  if (auto failure = stopped(Operation::put)) return done({std::nullopt, std::move(*failure)});
  auto body = std::make_shared<const std::string>(put_body(item, condition));
  request(Operation::put, std::move(body), deadline(), [self = shared_from_this(), done = std::move(done)](Called called) {
    if (called.answer || called.meaning == Meaning::condition) return self->succeed(Operation::put, done, called.answer.has_value());
    self->fail(Operation::put, done, std::move(called));
  });
}

void Remote::update(std::string key, Expression update, std::optional<std::string> condition, Done<Item> done) {
  if (auto failure = stopped(Operation::update)) return done({std::nullopt, std::move(*failure)});
  std::string body = R"({"TableName":)";
  append_string(body, settings().table);
  body += R"(,"ReturnConsumedCapacity":"TOTAL","ReturnValues":"ALL_NEW","Key":)";
  append_key(body, key);
  body += R"(,"UpdateExpression":)";
  append_string(body, update.text);
  if (condition) {
    body += R"(,"ConditionExpression":)";
    append_string(body, *condition);
  }
  append_names_and_values(body, update);
  body += '}';
  request(Operation::update, std::make_shared<const std::string>(std::move(body)), deadline(),
          [self = shared_from_this(), done = std::move(done)](Called called) {
            if (called.answer) return self->succeed(Operation::update, done, std::move(called.answer->attributes));
            if (called.meaning == Meaning::condition) return self->succeed(Operation::update, done, Item());
            self->fail(Operation::update, done, std::move(called));
          });
}

void Remote::scan(std::size_t limit, std::optional<std::string> after, Expression filter, std::vector<std::string> attributes, Done<Page> done) {
  if (auto failure = stopped(Operation::scan)) return done({std::nullopt, std::move(*failure)});
  std::string body = R"({"TableName":)";
  append_string(body, settings().table);
  body += R"(,"ReturnConsumedCapacity":"TOTAL","Limit":)" + std::to_string(std::max<std::size_t>(limit, 1));
  if (after) {
    body += R"(,"ExclusiveStartKey":)";
    append_key(body, *after);
  }
  if (!filter.text.empty()) {
    body += R"(,"FilterExpression":)";
    append_string(body, filter.text);
  }
  std::string projection;
  for (const auto& name : attributes) {
    const std::string alias = "#projected" + std::to_string(filter.names.size());
    projection.append(projection.empty() ? "" : ",").append(alias);
    filter.names.emplace(alias, name);
  }
  if (!projection.empty()) {
    body += R"(,"ProjectionExpression":)";
    append_string(body, projection);
  }
  append_names_and_values(body, filter);
  body += '}';
  request(Operation::scan, std::make_shared<const std::string>(std::move(body)), deadline(),
          [self = shared_from_this(), done = std::move(done)](Called called) {
            if (called.answer) return self->succeed(Operation::scan, done, Page{std::move(called.answer->items), std::move(called.answer->last)});
            self->fail(Operation::scan, done, std::move(called));
          });
}

void Remote::after(std::chrono::milliseconds time, std::function<void()> what) { Http::instance().after(time, std::move(what)); }

LayerInfo Remote::usage() const {
  LayerInfo info;
  info.table = settings().table;
  info.region = settings().region;
  info.endpoint = settings().endpoint;
  client_->add_usage(info);
  const auto now = Clock::now();
  auto state = breaker_.state(now);
  if (state == Breaker::State::closed) state = refused_[static_cast<std::size_t>(Operation::batch_get)].state(now);
  info.breaker = state == Breaker::State::closed ? "closed" : state == Breaker::State::open ? "open" : "half-open";
  return info;
}

}  // namespace cacherator::engine::dynamodb
