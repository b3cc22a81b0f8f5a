// DynamoDB's JSON: requests are appended to a text, replies are read whole. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dynamodb/table.hpp"

namespace cacherator::engine::dynamodb {

/// What a text of base64 stands for; nothing: it is none.
[[nodiscard]] std::optional<std::string> base64_bytes(std::string_view text);

/// UTF-8 in quotes.
void append_string(std::string& out, std::string_view utf8);
/// {"S":"text"}, {"N":"1"}, {"B":"<base64>"}
void append_attribute(std::string& out, const Attribute& attribute);
void append_item(std::string& out, const Item& item);
/// {"cache_id":{"S":"key"}}
void append_key(std::string& out, std::string_view key);
/// ,"ExpressionAttributeNames":{…},"ExpressionAttributeValues":{…}: those of the two that are not empty.
void append_names_and_values(std::string& out, const Expression& expression);

/// What replies of all operations may bring; each has some of it.
struct ReplyBody {
  std::vector<Item> items{};               ///< Responses (of the one table), Items; attributes of other types than S, N and B are left out
  Item attributes{};                       ///< Attributes
  std::vector<std::string> unprocessed{};  ///< cache_id of UnprocessedKeys and UnprocessedItems
  std::optional<std::string> last{};       ///< cache_id of LastEvaluatedKey
  double units = 0;                        ///< ConsumedCapacity
  std::string status{};                    ///< Table's or TableDescription's: "ACTIVE"
  struct KeyPart {
    std::string name{}, type{}, role{};  ///< "cache_id", "S", "HASH"
  };
  std::vector<KeyPart> schema{};  ///< the table's
};

/// Nothing: it is no JSON object. `body` gets room at its end, nothing else.
[[nodiscard]] std::optional<ReplyBody> read_answer(std::string& body);

/// What a server says when it does not do what it was asked.
struct Refusal {
  std::string code{};     ///< "AccessDeniedException", without a prefix; of a page that is neither JSON nor XML: "HTTP 502"
  std::string message{};  ///< the server's, one line at most; may be empty
};
[[nodiscard]] Refusal read_refusal(int status, std::string& body);

}  // namespace cacherator::engine::dynamodb
