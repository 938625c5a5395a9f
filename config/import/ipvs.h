// The table of IPVS (virtual services with their servers) as commands of ipvsadm build it, and how it
// is written here.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/base/address.h"
#include "config/import/context.h"

namespace lb::importer {

// The last two are of DPVS.
enum class IpvsForward : std::uint8_t { kDirect, kNat, kTunnel, kLocal, kFullNat, kSnat };

struct IpvsServer {
  Endpoint address;
  IpvsForward forward = IpvsForward::kDirect;
  std::uint32_t weight = 1;
  std::uint32_t upper = 0;  // connections; 0: no limit
  std::uint32_t lower = 0;
  Place place;
};

struct IpvsService {
  std::string key;       // "tcp 192.0.2.10:80", "fwmark 1": what makes it the same service
  std::string protocol;  // "tcp", "udp", "sctp", "fwmark"
  Endpoint vip;          // port 0: every port
  std::uint32_t mark = 0;
  std::string scheduler = "wlc";
  std::optional<std::uint32_t> persistence;  // seconds
  std::optional<std::uint8_t> prefix;        // of the persistence mask
  bool one_packet = false;
  std::vector<IpvsServer> servers;
  std::unordered_map<Endpoint, std::size_t> by_address;  // indices of servers
  Place place;
  // What DPVS alone has.
  std::string interface;  // that has the VIP, there; empty: not known
  bool syn_proxy = false;
  std::string check;                         // "ping", "tcp"; empty: not said
  std::optional<std::uint32_t> established;  // seconds
  std::set<Address> allow;
  std::set<Address> deny;
};

struct Ipvs {
  std::vector<IpvsService> services;
  std::unordered_map<std::string, std::size_t> by_key;
  Place last_place;
  std::string interface;  // of services without one; empty: the first port

  IpvsService* find(const std::string& key);
  // The new one, or the one that is there already under this key.
  IpvsService& add(IpvsService service);
  void remove(const std::string& key);
};

// An address with a port as ipvsadm has it ("192.0.2.10:80", "[2001:db8::10]:80", port 0 or none
// allowed). Names are an error note with the remedy.
std::optional<Endpoint> ipvs_endpoint(std::string_view text, const std::string& keyword,
                                      const Place& place, Context& context);
// A number up to `most`; anything else is an error note.
std::optional<std::uint32_t> ipvs_number(std::string_view text, std::uint32_t most,
                                         const std::string& keyword, const Place& place,
                                         Context& context);
// "255.255.255.0" -> 24.
std::optional<std::uint8_t> ipvs_mask(std::string_view text, const Place& place, Context& context);

// ipvs_draft.cc: the services, with a note for each thing that is not as it was.
void write_ipvs(const Ipvs& ipvs, Context& context);

}  // namespace lb::importer
