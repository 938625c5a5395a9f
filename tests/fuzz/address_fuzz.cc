// Addresses of both families from any text: what is taken prints so that it reads back the same,
// and no text does harm.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "config/base/address.h"

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

template <typename T, typename Parse>
void round_trip(std::string_view text, Parse parse) {
  const lb::Result<T> parsed = parse(text);
  if (!parsed) return require(!parsed.error().message.empty());
  const lb::Result<T> again = parse(parsed->to_string());
  require(again && *again == *parsed && again->to_string() == parsed->to_string());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  round_trip<lb::Address>(text, lb::Address::parse);
  round_trip<lb::Prefix>(text, lb::Prefix::parse);
  round_trip<lb::Endpoint>(text, lb::Endpoint::parse);
  round_trip<lb::Endpoint>(text, lb::Endpoint::parse_port_optional);
  round_trip<lb::EndpointRange>(text, lb::EndpointRange::parse);
  if (const auto address = lb::address_from_bytes(text)) {
    require(lb::to_bytes(*address) == text);
  }
  return 0;
}
