// Packed values of a table: any bytes are unpacked within the limit or refused; what is packed here is unpacked as it was, and whole or not at all.
#include "dynamodb/gzip.hpp"

#include "fuzz.hpp"

using namespace cacherator;
using engine::Fault;
using fuzz::check;
namespace dynamodb = engine::dynamodb;

namespace {

constexpr std::size_t kLimit = std::size_t{1} << 20;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto input = fuzz::text_of(data, size);
  for (const std::size_t limit : {std::size_t{0}, std::size_t{100}, kLimit}) {
    const auto text = dynamodb::gunzip(input, limit);
    if (text) check(text->size() <= limit && text->capacity() <= 2 * limit + 64, "no more than the limit comes out, or is held");
    if (!text) check(text.fault().kind == Fault::Kind::damage || text.fault().kind == Fault::Kind::limit, "what is refused is damaged or too long");
  }

  const auto packed = dynamodb::gzip(input, 2 * size + 100);
  check(packed.has_value(), "what cannot be packed shorter is hardly longer");
  const auto again = dynamodb::gunzip(*packed, size);
  check(again && *again == input, "what was packed is unpacked as it was");
  if (size > 0) {
    const auto longer = dynamodb::gunzip(*packed, size - 1);
    check(!longer && longer.fault().kind == Fault::Kind::limit, "one byte beyond the limit is too long");
  }
  for (const std::size_t end : {packed->size() - 1, packed->size() / 2}) {
    const auto cut = dynamodb::gunzip(std::string_view(*packed).substr(0, end), size);
    check(!cut && cut.fault().kind == Fault::Kind::damage, "what was cut off is damaged");
  }
  check(!dynamodb::gzip(input, packed->size() - 1), "it is not packed into less room than it takes");
  return 0;
}
