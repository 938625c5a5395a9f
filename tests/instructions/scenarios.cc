// Fixed work for valgrind to count: bursts through the pipeline, operations of the table. Counted
// is what runs in Pipeline::process() and in the functions named counted_*; a dump by the name of
// the scenario follows each. Without valgrind it runs through and does nothing else.
#include <valgrind/callgrind.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "dataplane/conn/testing/test_table.h"
#include "tests/golden/scene.h"
#include "tests/golden/syn_proxy_scene.h"

namespace lb::instructions {

using golden::Bytes;
using golden::Scene;

constexpr unsigned kRounds = 200;
constexpr std::uint32_t kRoom = 100'000;
constexpr std::uint16_t kFirstPort = 1'024;

void begin() {
  CALLGRIND_ZERO_STATS;
}

// "NAME ITEMS": what the counts are divided by.
void end(const std::string& name, unsigned items) {
  const std::string label = name + " " + std::to_string(items);
  CALLGRIND_DUMP_STATS_AT(label.c_str());
}

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "scenarios: %s\n", what);
  std::exit(1);
}

// ---- pipeline

class Traffic {
 public:
  Traffic(Mode mode, std::uint8_t proto)
      : scene_(mode, proto, {.max_connections = kRoom}), proto_(proto) {}

  void send(unsigned port, const std::vector<Bytes>& burst) {
    for (const auto& output : scene_.send_burst(port, burst)) {
      if (output.verdict != Verdict::kForward) give_up("a packet was not forwarded");
    }
  }
  void change(const std::function<void(ServiceSpec&)>& how) {
    how(scene_.spec.services[0]);
    scene_.apply();
  }
  std::vector<Bytes> clients(unsigned first, std::uint8_t flags) const {
    std::vector<Bytes> burst;
    for (unsigned n = first; n < first + kBurst; ++n) {
      burst.push_back(
          golden::client_frame(proto_, static_cast<std::uint16_t>(kFirstPort + n), flags));
    }
    return burst;
  }
  std::vector<Bytes> servers(unsigned first, std::uint8_t flags) const {
    std::vector<Bytes> burst;
    for (unsigned n = first; n < first + kBurst; ++n) {
      burst.push_back(
          golden::server_frame(proto_, static_cast<std::uint16_t>(kFirstPort + n), flags, n));
    }
    return burst;
  }

 private:
  Scene scene_;
  std::uint8_t proto_;
};

// Data of 32 connections, over and over.
void established(const std::string& name, Mode mode, std::uint8_t proto, bool replies) {
  Traffic traffic(mode, proto);
  traffic.send(golden::kWan, traffic.clients(0, test::kSyn));
  if (mode == Mode::kNat) traffic.send(golden::kLan, traffic.servers(0, test::kSyn | test::kAck));
  const std::vector<Bytes> clients = traffic.clients(0, test::kAck);
  const std::vector<Bytes> servers = traffic.servers(0, test::kAck);
  traffic.send(golden::kWan, clients);
  begin();
  for (unsigned i = 0; i < kRounds; ++i) {
    traffic.send(replies ? golden::kLan : golden::kWan, replies ? servers : clients);
  }
  end(name, kRounds * kBurst);
}

// Data of one connection that a SYN proxy opened, with timestamps.
void proxied(const std::string& name, bool replies) {
  using namespace golden;
  ProxyScene scene;
  scene.establish();
  test::Tcp to_server{.sport = kProxiedPort, .dport = 80};
  to_server.seq = kProxiedIsn + 1;
  to_server.ack = scene.cookie + 1;
  to_server.options = stamps_option(kClientStamp, scene.our_stamp);
  test::Tcp to_client{.sport = 80, .dport = kProxiedPort};
  to_client.seq = kServersIsn + 1;
  to_client.ack = kProxiedIsn + 1;
  to_client.options = stamps_option(kServerStamp, kClientStamp);
  const Bytes frame = replies ? test::tcp_frame({.dst = kLanMac, .src = kServer1Mac},
                                                {.src = kServer1, .dst = kClient}, to_client)
                              : test::tcp_frame(from_router(), client_to_vip(), to_server);
  const std::vector<Bytes> burst(kBurst, frame);
  begin();
  for (unsigned i = 0; i < kRounds; ++i) {
    for (const auto& output : scene.send_burst(replies ? kLan : kWan, burst)) {
      if (output.verdict != Verdict::kForward) give_up("a proxied segment was not forwarded");
    }
  }
  end(name, kRounds * kBurst);
}

// One packet each of new connections.
using Change = std::function<void(ServiceSpec&)>;
void new_connections(const std::string& name, Mode mode, std::uint8_t proto,
                     const Change& change = {}) {
  Traffic traffic(mode, proto);
  if (change) traffic.change(change);
  begin();
  for (unsigned i = 0; i < kRounds; ++i) {
    traffic.send(golden::kWan, traffic.clients(i * kBurst, test::kSyn));
  }
  end(name, kRounds * kBurst);
}

// SYN, SYN-ACK and ACK of new connections.
void handshakes(const std::string& name) {
  Traffic traffic(Mode::kNat, kProtoTcp);
  begin();
  for (unsigned i = 0; i < kRounds; ++i) {
    const unsigned first = i * kBurst;
    traffic.send(golden::kWan, traffic.clients(first, test::kSyn));
    traffic.send(golden::kLan, traffic.servers(first, test::kSyn | test::kAck));
    traffic.send(golden::kWan, traffic.clients(first, test::kAck));
  }
  end(name, kRounds * kBurst);
}

