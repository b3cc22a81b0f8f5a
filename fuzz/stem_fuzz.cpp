// For any data_id, names of files that stay in their folder and that a file system takes; the slug is what it is of itself.
#include "cacherator/detail/text.hpp"
#include "fuzz.hpp"
#include "local/stem.hpp"

using namespace cacherator;
using fuzz::check;

namespace {

void check_name(const std::string& name) {
  check(!name.empty() && name != "." && name != "..", "a stem is never empty, '.' or '..'");
  check(name.find_first_of(std::string_view("/\0", 2)) == std::string::npos, "a stem holds no '/' and no NUL");
  check(name.size() + std::string_view(".json.damaged-20261123T074334Z").size() <= 255, "a stem and its longest suffix are 255 bytes at most");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = fuzz::text_of(data, size);
  const auto data_id = fuzz::part(rest);
  const auto names = engine::stems(data_id, rest);
  check(static_cast<bool>(names) == (!data_id.empty() && data_id.find('\0') == std::string_view::npos && engine::is_utf8(data_id)),
        "a data_id is refused if it is empty, holds a NUL or is not UTF-8, and only then");
  if (!names) return 0;
  check_name(names->marked);
  if (names->has_plain) check_name(names->plain);
  check(names->plain != names->marked, "the two names differ");
  bool ascii = true;
  for (const char c : data_id) ascii = ascii && static_cast<unsigned char>(c) < 0x80;
  if (!ascii) return 0;
  for (const char c : names->plain) check((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-', "a slug is small letters, digits and '-'");
  check(names->plain.find("--") == std::string::npos && !names->plain.starts_with('-') && !names->plain.ends_with('-'), "no '-' beside '-' or at an end");
  check(engine::slug(names->plain) == names->plain, "the slug of a slug is itself");
  return 0;
}
