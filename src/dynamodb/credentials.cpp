#include "dynamodb/credentials.hpp"

#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "cacherator/detail/cache.hpp"
#include "cacherator/detail/fork_safe.hpp"
#include "dynamodb/providers.hpp"
#include "platform/fork.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr Time kAdvisory = 900 * kSecond, kMandatory = 600 * kSecond;
/// After a fetch that failed: while nothing is known, and while what is known may still be used.
constexpr seconds kPauseWithout{1}, kPauseWith{10};
constexpr seconds kPauseAfterRefusal{30};

struct FallbackHolder {
  detail::ForkSafeMutex mutex;
  std::shared_ptr<const CredentialsFallback> fallback;
};
/// Never destroyed: a thread may ask for it while the program ends.
FallbackHolder& fallback_holder() {
  static auto* const holder = new FallbackHolder;
  return *holder;
}
std::shared_ptr<const CredentialsFallback> fallback() {
  std::lock_guard lock(fallback_holder().mutex);
  return fallback_holder().fallback;
}

Fault fault_of(const Said& answer) {
  if (answer.kind != Said::Kind::absent) return {Fault::Kind::misuse, "AWS credentials: " + answer.said};
  return {Fault::Kind::misuse, "AWS credentials: none were found: " + answer.said +
                                   ". Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, run 'aws configure', or give this machine a role"};
}

/// Nothing: it would have to block, and may not.
std::optional<Result<Credentials>> fetch(const Environment& environment, const Profiles& profiles, bool may_block) {
  const Search search{.environment = environment, .profiles = profiles, .profile = profiles.name};
  const auto answer = ask_in_order(whole_chain(), search, may_block);
  if (!answer) return std::nullopt;
  if (answer->kind == Said::Kind::found) return answer->credentials;
  Fault fault = fault_of(*answer);
  const auto other = fallback();
  if (!other || !*other) return fault;
  if (!may_block) return std::nullopt;
  const auto found = (*other)(answer->kind == Said::Kind::absent);  // the instance is the last one that is asked
  if (!found) {
    fault.message += "; " + found.fault().message;
    return fault;
  }
  const auto whole = checked(*found);
  return whole.kind == Said::Kind::found ? Result(whole.credentials) : fault_of(whole);
}

/// Until the next fetch: none where these are not near their end, and at most as long as they last.
Clock::duration pause_with(const Credentials& known) {
  const Time left = known.expires == 0 ? INT64_MAX : known.expires - now();
  return left > kAdvisory ? Clock::duration(0) : std::min<Clock::duration>(std::chrono::nanoseconds(left), kPauseWith);
}

/// An older libcurl may write to a connection that is closed, without saying that no signal is wanted.
void block_sigpipe() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

bool same(const Credentials& a, const Credentials& b) { return a.key_id == b.key_id && a.secret == b.secret && a.token == b.token; }

}  // namespace

void set_credentials_fallback(CredentialsFallback given) {
  auto fresh = std::make_shared<const CredentialsFallback>(std::move(given));
  std::lock_guard lock(fallback_holder().mutex);
  fallback_holder().fallback.swap(fresh);
}

Result<Credentials> fetch_credentials(const Environment& environment, const Profiles& profiles) { return *fetch(environment, profiles, true); }

struct CredentialSource::Shared : std::enable_shared_from_this<Shared> {
  using Done = std::function<void(const Result<Credentials>&)>;

  Shared(Environment given, Profiles read) : environment(std::move(given)), profiles(std::move(read)) {}

  void get(Done done) {
    bool start = false;
    const auto answer = answer_or_wait(done, start);
    if (start) fetch_now();
    if (answer) done(*answer);
  }

  /// Nothing: `done` is taken, and called when there is an answer. `start`: this caller has to fetch.
  std::optional<Result<Credentials>> answer_or_wait(Done& done, bool& start) {
    std::vector<Done> lost;  // of the parent's; destroyed without the lock
    std::lock_guard lock(mutex);
    heed_fork(lost);
    const Time left = !known || known->expires == 0 ? INT64_MAX : known->expires - now();
    const bool may_fetch = Clock::now() >= next_fetch, good = known && left > kMandatory;
    start = !fetching && may_fetch && (!good || left <= kAdvisory);
    fetching = fetching || start;
    if (good) return *known;
    if (fetching) {
      waiting.push_back(std::move(done));
      return std::nullopt;
    }
    if (known && left > 0) return *known;
    return last_fault;
  }

  void refuse(const Credentials& refused) {
    std::lock_guard lock(mutex);
    if (!known || !same(*known, refused)) return;
    const auto at = Clock::now();
    if (at < next_refusal && last_refused && same(*last_refused, refused)) return;
    last_refused = refused;
    next_refusal = at + kPauseAfterRefusal;
    next_fetch = at;
    known.reset();
  }

  /// Nothing of a fetch that the parent began will come here.
  void heed_fork(std::vector<Done>& lost) {
    if (std::exchange(forks, platform::forks()) == platform::forks()) return;
    fetching = false;
    lost.swap(waiting);
  }

  /// On this thread where nothing has to be waited for.
  void fetch_now() {
    if (auto result = try_fetch(false)) return finish(std::move(*result));
    try {
      std::thread([self = shared_from_this()] {
        block_sigpipe();
        self->finish(*self->try_fetch(true));
      }).detach();
    } catch (const std::system_error&) {
      finish(Fault{Fault::Kind::limit, "AWS credentials: they cannot be fetched, as no thread is to be had; allow this process more"});
    }
  }

  std::optional<Result<Credentials>> try_fetch(bool may_block) {
    Profiles current;
    bool read = false;
    {
      std::lock_guard lock(mutex);
      current = profiles;
      read = std::exchange(read_again, false);
    }
    if (read && !current.config_path.empty()) {
      current = Profiles::read(environment);
      std::lock_guard lock(mutex);
      profiles = current;
    }
    return fetch(environment, current, may_block);
  }

  void finish(Result<Credentials> result) {
    std::vector<Done> callers;
    {
      std::lock_guard lock(mutex);
      fetching = false;
      if (result) {
        known = *result;
        last_fault = {Fault::Kind::misuse, "AWS credentials: those of " + known->source + " have expired"};
      } else {
        last_fault = result.fault();
        if (known && known->expires > now()) result = *known;
      }
      next_fetch = Clock::now() + (result ? pause_with(*result) : kPauseWithout);
      read_again = true;
      callers.swap(waiting);
    }
    for (const auto& done : callers) done(result);
  }

  const Environment environment;
  detail::ForkSafeMutex mutex;
  Profiles profiles;
  std::optional<Credentials> known;
  Fault last_fault;
  bool fetching = false, read_again = false;
  std::vector<Done> waiting;
  Clock::time_point next_fetch{}, next_refusal{};
  std::optional<Credentials> last_refused;
  std::uint32_t forks = platform::forks();
};

CredentialSource::CredentialSource(Environment environment, Profiles profiles)
    : shared_(std::make_shared<Shared>(std::move(environment), std::move(profiles))) {}
CredentialSource::~CredentialSource() = default;

void CredentialSource::get(std::function<void(const Result<Credentials>&)> done) { shared_->get(std::move(done)); }
void CredentialSource::refuse(const Credentials& refused) { shared_->refuse(refused); }

}  // namespace cacherator::engine::dynamodb
