#include "dynamodb/client.hpp"

#include <curl/curl.h>
#include <zlib.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "dynamodb/endpoint.hpp"
#include "dynamodb/sign.hpp"
#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr const char* kNames[kOperations] = {"BatchGetItem", "PutItem",     "BatchWriteItem", "UpdateItem",
                                             "Scan",         "CreateTable", "DescribeTable",  "UpdateTimeToLive"};
constexpr Time kTolerated = 30 * kSecond;      ///< a clock that is no further from the server's is right; AWS tolerates minutes
constexpr milliseconds kShortestAttempt{100};  ///< with less time left there is no further one

constexpr const char* kAuthorities =
    " (AWS_CA_BUNDLE names a file with the authorities that are trusted, and the endpoint has to be of the certificate's host)";

double random_part() { return static_cast<double>(platform::random_word() >> 11) * 0x1p-53; }

bool crc_is_right(const Reply& reply) {
  if (!reply.crc32) return true;
  const auto sum = crc32_z(0, reinterpret_cast<const Bytef*>(reply.body.data()), reply.body.size());
  return static_cast<std::uint32_t>(sum) == *reply.crc32;
}

/// The path of "https://host:1/a/b", with a slash at its end.
std::string path_of(const std::string& endpoint) {
  const auto scheme = endpoint.find("://");
  const auto from = scheme == std::string::npos ? scheme : endpoint.find('/', scheme + 3);
  return from == std::string::npos ? "/" : endpoint.substr(from) + '/';
}

std::string no_region(const Settings& settings) {
  return table_of(settings) + ": no AWS region is named: set AWS_REGION (such as eu-west-1), or 'region' in ~/.aws/config, or give the table's ARN";
}

}  // namespace

const char* name_of(Operation operation) { return kNames[static_cast<int>(operation)]; }

/// One call under way. Its steps follow one another, each begun by the end of the one before.
class Client::Attempts : public std::enable_shared_from_this<Attempts> {
 public:
  Attempts(std::shared_ptr<Client> client, Operation operation, std::shared_ptr<const std::string> body, SteadyTime deadline, std::function<void(Called)> done)
      : client_(std::move(client)), operation_(operation), body_(std::move(body)), deadline_(deadline), done_(std::move(done)) {}

  /// Asks for credentials, and gives up when they do not come in time.
  void begin() {
    if (client_->settings_.region.empty()) return later({Failure::Kind::refused, no_region(client_->settings_)});
    struct Wait {
      std::atomic<bool> over{false};
    };
    const auto wait = std::make_shared<Wait>();
    client_->credentials_.get([self = shared_from_this(), wait](const Result<Credentials>& credentials) {
      if (wait->over.exchange(true)) return;
      if (credentials) {
        self->send(*credentials);
      } else {
        self->later({Failure::Kind::refused, table_of(self->client_->settings_) + ": " + credentials.fault().message});
      }
    });
    if (wait->over.load()) return;
    Http::instance().after(left(), [self = shared_from_this(), wait] {
      if (!wait->over.exchange(true)) self->end(unreachable(self->client_->settings_, "AWS credentials did not come in time"));
    });
  }

 private:
  [[nodiscard]] milliseconds left() const { return std::max(milliseconds(0), std::chrono::duration_cast<milliseconds>(deadline_ - Clock::now())); }

  void send(const Credentials& credentials) {
    std::vector<Header> headers{{"content-type", "application/x-amz-json-1.0"}, {"x-amz-target", std::string("DynamoDB_20120810.") + name_of(operation_)}};
    Signable signable;
    signable.host = client_->host_;
    signable.path = client_->path_;
    signable.headers = &headers;
    signable.body = *body_;
    auto done = sign(signable, credentials, client_->settings_.region, "dynamodb", client_->clock());
    std::move(done.headers.begin(), done.headers.end(), std::back_inserter(headers));
    used_ = credentials;
    const auto now = Clock::now();
    const auto limit = std::chrono::duration_cast<Clock::duration>(attempt_limit(attempt_, deadline_ - now));
    Http::instance().send({client_->server_, std::move(headers), body_, now + limit}, [self = shared_from_this()](Reply& reply) { self->take(reply); });
  }

  void take(Reply& reply) {
    std::string error;
    auto called = read(reply, error);
    client_->count(operation_, reply, operation_ == Operation::update_ttl ? std::string() : error);  // it is one that TTL is on already
    if (called.answer) {
      client_->bucket_.succeeded(cost_);
      count_units(called.answer->units);
      return done_(std::move(called));
    }
    switch (called.meaning) {
      case Meaning::trouble: return retry(std::move(called), error == "timeout");
      case Meaning::skewed:
        if (!std::exchange(clock_set_, true) && client_->follow_clock(reply.date)) return begin();
        break;
      case Meaning::expired:
        if (!std::exchange(refreshed_, true)) {
          client_->credentials_.refuse(used_);
          return begin();
        }
        break;
      default: client_->bucket_.succeeded(cost_);
    }
    done_(std::move(called));
  }

