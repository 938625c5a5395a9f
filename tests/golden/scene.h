// The cast of the golden tests: a client behind a router on "wan", two real servers on "lan", and
// the frames they send.
#pragma once

#include <string>

#include "tests/golden/world.h"

namespace lb::golden {

inline constexpr unsigned kWan = 0;
inline constexpr unsigned kLan = 1;
inline constexpr test::Mac kWanMac = {2, 0, 0, 0, 0, 1};
inline constexpr test::Mac kLanMac = {2, 0, 0, 0, 0, 2};
inline constexpr test::Mac kRouterMac = {2, 0, 0, 0, 1, 0};
inline constexpr test::Mac kServer1Mac = {2, 0, 0, 0, 2, 1};
inline constexpr test::Mac kServer2Mac = {2, 0, 0, 0, 2, 2};

inline const Be32 kClient = test::ip("198.51.100.7");
inline const Be32 kVip = test::ip("192.0.2.10");
inline const Be32 kServer1 = test::ip("10.0.0.11");
inline const Be32 kServer2 = test::ip("10.0.0.12");

// One service on 192.0.2.10:80 with two servers, round robin.
class Scene : public World {
 public:
  explicit Scene(Mode mode, std::uint8_t proto = kProtoTcp, const WorldOptions& options = {})
      : World(options) {
    ServiceSpec service;
    service.name = "web";
    service.protocol = static_cast<Protocol>(proto);
    service.addresses = {test::single("192.0.2.10:80")};
    service.mode = mode;
    service.scheduler = Scheduler::kRr;
    service.real_servers = {server("10.0.0.11:80", kServer1Mac),
                            server("10.0.0.12:80", kServer2Mac)};
    spec.services.push_back(service);
    apply();
  }

  static RealServerSpec server(const std::string& address, const test::Mac& mac) {
    RealServerSpec rs;
    rs.address = *Ipv4Endpoint::parse(address);
    rs.up = true;
    rs.next_hop = {"lan", 0, {mac}};
    return rs;
  }

  RealServerSpec& rs(unsigned i) { return spec.services[0].real_servers[i]; }
};

// From the client, as the router sends it.
inline test::Ethernet from_router() {
  return {.dst = kWanMac, .src = kRouterMac};
}
inline test::Ipv4 client_to_vip(std::uint8_t ttl = 60) {
  return {.src = kClient, .dst = kVip, .ttl = ttl};
}

inline Bytes client_tcp(std::uint8_t flags, const Bytes& payload = {},
                        std::uint16_t sport = 40'000) {
  return test::tcp_frame(
      from_router(), client_to_vip(),
      {.sport = sport, .dport = 80, .seq = 100, .ack = 201, .flags = flags, .payload = payload});
}
// Of the next connection on the same ports: beyond the numbers of the last one.
inline constexpr std::uint32_t kNextIsn = 1U << 30;
inline Bytes client_next_syn(std::uint16_t sport = 40'000) {
  return test::tcp_frame(from_router(), client_to_vip(),
                         {.sport = sport, .dport = 80, .seq = kNextIsn, .flags = test::kSyn});
}

// From a real server to the client, through its gateway, the director.
inline Bytes server_tcp(std::uint8_t flags, const Bytes& payload = {}, std::uint16_t dport = 40'000,
                        Be32 server = kServer1) {
  return test::tcp_frame(
      {.dst = kLanMac, .src = kServer1Mac}, {.src = server, .dst = kClient, .ttl = 64},
      {.sport = 80, .dport = dport, .seq = 200, .ack = 101, .flags = flags, .payload = payload});
}

// One of many flows, by the client's port: a small packet from the client, and one from the server
// that round robin chose for the n-th connection. `flags` are for TCP.
inline Bytes client_frame(std::uint8_t proto, std::uint16_t port, std::uint8_t flags) {
  if (proto == kProtoTcp) return client_tcp(flags, {}, port);
  return test::udp_frame(from_router(), client_to_vip(),
                         {.sport = port, .dport = 80, .payload = test::pattern(18)});
}
inline Bytes server_frame(std::uint8_t proto, std::uint16_t port, std::uint8_t flags, unsigned n) {
  const Be32 server = n % 2 == 0 ? kServer1 : kServer2;
  if (proto == kProtoTcp) return server_tcp(flags, {}, port, server);
  return test::udp_frame({.dst = kLanMac, .src = kServer1Mac}, {.src = server, .dst = kClient},
                         {.sport = 80, .dport = port, .payload = test::pattern(18)});
}

}  // namespace lb::golden
