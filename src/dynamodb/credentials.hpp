// Who we are to AWS: the chain of providers, in botocore's order, and their refresh. No secret is ever part of a message.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "cacherator/detail/entry.hpp"
#include "cacherator/detail/result.hpp"
#include "dynamodb/settings.hpp"

namespace cacherator::engine::dynamodb {

struct Credentials {
  std::string key_id{}, secret{}, token{};  ///< token: empty for long-lived ones
  Time expires = 0;                         ///< 0: never
  std::string source{};                     ///< "environment", "profile 'work'", …: for messages
};

/// Asked when our own chain found none that can be used: Python sets botocore's. Called on a thread of its own; may take seconds. It is told whether the
/// instance's metadata service has been asked already, which may have cost a second.
using CredentialsFallback = std::function<Result<Credentials>(bool instance_was_asked)>;
void set_credentials_fallback(CredentialsFallback fallback);

/// Thread-safe. In the child of a fork what is known stays so; a fetch of the parent's is the parent's alone, with those who wait for it.
class CredentialSource {
 public:
  CredentialSource(Environment environment, Profiles profiles);
  ~CredentialSource();

  /// Credentials that are valid now, at once where they are known, static, or in the environment. Else they are fetched on a thread of
  /// their own, which calls `done`; callers meanwhile share that fetch. Near their end (15 minutes: advisory) they are fetched
  /// again while the known ones are still given out; within 10 minutes of it (mandatory) callers wait.
  /// The Fault lists what was looked for, and where, and what to do.
  /// Where a fetch fails, the known ones are given out up to their end; without any, the Fault is repeated for a second before it is tried again.
  void get(std::function<void(const Result<Credentials>&)> done);
  /// The server refused these as expired or unknown: they are fetched anew, the shared files read again, when they are next asked for. Where that gives the
  /// same ones, it is not done again for 30 s.
  void refuse(const Credentials& refused);

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

/// The chain once, on the calling thread, and the fallback: blocks. A metadata service is asked for at most a second where it does not answer; a
/// container's, which somebody has set up, three times.
[[nodiscard]] Result<Credentials> fetch_credentials(const Environment& environment, const Profiles& profiles);

}  // namespace cacherator::engine::dynamodb