  /// `error`: what it is counted as.
  Called read(Reply& reply, std::string& error) {
    const Settings& settings = client_->settings_;
    const auto failed = [&](const char* as, Meaning meaning, std::string_view why) {
      error = as;
      return Called{std::nullopt, meaning, {as, std::string(why)}, unreachable(settings, why)};
    };
    switch (reply.error) {
      case Reply::Error::timeout: return failed("timeout", Meaning::trouble, reply.reason);
      case Reply::Error::connection: return failed("connection", Meaning::trouble, reply.reason);
      case Reply::Error::certificate: return failed("certificate", Meaning::unreachable, reply.reason + kAuthorities);
      case Reply::Error::too_large: return failed("too large reply", Meaning::unreachable, reply.reason);
      case Reply::Error::none: break;
    }
    if (!crc_is_right(reply)) return failed("crc", Meaning::trouble, "the reply was damaged on its way (its CRC is wrong)");
    if (reply.status == 200) {
      if (auto answer = read_answer(reply.body)) return {std::move(answer), {}, {}, {}};
      return failed("no JSON", Meaning::trouble, "what answers there is not DynamoDB (the reply is no JSON)");
    }
    auto refusal = read_refusal(reply.status, reply.body);
    hide_secrets(refusal.message);
    error = refusal.code;
    const Meaning meaning = meaning_of(reply.status, refusal);
    auto failure = failure_of(meaning, refusal, name_of(operation_), settings);
    return {std::nullopt, meaning, std::move(refusal), std::move(failure)};
  }

  void hide_secrets(std::string& message) const {
    const auto shows = [&](const std::string& secret) { return !secret.empty() && message.find(secret) != std::string::npos; };
    if (shows(used_.secret) || shows(used_.token)) message.clear();
  }

  void retry(Called called, bool after_timeout) {
    const auto pause = backoff(attempt_, random_part());
    cost_ = attempt_ < kAttempts && left() > pause + kShortestAttempt ? client_->bucket_.take(after_timeout) : 0;
    if (cost_ == 0) return done_(std::move(called));
    ++attempt_;
    client_->count_retry();
    if (!Http::instance().after(pause, [self = shared_from_this()] { self->begin(); })) done_(std::move(called));
  }

  void count_units(double units) const {
    auto& sum = operation_ == Operation::batch_get || operation_ == Operation::scan ? client_->read_units_ : client_->write_units_;
    double before = sum.load(std::memory_order_relaxed);
    while (units > 0 && !sum.compare_exchange_weak(before, before + units, std::memory_order_relaxed)) {
    }
  }

  void end(Failure failure) {
    const bool refused = failure.kind == Failure::Kind::refused;
    done_({std::nullopt, refused ? Meaning::denied : Meaning::unreachable, {}, std::move(failure)});
  }

  /// end(), on the thread of requests.
  void later(Failure failure) {
    if (!Http::instance().after(milliseconds(0), [self = shared_from_this(), failure] { self->end(failure); })) end(failure);
  }

  const std::shared_ptr<Client> client_;
  const Operation operation_;
  const std::shared_ptr<const std::string> body_;
  const SteadyTime deadline_;
  const std::function<void(Called)> done_;
  int attempt_ = 1, cost_ = 0;
  bool refreshed_ = false, clock_set_ = false;
  Credentials used_{};
};

Client::Client(const Settings& settings, const Environment& environment, const Profiles& profiles)
    : settings_(settings),
      host_(host_of(settings.endpoint)),
      path_(path_of(settings.endpoint)),
      server_(std::make_shared<const Server>(Server{settings.endpoint + '/', settings.ca_bundle, settings.connect_limit})),
      credentials_(environment, profiles) {}

void Client::call(Operation operation, std::shared_ptr<const std::string> body, SteadyTime deadline, std::function<void(Called)> done) {
  std::make_shared<Attempts>(shared_from_this(), operation, std::move(body), deadline, std::move(done))->begin();
}

void Client::add_usage(LayerInfo& info) const {
  for (int i = 0; i < kOperations; ++i) {
    if (const auto number = requests_[static_cast<std::size_t>(i)].load()) info.requests[kNames[i]] += number;
  }
  info.read_units += read_units_.load();
  info.write_units += write_units_.load();
  info.bytes_sent += bytes_sent_.load();
  info.bytes_received += bytes_received_.load();
  info.retries += retries_.load();
  std::lock_guard lock(mutex_);
  for (const auto& [code, number] : errors_) info.errors[code] += number;
}

void Client::count(Operation operation, const Reply& reply, const std::string& error) {
  requests_[static_cast<std::size_t>(operation)].fetch_add(1, std::memory_order_relaxed);
  bytes_sent_.fetch_add(reply.bytes_sent, std::memory_order_relaxed);
  bytes_received_.fetch_add(reply.bytes_received, std::memory_order_relaxed);
  if (error.empty()) return;
  std::lock_guard lock(mutex_);
  constexpr std::size_t kCodes = 64;  // of a server that makes up new ones
  if (errors_.size() < kCodes || errors_.count(error) != 0) ++errors_[error];
}

Time Client::clock() const noexcept { return now() + skew_.load(std::memory_order_relaxed); }

bool Client::follow_clock(const std::string& date) {
  const std::time_t server = curl_getdate(date.c_str(), nullptr);
  if (server < 0) return false;
  const Time skew = static_cast<Time>(server) * kSecond - now();
  if (std::abs(skew - skew_.load()) < kTolerated) return false;
  skew_.store(skew);
  return true;
}

}  // namespace cacherator::engine::dynamodb
