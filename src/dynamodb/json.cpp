#include "dynamodb/json.hpp"

#include <openssl/evp.h>
#include <simdjson.h>

#include <algorithm>

namespace cacherator::engine::dynamodb {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t kLongestMessage = 400;

void append_base64(std::string& out, std::string_view bytes) {
  const std::size_t from = out.size();
  out.resize(from + 4 * ((bytes.size() + 2) / 3) + 1);  // OpenSSL ends it with a NUL
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data() + from), reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  out.pop_back();
}

}  // namespace

std::optional<std::string> base64_bytes(std::string_view text) {
  std::string bytes(3 * (text.size() / 4), '\0');
  if (text.size() % 4 != 0) return std::nullopt;
  if (text.empty()) return bytes;
  const int size =
      EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  const auto padding = static_cast<std::size_t>(std::count(text.end() - 2, text.end(), '='));
  if (size < static_cast<int>(padding)) return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size) - padding);
  return bytes;
}

namespace {

std::string_view text_of(const element& value) {
  std::string_view text;
  return value.get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::string_view text_at(const object& in, std::string_view key) {
  element value;
  return in.at_key(key).get(value) == simdjson::SUCCESS ? text_of(value) : std::string_view();
}

std::optional<Attribute> attribute_of(const element& value) {
  object typed;
  if (value.get(typed) != simdjson::SUCCESS || typed.size() != 1) return std::nullopt;
  const auto [type, content] = *typed.begin();
  std::string_view text;
  if (type.size() != 1 || content.get(text) != simdjson::SUCCESS) return std::nullopt;
  if (type[0] == 'S') return Attribute{Attribute::Type::text, std::string(text)};
  if (type[0] == 'N') return Attribute{Attribute::Type::number, std::string(text)};
  if (type[0] != 'B') return std::nullopt;
  auto bytes = base64_bytes(text);
  if (!bytes) return std::nullopt;
  return Attribute{Attribute::Type::bytes, std::move(*bytes)};
}

Item item_of(const element& value) {
  Item item;
  object attributes;
  if (value.get(attributes) != simdjson::SUCCESS) return item;
  for (const auto& [name, content] : attributes) {
    if (auto attribute = attribute_of(content)) item.emplace(name, std::move(*attribute));
  }
  return item;
}

std::string key_of(const element& item) {
  std::string_view key;
  return item["cache_id"]["S"].get(key) == simdjson::SUCCESS ? std::string(key) : std::string();
}

/// Calls `what` with each element of an array; of anything else, with nothing.
template <class What>
void each(const element& value, What what) {
  simdjson::dom::array all;
  if (value.get(all) != simdjson::SUCCESS) return;
  for (const element one : all) what(one);
}

/// Calls `what` with the value of each member of an object.
template <class What>
void each_member(const element& value, What what) {
  object all;
  if (value.get(all) != simdjson::SUCCESS) return;
  for (const auto& [key, member] : all) what(member);
}

double units_of(const element& value) {
  double units = 0;
  if (value["CapacityUnits"].get(units) == simdjson::SUCCESS) return units;
  each(value, [&](const element& one) { units += units_of(one); });
  return units;
}

void read_table(const element& table, ReplyBody& answer) {
  object all;
  element part;
  if (table.get(all) != simdjson::SUCCESS) return;
  answer.status = text_at(all, "TableStatus");
  if (all.at_key("KeySchema").get(part) == simdjson::SUCCESS) {
    each(part, [&](const element& one) {
      object key;
      if (one.get(key) == simdjson::SUCCESS) answer.schema.push_back({std::string(text_at(key, "AttributeName")), {}, std::string(text_at(key, "KeyType"))});
    });
  }
  if (all.at_key("AttributeDefinitions").get(part) != simdjson::SUCCESS) return;
  each(part, [&](const element& one) {
    object definition;
    if (one.get(definition) != simdjson::SUCCESS) return;
    for (auto& key : answer.schema) {
      if (key.name == text_at(definition, "AttributeName")) key.type = text_at(definition, "AttributeType");
    }
  });
}

void read_member(std::string_view key, const element& value, ReplyBody& answer) {
  const auto add_item = [&](const element& item) { answer.items.push_back(item_of(item)); };
  if (key == "Responses") {
    each_member(value, [&](const element& items) { each(items, add_item); });
  } else if (key == "Items") {
    each(value, add_item);
  } else if (key == "Attributes") {
    answer.attributes = item_of(value);
  } else if (key == "UnprocessedKeys") {
    each_member(value, [&](const element& of) {
      element keys;
      if (of["Keys"].get(keys) == simdjson::SUCCESS) each(keys, [&](const element& one) { answer.unprocessed.push_back(key_of(one)); });
    });
  } else if (key == "UnprocessedItems") {
    each_member(value, [&](const element& requests) {
      each(requests, [&](const element& one) {
        element item;
        if (one["PutRequest"]["Item"].get(item) == simdjson::SUCCESS) answer.unprocessed.push_back(key_of(item));
      });
    });
  } else if (key == "LastEvaluatedKey") {
    answer.last = key_of(value);
  } else if (key == "ConsumedCapacity") {
    answer.units = units_of(value);
  } else if (key == "Table" || key == "TableDescription") {
    read_table(value, answer);
  }
}

/// Calls `what` with the object that `body` is; false: it is none.
template <class What>
bool read(std::string& body, What what) {
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  constexpr std::size_t kKept = std::size_t{256} << 10;
  thread_local simdjson::dom::parser parser;  // its buffers are several times as large as the text
  object all;
  const bool good = parser.parse(body.data(), body.size(), false).get(all) == simdjson::SUCCESS;
  if (good) what(all);
  if (parser.capacity() > kKept) parser = simdjson::dom::parser();
  return good;
}

std::string xml_element(std::string_view body, std::string_view name) {
  std::string open("<"), close("</");
  (open += name) += '>';
  (close += name) += '>';
  const std::size_t from = body.find(open);
  const std::size_t to = from == std::string_view::npos ? from : body.find(close, from);
  return to == std::string_view::npos ? std::string() : std::string(body.substr(from + open.size(), to - from - open.size()));
}

}  // namespace

void append_string(std::string& out, std::string_view utf8) {
  out += '"';
  for (std::size_t from = 0; from < utf8.size();) {
    std::size_t to = from;
    while (to < utf8.size() && static_cast<unsigned char>(utf8[to]) >= 0x20 && utf8[to] != '"' && utf8[to] != '\\') ++to;
    out.append(utf8, from, to - from);
    if (to == utf8.size()) break;
    const char c = utf8[to];
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else {
      out += "\\u00";
      out += "0123456789abcdef"[c >> 4 & 15];
      out += "0123456789abcdef"[c & 15];
    }
    from = to + 1;
  }
  out += '"';
}

void append_attribute(std::string& out, const Attribute& attribute) {
  out += "{\"";
  out += static_cast<char>(attribute.type);
  out += "\":";
  if (attribute.type == Attribute::Type::bytes) {
    out += '"';
    append_base64(out, attribute.value);
    out += '"';
  } else {
    append_string(out, attribute.value);
  }
  out += '}';
}

void append_item(std::string& out, const Item& item) {
  char before = '{';
  for (const auto& [name, attribute] : item) {
    out += std::exchange(before, ',');
    append_string(out, name);
    out += ':';
    append_attribute(out, attribute);
  }
  out += item.empty() ? "{}" : "}";
}

void append_key(std::string& out, std::string_view key) {
  out += R"({"cache_id":{"S":)";
  append_string(out, key);
  out += "}}";
}

void append_names_and_values(std::string& out, const Expression& expression) {
  if (!expression.names.empty()) {
    out += R"(,"ExpressionAttributeNames":)";
    char before = '{';
    for (const auto& [alias, name] : expression.names) {
      out += std::exchange(before, ',');
      append_string(out, alias);
      out += ':';
      append_string(out, name);
    }
    out += '}';
  }
  if (!expression.values.empty()) {
    out += R"(,"ExpressionAttributeValues":)";
    append_item(out, expression.values);
  }
}

std::optional<ReplyBody> read_answer(std::string& body) {
  ReplyBody answer;
  const bool good = read(body, [&](const object& all) {
    for (const auto& [key, value] : all) read_member(key, value, answer);
  });
  return good ? std::optional(std::move(answer)) : std::nullopt;
}

Refusal read_refusal(int status, std::string& body) {
  Refusal refusal;
  read(body, [&](const object& all) {
    refusal.code = text_at(all, "__type");
    refusal.message = text_at(all, "message");
    if (refusal.message.empty()) refusal.message = text_at(all, "Message");
  });
  if (refusal.code.empty()) {
    refusal.code = xml_element(body, "Code");
    refusal.message = xml_element(body, "Message");
  }
  refusal.code.erase(0, refusal.code.find('#') + 1);
  const bool sensible =
      !refusal.code.empty() && std::all_of(refusal.code.begin(), refusal.code.end(), [](unsigned char c) { return c > ' ' && c < 0x7F && c != '<'; });
  if (!sensible) refusal = {"HTTP " + std::to_string(status), {}};
  refusal.message.resize(std::min(refusal.message.size(), refusal.message.find('\n')));
  if (refusal.message.size() > kLongestMessage) {
    refusal.message.resize(kLongestMessage);
    while (!refusal.message.empty() && static_cast<unsigned char>(refusal.message.back()) >= 0x80) refusal.message.pop_back();  // no half a character
  }
  return refusal;
}

}  // namespace cacherator::engine::dynamodb
