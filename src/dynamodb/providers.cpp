#include "dynamodb/providers.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

#include "cacherator/detail/cache.hpp"
#include "dynamodb/words.hpp"
#include "local/members.hpp"

namespace cacherator::engine::dynamodb {
namespace {

constexpr std::array<Provider, 11> kWhole{{
    {ask_environment},
    {ask_whether_profile_is_there},
    {ask_role, role_blocks},
    {ask_web_identity, web_identity_blocks},
    {ask_sso},
    {ask_credentials_file},
    {ask_login},
    {ask_process, process_blocks},
    {ask_config_file},
    {ask_container, container_blocks},
    {ask_instance, instance_blocks},
}};
constexpr std::size_t kFirstOfProfile = 3, kOfProfile = 6;

/// Takes `digits` digits from the front, and the character that follows them if one is given.
bool take(std::string_view& text, std::size_t digits, int& number, char after = 0) {
  const char* end = text.data() + std::min(digits, text.size());
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != text.data() + digits || number < 0) return false;
  text.remove_prefix(digits);
  if (after && !text.starts_with(after)) return false;
  text.remove_prefix(after ? 1 : 0);
  return true;
}

/// What is behind the seconds, as minutes east of Greenwich.
std::optional<int> take_zone(std::string_view text) {
  if (text.starts_with('.')) text.remove_prefix(std::min(text.find_first_not_of("0123456789", 1), text.size()));
  if (text.empty() || text == "Z" || text == "z") return 0;
  if (text == "UTC" || text == " UTC" || text == "GMT") return 0;
  const int sign = text.front() == '-' ? -1 : text.front() == '+' ? 1 : 0;
  text.remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!sign || !take(text, 2, hours)) return std::nullopt;
  if (text.starts_with(':')) text.remove_prefix(1);
  if (!text.empty() && !take(text, 2, minutes)) return std::nullopt;
  return text.empty() ? std::optional(sign * (hours * 60 + minutes)) : std::nullopt;
}

bool can_be_sent(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

}  // namespace

std::span<const Provider> whole_chain() { return kWhole; }
std::span<const Provider> profile_chain() { return std::span(kWhole).subspan(kFirstOfProfile, kOfProfile); }

std::optional<Said> ask_in_order(std::span<const Provider> chain, const Search& search, bool may_block) {
  Said none;
  for (const auto& provider : chain) {
    if (!may_block && provider.blocks && provider.blocks(search)) return std::nullopt;
    auto answer = provider.ask(search);
    if (answer.kind != Said::Kind::absent) return answer;
    if (!answer.said.empty()) none.said += (none.said.empty() ? "" : "; ") + answer.said;
  }
  return none;
}

Said failed(std::string said) { return {.kind = Said::Kind::failed, .said = std::move(said)}; }

Said read_json(std::string_view text, const char* token, const std::string& source, void (*change)(Credentials&)) {
  Members members;
  if (!members.read(trimmed(text))) return failed(source + ": what it gave is no JSON object");
  const auto get = [&](const char* key) { return members.text(key).value_or(""); };
  Credentials credentials{.key_id = get("AccessKeyId"), .secret = get("SecretAccessKey"), .token = get(token), .source = source};
  if (const auto end = members.text("Expiration")) {
    const auto time = parse_time(*end);
    if (!time) return failed(source + ": its Expiration is no time such as 2026-11-23T07:34:38Z");
    credentials.expires = *time;
  }
  if (change) change(credentials);
  return checked(std::move(credentials));
}

Said checked(Credentials credentials) {
  const auto& [key_id, secret, token, expires, source] = credentials;
  if (key_id.empty() || secret.empty()) return failed(source + ": the " + (key_id.empty() ? "access key's id" : "secret key") + " is missing");
  if (!can_be_sent(key_id) || !can_be_sent(token))
    return failed(source + ": the access key's id or the token holds a character that none has; copy them again");
  if (expires && expires <= now()) return failed(source + ": these credentials have expired; get new ones");
  return {.kind = Said::Kind::found, .credentials = std::move(credentials)};
}

std::optional<Time> parse_time(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take(text, 4, year, '-') || !take(text, 2, month, '-') || !take(text, 2, day) || text.empty()) return std::nullopt;
  if (text.front() != 'T' && text.front() != 't' && text.front() != ' ') return std::nullopt;
  text.remove_prefix(1);
  if (!take(text, 2, hour, ':') || !take(text, 2, minute, ':') || !take(text, 2, second)) return std::nullopt;
  const auto east = take_zone(text);
  namespace c = std::chrono;
  const c::year_month_day date(c::year(year), c::month(static_cast<unsigned>(month)), c::day(static_cast<unsigned>(day)));
  if (!east || !date.ok() || year < 1970 || year > 2200 || hour > 24 || minute > 59 || second > 60) return std::nullopt;
  const auto days = c::sys_days(date).time_since_epoch().count();
  return ((days * 24LL + hour) * 60 + minute - *east) * 60 * kSecond + second * kSecond;
}

}  // namespace cacherator::engine::dynamodb
