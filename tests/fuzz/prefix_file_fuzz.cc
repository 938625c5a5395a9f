// Any bytes as a file of clients' prefixes: what is read are IPv4 networks, which read back the same
// when they are printed; mistakes are few and short, whatever the file is. What such a list allows is
// what its longest prefixes say.
#include <string>
#include <vector>

#include "config/prefix_list.h"
#include "dataplane/service/access_list.h"
#include "tests/fuzz/input.h"

namespace {

using lb::Ipv4Address;
using lb::Prefix;

constexpr std::size_t kMostMistakes = 6;
constexpr std::size_t kMostMistakeBytes = 400;
constexpr std::size_t kMostCompared = 16;  // prefixes: the plain way is slow

// Prefixes at even places are allowed, the others denied; clients that none contains are allowed.
bool allowed(const std::vector<Prefix>& prefixes, Ipv4Address client) {
  int longest = -1;
  bool out = true;
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    if (!prefixes[i].contains(client) || prefixes[i].length < longest) continue;
    // Of the same prefix in both, denied counts.
    if (prefixes[i].length > longest || i % 2 == 1) out = i % 2 == 0;
    longest = prefixes[i].length;
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> mistakes;
  const std::vector<Prefix> prefixes = lb::config::parse_prefixes(content, "list", mistakes);
  LB_FUZZ_CHECK(mistakes.size() <= kMostMistakes);
  for (const std::string& mistake : mistakes) {
    LB_FUZZ_CHECK(mistake.starts_with("list:") && mistake.size() <= kMostMistakeBytes);
  }
  std::string printed;
  for (const Prefix& prefix : prefixes) {
    LB_FUZZ_CHECK(prefix.address.is_ipv4() && prefix == prefix.masked());
    printed += prefix.to_string() + '\n';
  }
  std::vector<std::string> none;
  LB_FUZZ_CHECK(lb::config::parse_prefixes(printed, "printed", none) == prefixes && none.empty());
  if (prefixes.size() > kMostCompared) return 0;
  lb::AccessListSpec spec;
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    (i % 2 == 0 ? spec.allow : spec.deny).push_back(prefixes[i]);
  }
  const lb::AccessList list(spec);
  for (const Prefix& prefix : prefixes) {
    const std::uint32_t first = prefix.to_ipv4()->address.host();
    const std::uint32_t last = prefix.last().to_ipv4()->host();
    for (const std::uint32_t client : {first - 1, first, last, last + 1}) {
      const Ipv4Address address = Ipv4Address::from_host(client);
      LB_FUZZ_CHECK(list.allows(address.be) == allowed(prefixes, address));
    }
  }
  return 0;
}
