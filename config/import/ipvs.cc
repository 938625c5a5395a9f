#include "config/import/ipvs.h"

#include <fmt/format.h>

#include <charconv>

namespace lb::importer {

IpvsService* Ipvs::find(const std::string& key) {
  const auto at = by_key.find(key);
  return at == by_key.end() ? nullptr : &services[at->second];
}

IpvsService& Ipvs::add(IpvsService service) {
  const auto [at, added] = by_key.emplace(service.key, services.size());
  if (added) services.push_back(std::move(service));
  return services[at->second];
}

void Ipvs::remove(const std::string& key) {
  const auto at = by_key.find(key);
  if (at == by_key.end()) return;
  // The others keep their indices; what has no key is not written.
  services[at->second] = IpvsService{};
  by_key.erase(at);
}

std::optional<Endpoint> ipvs_endpoint(std::string_view text, const std::string& keyword,
                                      const Place& place, Context& context) {
  std::string_view host = text;
  if (host.ends_with(":0")) host.remove_suffix(2);
  auto endpoint = Endpoint::parse_port_optional(host);
  if (!endpoint && host.starts_with('[') == false) {
    // Without brackets and port, as -f -6 and tables have IPv6.
    if (const auto address = Address::parse(host)) endpoint = Endpoint{*address, 0};
  }
  if (endpoint) return *endpoint;
  context.note(Severity::kError, place, keyword + ' ' + std::string(text),
               "no address with a port: " + endpoint.error().message,
               "left out; names are in files that were written without -n: write the file again "
               "with `ipvsadm -S -n`, or correct the address");
  return std::nullopt;
}

std::optional<std::uint32_t> ipvs_number(std::string_view text, std::uint32_t most,
                                         const std::string& keyword, const Place& place,
                                         Context& context) {
  std::uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc() && at == end && number <= most) return number;
  context.note(Severity::kError, place, keyword + ' ' + std::string(text),
               fmt::format("no number from 0 to {}", most), "left out");
  return std::nullopt;
}

std::optional<std::uint8_t> ipvs_mask(std::string_view text, const Place& place, Context& context) {
  const auto address = Address::parse(text);
  const auto ipv4 = address ? address->to_ipv4() : std::nullopt;
  if (ipv4) {
    const std::uint32_t inverse = ~ipv4->host();
    if ((inverse & (inverse + 1)) == 0 && inverse != 0xffffffff) {
      std::uint8_t length = 32;
      for (std::uint32_t rest = inverse; rest != 0; rest >>= 1) --length;
      return length;
    }
  }
  context.note(Severity::kError, place, "--netmask " + std::string(text),
               "a mask of IPv4 is ones followed by zeros, as 255.255.255.0",
               "left out: each client counts for itself");
  return std::nullopt;
}

}  // namespace lb::importer
