#include "dynamodb/items.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "digest.hpp"
#include "dynamodb/gzip.hpp"
#include "dynamodb/json.hpp"
#include "local/json_scanner.hpp"
#include "local/json_text.hpp"
#include "local/members.hpp"
#include "platform/files.hpp"

namespace cacherator::engine::dynamodb {
namespace {

using Type = Attribute::Type;

constexpr std::size_t kLongestId = 1000, kLongestKey = 2048;
constexpr double kMostDays = 1e12;  ///< DynamoDB's numbers end at 1e126

double number_in(const Item& item, std::string_view name) {
  const auto digits = value_in(item, name, Type::number);
  double number = 0;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  return read.ec == std::errc() ? number : 0;
}

std::string hex(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (auto at = text.rbegin(); at != text.rend(); ++at, number >>= 4) *at = "0123456789abcdef"[number & 15];
  return text;
}

std::string state_json(const Variable& variable) {
  std::string json = "{\"utc\":";
  append_seconds(json, variable.utc);
  if (variable.gone) return json += ",\"gone\":true}";
  json += ",\"value\":";
  append_one_line(json, variable.value);
  return json += '}';
}

}  // namespace

Keys::Keys(std::string_view data_id) {
  const std::string id = data_id.size() > kLongestId ? '#' + sha256_hex(data_id) : std::string(data_id);
  prefix_ = std::to_string(id.size()) + ':' + id + ':';
  tokens = prefix_ + "tokens";
  state = prefix_ + "state";
  if (data_id.size() <= kLongestKey) legacy = data_id;
}

std::string Keys::entry(std::string_view signature, std::string_view digest) const { return prefix_ + call_digest(signature, digest); }

std::string call_digest(std::string_view signature, std::string_view digest) { return digest.empty() ? sha256_hex(signature) : std::string(digest); }

bool is_shortened(std::string_view signature) {
  const auto characters = std::count_if(signature.begin(), signature.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; });
  return characters >= 180;
}

std::string new_token(Time at) { return hex(static_cast<std::uint64_t>(at / kSecond), 8) + hex(platform::random_word(), 16); }

Time token_time(std::string_view token) {
  std::uint32_t seconds = 0;
  std::from_chars(token.data(), token.data() + std::min<std::size_t>(token.size(), 8), seconds, 16);
  return Time{seconds} * kSecond;
}

std::string function_token(std::string_view function) { return "f:" + std::string(function); }

std::string call_token(std::string_view signature, std::string_view digest) { return "c:" + call_digest(signature, digest).substr(0, 32); }

std::optional<TableTokens> read_tokens(const Item& item) {
  TableTokens tokens;
  for (const auto& [name, attribute] : item) {
    if (attribute.type != Type::text || attribute.value.empty()) continue;
    if (name == "born") tokens.born = attribute.value;
    if (name == "all" || name.starts_with("f:") || name.starts_with("c:")) tokens.of.emplace(name, attribute.value);
  }
  if (!tokens.of.contains("all")) return std::nullopt;
  return tokens;
}

Item tokens_item(const std::string& key, const std::string& data_id, const TableTokens& tokens) {
  Item item{{"cache_id", text_attribute(key)}, {"data_id", text_attribute(data_id)}, {"born", text_attribute(tokens.born)}};
  for (const auto& [name, token] : tokens.of) item.emplace(name, text_attribute(token));
  return item;
}

EntryItem read_entry(const Item& item) {
  EntryItem entry{.item = &item};
  entry.signature = value_in(item, "signature", Type::text);
  entry.digest = value_in(item, "sha256", Type::text);
  entry.tokens = value_in(item, "tokens", Type::text);
  entry.lead = value_in(item, "lead", Type::text);
  entry.utc = time_of(number_in(item, "utc")).value_or(0);
  entry.days = number_in(item, "days");
  entry.ends = number_in(item, "ttl");
  entry.until = number_in(item, "until");
  entry.has_value = !value_in(item, "data", Type::text).empty() || !value_in(item, "gz", Type::bytes).empty();
  return entry;
}

bool counts(const EntryItem& entry, std::string_view tokens, double ttl, Time now) {
  if (!entry.has_value || entry.tokens.empty() || entry.tokens != tokens) return false;
  if (!(entry.ends * static_cast<double>(kSecond) > static_cast<double>(now))) return false;
  return in_time(entry.utc, entry.days, now) && in_time(entry.utc, ttl, now);
}

Result<std::string> value_of(const EntryItem& entry) {
  std::string value(value_in(*entry.item, "data", Type::text));
  if (value.empty()) {
    auto unpacked = gunzip(value_in(*entry.item, "gz", Type::bytes), kMaxValue);
    if (!unpacked) return unpacked.fault();
    value = *std::move(unpacked);
  }
  if (!is_json(value)) return Fault{Fault::Kind::damage, "its value is no JSON"};
  return value;
}

