// Values: a text is refused with ValueError, or becomes a value that is written and read again as the same, for every kind of type.
#include <array>
#include <bit>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "cacherator/value.hpp"
#include "fuzz.hpp"
#include "local/json_scanner.hpp"

using namespace cacherator;
using fuzz::check;

namespace {

struct Point {
  int x = 0;
  double y = 0;
};
[[maybe_unused]] void to_json(nlohmann::json& j, const Point& p) { j = {{"x", p.x}, {"y", p.y}}; }
[[maybe_unused]] void from_json(const nlohmann::json& j, Point& p) { j.at("x").get_to(p.x), j.at("y").get_to(p.y); }

/// Reads the text as a T; where it is one, what is written from it must be read as the same (compared by its text: NaN is not NaN).
template <class T>
void check_type(std::string_view text, bool plain) {
  std::optional<T> value;
  try {
    value.emplace(from_text<T>(text, plain));
  } catch (const ValueError& refused) {
    check(*refused.what() != '\0', "a refusal says why");
    return;
  } catch (const nlohmann::json::exception&) {
    check(std::is_same_v<T, Point>, "only a user's own from_json throws anything else");
    return;
  }
  std::string written;
  try {
    written = to_text(*value);
  } catch (const ValueError&) {
    return;  // deeper once it is tagged
  }
  check(engine::is_json(written) && written.find('\n') == written.npos, "a value is written as JSON of one line");
  check(to_text(from_text<T>(written)) == written, "a value that was written is read as the same");
}

template <class... T>
void check_types(std::string_view text, bool plain) {
  (check_type<T>(text, plain), ...);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const bool plain = data[0] & 1;
  const auto text = fuzz::text_of(data + 1, size - 1);
  bool read = true;
  try {
    (void)detail::parsed(text);
  } catch (const ValueError&) {
    read = false;
  }
  if (read && !text.starts_with("\xEF\xBB\xBF")) check(engine::is_json(text), "nothing is read as a value that is not JSON, or nested deeper than 512 levels");
  if (text.size() > 1 << 16) return check_types<nlohmann::json, int>(text, plain), 0;  // the others would take as long again, each
  check_types<nlohmann::json, bool, int, std::uint8_t, std::int64_t, std::uint64_t, double, float, char, std::string>(text, plain);
  check_types<std::optional<std::string>, std::shared_ptr<const std::string>, std::vector<int>, std::vector<std::uint8_t>>(text, plain);
  check_types<std::vector<std::vector<double>>, std::array<double, 2>, std::set<std::string>, std::tuple<int, std::string, double>>(text, plain);
  check_types<std::pair<int, std::optional<double>>, std::map<std::string, double>, std::map<int, std::vector<std::string>>, Point>(text, plain);
  return 0;
}
