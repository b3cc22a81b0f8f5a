#include "dynamodb/errors.hpp"

#include <algorithm>
#include <initializer_list>

namespace cacherator::engine::dynamodb {
namespace {

bool one_of(std::string_view code, std::initializer_list<std::string_view> codes) { return std::find(codes.begin(), codes.end(), code) != codes.end(); }

/// "AccessDeniedException: User … is not authorized …"
std::string said(const Refusal& refusal) { return refusal.message.empty() ? refusal.code : refusal.code + ": " + refusal.message; }

/// "the table 'x' at https://…"
std::string at(const Settings& settings) { return table_of(settings) + " at " + settings.endpoint; }

bool is_throttling(std::string_view code) {
  return code.starts_with("Throttl") ||
         one_of(code, {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "RequestThrottled", "RequestThrottledException",
                       "TooManyRequestsException", "LimitExceededException", "SlowDown", "HTTP 429"});
}

}  // namespace

Meaning meaning_of(int status, const Refusal& refusal) {
  const std::string_view code = refusal.code;
  const auto says = [&](std::string_view words) { return refusal.message.find(words) != std::string::npos; };
  if (code == "ConditionalCheckFailedException") return Meaning::condition;
  if (one_of(code, {"ResourceNotFoundException", "TableNotFoundException"})) return Meaning::no_table;
  if (one_of(code, {"ResourceInUseException", "TableInUseException"})) return Meaning::in_use;
  if (code == "ValidationException") return says("size has exceeded") || says("size to update has exceeded") ? Meaning::too_large : Meaning::invalid;
  if (code == "ItemCollectionSizeLimitExceededException") return Meaning::too_large;
  if (one_of(code, {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})) return Meaning::skewed;
  // A signature is wrong for a wrong secret, and for a wrong clock.
  if (one_of(code, {"InvalidSignatureException", "SignatureDoesNotMatch"})) return Meaning::skewed;
  if (one_of(code, {"ExpiredTokenException", "ExpiredToken", "UnrecognizedClientException", "InvalidClientTokenId", "InvalidToken", "InvalidAccessKeyId",
                    "TokenRefreshRequired"})) {
    return Meaning::expired;
  }
  const bool trouble = is_throttling(code) || one_of(code, {"TransactionInProgressException", "RequestTimeout", "RequestTimeoutException"});
  if (trouble || status >= 500 || status == 429 || status == 408) return Meaning::trouble;
  if (code.starts_with("AccessDenied") || status == 401 || status == 403 ||
      one_of(code, {"UnauthorizedException", "NotAuthorized", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "IncompleteSignature",
                    "IncompleteSignatureException", "OptInRequired", "SubscriptionRequiredException", "KMSAccessDeniedException"})) {
    return Meaning::denied;
  }
  return code.starts_with("HTTP ") || status < 400 ? Meaning::unreachable : Meaning::invalid;
}

Failure failure_of(Meaning meaning, const Refusal& refusal, std::string_view operation, const Settings& settings) {
  const std::string table = table_of(settings), permission = "dynamodb:" + std::string(operation);
  switch (meaning) {
    case Meaning::trouble:
      if (is_throttling(refusal.code)) {
        return {Failure::Kind::unreachable,
                at(settings) + " throttles (" + said(refusal) + "): give the table more capacity, or let it be paid per request, if that lasts"};
      }
      return {Failure::Kind::unreachable, at(settings) + " answers with an error (" + said(refusal) + ')'};
    case Meaning::in_use:
    case Meaning::unreachable: return unreachable(settings, said(refusal) + (meaning == Meaning::unreachable ? "; is that DynamoDB's endpoint?" : ""));
    case Meaning::expired:
      return {Failure::Kind::refused, table + ": the server does not accept the AWS credentials any more (" + said(refusal) +
                                          "): renew them, for example with 'aws sso login', or set others; " + permission + " was refused"};
    case Meaning::skewed:
      // The server's own words may quote what was signed, the session's token among it.
      return {Failure::Kind::refused, table + ": the server refused the signature of " + permission + " (" + refusal.code +
                                          "): check that AWS_SECRET_ACCESS_KEY belongs to AWS_ACCESS_KEY_ID, and this machine's clock"};
    case Meaning::denied:
      return {Failure::Kind::refused, table + ": " + permission + " is not allowed (" + said(refusal) +
                                          "): allow it for this table in the IAM policy of these credentials" +
                                          (refusal.code.starts_with("HTTP ") ? ", or in the proxy between" : "")};
    case Meaning::no_table: return {Failure::Kind::no_table, table + " is not there (" + said(refusal) + "): make it, or allow dynamodb:CreateTable"};
    case Meaning::too_large: return {Failure::Kind::too_large, table + ": an item is larger than the 400 KiB that DynamoDB takes (" + said(refusal) + ")"};
    case Meaning::condition: return {Failure::Kind::invalid, table + ": a condition did not hold (" + said(refusal) + ")"};
    case Meaning::invalid: break;
  }
  return {Failure::Kind::invalid,
          table + ": the server finds " + permission + " wrong (" + said(refusal) +
              "): if this is AWS's DynamoDB, please report it, as that is a fault of cacherator; else use an endpoint that does what it does"};
}

Failure unreachable(const Settings& settings, std::string_view why) {
  return {Failure::Kind::unreachable, at(settings) + " cannot be reached: " + std::string(why)};
}

std::string table_of(const Settings& settings) { return "the DynamoDB table '" + settings.table + "'"; }

}  // namespace cacherator::engine::dynamodb
