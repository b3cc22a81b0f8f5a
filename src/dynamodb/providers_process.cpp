// Programs that print credentials: credential_process of a profile, and the one that a face names for what our chain does not know.
#include "dynamodb/child_process.hpp"
#include "dynamodb/credentials.hpp"
#include "dynamodb/providers.hpp"
#include "dynamodb/words.hpp"
#include "local/members.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::chrono::seconds kLimit{60};  // people may have to answer it, as with other SDKs

std::optional<std::string> configured(const Search& search) { return search.profiles.get(search.profile, "credential_process"); }

Said said_by(const std::vector<std::string>& command, const std::string& source, const std::string& variable = {}) {
  const auto output = output_of(command, kLimit, variable);
  if (!output) return failed(source + ": " + output.fault().message);
  Members members;
  if (!members.read(trimmed(*output))) return failed(source + ": '" + command.front() + "' printed no JSON object");
  if (members.raw("Version") != "1") return failed(source + ": what '" + command.front() + "' printed has no \"Version\": 1, the only one that is known");
  return read_json(*output, "SessionToken", source);
}

}  // namespace

bool process_blocks(const Search& search) { return configured(search).has_value(); }

Said ask_process(const Search& search) {
  const auto line = configured(search);
  if (!line) return {};
  const std::string source = "credential_process of the profile '" + search.profile + "'";
  const auto words = split_words(*line);
  if (!words || words->empty()) return failed(source + ": a quote is not closed");
  return said_by(*words, source);
}

}  // namespace cacherator::engine::dynamodb

namespace cacherator::engine {

void set_credentials_program(std::vector<std::string> command, std::string name) {
  dynamodb::set_credentials_fallback([command = std::move(command), name = std::move(name)](bool instance_was_asked) -> Result<dynamodb::Credentials> {
    auto said = dynamodb::said_by(command, name, instance_was_asked ? "AWS_EC2_METADATA_DISABLED=true" : "");
    if (said.kind == dynamodb::Said::Kind::found) return std::move(said.credentials);
    return Fault{Fault::Kind::misuse, std::move(said.said)};
  });
}

}  // namespace cacherator::engine