std::optional<Item> entry_item(const Keys& keys, std::string_view signature, const Entry& entry, std::string_view tokens) {
  const Time ends = expiry(entry.utc, entry.ttl);
  std::string days;
  append_days(days, std::min(entry.ttl, kMostDays));
  Item item{{"cache_id", text_attribute(keys.entry(signature, entry.digest))},
            {"signature", text_attribute(signature)},
            {"utc", seconds_attribute(entry.utc)},
            {"days", number_attribute(std::move(days))},
            {"ttl", number_attribute(std::to_string(ends / kSecond + (ends % kSecond > 0 ? 1 : 0)))},
            {"tokens", text_attribute(tokens)}};
  if (!entry.digest.empty()) item.emplace("sha256", text_attribute(entry.digest));
  if (entry.value.size() > kPackedFrom) {
    auto packed = gzip(entry.value, kLargestItem);
    if (!packed) return std::nullopt;
    item.emplace("gz", bytes_attribute(*std::move(packed)));
  } else {
    item.emplace("data", text_attribute(entry.value));
  }
  if (item_size(item) > kLargestItem) return std::nullopt;
  return item;
}

std::size_t item_size(const Item& item) {
  std::size_t size = 0;
  for (const auto& [name, attribute] : item) size += name.size() + attribute.value.size() + (attribute.type == Type::number ? 1 : 0);
  return size;
}

std::size_t wire_size(const Item& item) {
  std::size_t size = 0;
  for (const auto& [name, attribute] : item) {
    const auto& value = attribute.value;
    const bool bytes = attribute.type == Type::bytes;
    const auto escapes =
        bytes ? value.size() / 3 + 4 : static_cast<std::size_t>(std::count_if(value.begin(), value.end(), [](char c) { return c == '"' || c == '\\'; }));
    size += name.size() + value.size() + escapes + 16;
  }
  return size;
}

std::string variable_attribute(std::string_view name) { return "v:" + std::string(name); }

std::string variable_name(std::string_view attribute) { return attribute.starts_with("v:") ? std::string(attribute.substr(2)) : std::string(); }

std::optional<Attribute> write_variable(const Variable& variable) {
  std::string json = state_json(variable);
  if (json.size() <= kPackedFrom) return text_attribute(json);
  auto packed = gzip(json, kLargestItem);
  if (!packed) return std::nullopt;
  return bytes_attribute(*std::move(packed));
}

std::optional<Variable> read_variable(std::string_view name, const Attribute& attribute) {
  std::string json = attribute.value;
  if (attribute.type == Type::bytes) {
    auto unpacked = gunzip(attribute.value, kMaxValue);
    if (!unpacked) return std::nullopt;
    json = *std::move(unpacked);
  }
  Members members;
  if (!members.read(json)) return std::nullopt;
  const auto utc = members.time("utc");
  const auto value = members.raw("value");
  const bool gone = members.raw("gone") == "true";
  if (!utc || (!value && !gone)) return std::nullopt;
  return Variable{.name = std::string(name), .value = std::string(gone ? "" : *value), .utc = *utc, .gone = gone};
}

std::vector<Variable> read_state(const Item& item) {
  std::vector<Variable> variables;
  for (const auto& [attribute, value] : item) {
    const std::string name = variable_name(attribute);
    if (name.empty()) continue;
    if (auto variable = read_variable(name, value)) variables.push_back(*std::move(variable));
  }
  return variables;
}

Result<std::shared_ptr<const Document>> read_legacy(const Item& item, Time now) {
  const std::string_view data = value_in(item, "data", Type::text);
  const bool ended = number_in(item, "ttl") * static_cast<double>(kSecond) <= static_cast<double>(now);
  if (data.empty() || ended || item.contains("signature")) return std::shared_ptr<const Document>();
  auto text = std::make_shared<std::string>(data);
  Members members;
  if (data.starts_with("{\"_compressed\"") && members.read(data) && members.raw("_compressed") == "true") {
    const auto packed = base64_bytes(members.text("data").value_or(""));
    if (!packed) return Fault{Fault::Kind::damage, "its base64 is damaged"};
    auto unpacked = gunzip(*packed, kMaxValue);
    if (!unpacked) return unpacked.fault();
    *text = *std::move(unpacked);
  }
  return read_document(std::move(text));
}

Attribute text_attribute(std::string_view text) { return {.type = Type::text, .value = std::string(text)}; }
Attribute bytes_attribute(std::string bytes) { return {.type = Type::bytes, .value = std::move(bytes)}; }
Attribute number_attribute(std::string digits) { return {.type = Type::number, .value = std::move(digits)}; }

Attribute seconds_attribute(Time time) {
  std::string digits;
  append_seconds(digits, time);
  return number_attribute(std::move(digits));
}

std::string_view value_in(const Item& item, std::string_view name, Attribute::Type type) {
  const auto found = item.find(name);
  return found != item.end() && found->second.type == type ? std::string_view(found->second.value) : std::string_view();
}

const Item* item_of(const std::vector<Item>& items, std::string_view key) {
  const auto found = std::find_if(items.begin(), items.end(), [&](const Item& item) { return value_in(item, "cache_id", Type::text) == key; });
  return found == items.end() ? nullptr : &*found;
}

}  // namespace cacherator::engine::dynamodb