// SYNs that are answered with cookies.
void syn_cookies(const std::string& name) {
  Scene scene(Mode::kNat, kProtoTcp, {.max_connections = kRoom});
  scene.spec.services[0].syn_proxy = SynProxyMode::kAlways;
  scene.apply();
  std::vector<Bytes> burst;
  for (unsigned n = 0; n < kBurst; ++n) {
    burst.push_back(
        golden::client_frame(kProtoTcp, static_cast<std::uint16_t>(kFirstPort + n), test::kSyn));
  }
  begin();
  for (unsigned i = 0; i < kRounds; ++i) {
    for (const auto& output : scene.send_burst(golden::kWan, burst)) {
      if (output.verdict != Verdict::kAnswer) give_up("a SYN was not answered");
    }
  }
  end(name, kRounds * kBurst);
}

// What costs something only where it is used.
void services_with_more() {
  new_connections("new connection, DR, UDP, port of a range", Mode::kDr, kProtoUdp,
                  [](ServiceSpec& service) {
                    service.addresses[0].first = 1;
                    service.addresses[0].last = 65'535;
                  });
  new_connections("new connection, DR, UDP, 10,000 prefixes", Mode::kDr, kProtoUdp,
                  [](ServiceSpec& service) {
                    AccessListSpec rules;
                    std::minstd_rand random(1);
                    for (int i = 0; i < 10'000; ++i) {
                      const auto host = static_cast<std::uint32_t>(random()) & 0x7fffff00;
                      rules.deny.push_back({Ipv4Address::from_host(host), 24});
                    }
                    service.access = SharedAccessList(rules);
                  });
  new_connections("new connection, DR, UDP, both limits", Mode::kDr, kProtoUdp,
                  [](ServiceSpec& service) {
                    service.limits.new_per_second = kMaxPerSecond;
                    service.limits.new_per_second_per_client = kMaxPerSecond;
                  });
}

// ---- table

constexpr std::uint32_t kConnections = 10'000;
constexpr std::uint32_t kDeadline = 1'000;

[[gnu::noinline]] unsigned counted_find(const ConnTable& table, const std::vector<NewConn>& conns) {
  unsigned found = 0;
  for (const NewConn& conn : conns) {
    for (const FlowTuple& key : conn.tuple) {
      found += table.find(key, conn.proto, table.hash(key, conn.proto)) ? 1U : 0U;
    }
  }
  return found;
}

[[gnu::noinline]] void counted_create(ConnTable& table, const std::vector<NewConn>& conns) {
  for (const NewConn& conn : conns) {
    table.create(0, conn, table.hash(conn.tuple[0], conn.proto), ConnState::kUdp, 1, kDeadline);
  }
}

[[gnu::noinline]] void counted_kill(ConnTable& table, const std::vector<Record*>& records) {
  for (Record* record : records) table.kill(0, record);
}

[[gnu::noinline]] unsigned counted_expire(ConnTable& table, const std::uint32_t* timeouts) {
  return table.expire(0, 2 * kDeadline, timeouts, std::size_t{1} << 20,
                      [](const Record&, ConnState) {});
}

[[gnu::noinline]] unsigned counted_read(const ConnTable& table) {
  ConnTable::Copy copy;
  unsigned rows = 0;
  for (std::uint32_t i = 0; i < kConnections; ++i) rows += table.read(i, copy) ? 1U : 0U;
  return rows;
}

void table_operations() {
  test::TestTable table({2 * kConnections, 1, {11, 22, 33, 44}, 0, 0});
  std::vector<NewConn> conns;
  std::vector<NewConn> others;
  for (std::uint32_t n = 0; n < kConnections; ++n) {
    conns.push_back(test::nat_conn(n));
    others.push_back(test::nat_conn(n + kConnections));
  }
  begin();
  counted_create(*table, conns);
  end("table: create", kConnections);
  if (counted_find(*table, conns) != 2 * kConnections) give_up("a key was not found");
  end("table: find, there", 2 * kConnections);
  if (counted_find(*table, others) != 0) give_up("a key was found that is not there");
  end("table: find, not there", 2 * kConnections);
  if (counted_read(*table) != kConnections) give_up("a row was not read");
  end("table: read a row", kConnections);

  std::vector<Record*> records;
  for (std::uint32_t n = 0; n < kConnections; n += 2) {
    records.push_back(table.find(conns[n].tuple[0], conns[n].proto).record);
  }
  begin();
  counted_kill(*table, records);
  end("table: kill", kConnections / 2);
  std::uint32_t timeouts[static_cast<std::size_t>(ConnState::kCount)] = {};
  for (std::uint32_t& ticks : timeouts) ticks = kDeadline;
  if (counted_expire(*table, timeouts) != kConnections / 2) give_up("expiry missed a connection");
  end("table: expire", kConnections / 2);
}

}  // namespace lb::instructions

int main() {
  using namespace lb;
  using namespace lb::instructions;
  established("NAT to server, UDP", Mode::kNat, kProtoUdp, false);
  established("NAT to client, UDP", Mode::kNat, kProtoUdp, true);
  established("NAT to server, TCP", Mode::kNat, kProtoTcp, false);
  established("NAT to client, TCP", Mode::kNat, kProtoTcp, true);
  proxied("NAT to server, TCP, SYN proxy", false);
  proxied("NAT to client, TCP, SYN proxy", true);
  established("DR, UDP", Mode::kDr, kProtoUdp, false);
  established("DR, TCP", Mode::kDr, kProtoTcp, false);
  new_connections("new connection, NAT, UDP", Mode::kNat, kProtoUdp);
  new_connections("new connection, DR, UDP", Mode::kDr, kProtoUdp);
  handshakes("new connection, NAT, TCP, three packets");
  syn_cookies("SYN answered with a cookie");
  services_with_more();
  table_operations();
  return 0;
}
