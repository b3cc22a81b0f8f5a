// credential_process of a profile: a program of the user's that prints credentials.
#include "dynamodb/child_process.hpp"
#include "dynamodb/providers.hpp"
#include "dynamodb/words.hpp"
#include "local/members.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::chrono::seconds kLimit{60};  // people may have to answer it, as with other SDKs

std::optional<std::string> configured(const Search& search) { return search.profiles.get(search.profile, "credential_process"); }

}  // namespace

bool process_blocks(const Search& search) { return configured(search).has_value(); }

Said ask_process(const Search& search) {
  const auto line = configured(search);
  if (!line) return {};
  const std::string source = "credential_process of the profile '" + search.profile + "'";
  const auto words = split_words(*line);
  if (!words || words->empty()) return failed(source + ": a quote is not closed");
  const auto output = output_of(*words, kLimit);
  if (!output) return failed(source + ": " + output.fault().message);
  Members members;
  if (!members.read(trimmed(*output))) return failed(source + ": '" + words->front() + "' printed no JSON object");
  if (members.raw("Version") != "1") return failed(source + ": what '" + words->front() + "' printed has no \"Version\": 1, the only one that is known");
  return read_json(*output, "SessionToken", source);
}

}  // namespace cacherator::engine::dynamodb
