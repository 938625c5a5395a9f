#include "tests/golden/director.h"

#include <utility>

namespace lb::golden {

const std::array<OfferOf, kOffers> kOffer = {{
    {"192.0.2.10:80", kProtoTcp, Mode::kNat, {test::ip("10.0.0.11"), test::ip("10.0.0.12")}},
    {"192.0.2.11:80", kProtoTcp, Mode::kDr, {test::ip("10.0.0.13"), test::ip("10.0.0.14")}},
    {"192.0.2.12:53", kProtoUdp, Mode::kNat, {test::ip("10.0.0.15"), test::ip("10.0.0.16")}},
    {"192.0.2.13:53", kProtoUdp, Mode::kDr, {test::ip("10.0.0.17"), test::ip("10.0.0.18")}},
}};

namespace {

WorldOptions adapted(Director::Kind kind, WorldOptions options) {
  options.peer = true;
  options.hash_key = kind == Director::Kind::kFirst ? 11 : 12;
  return options;
}

}  // namespace

Director::Director(Kind kind, const WorldOptions& options)
    : World(adapted(kind, options)), kind_(kind) {
  if (kind_ == Kind::kSecond) std::swap(ports[0], ports[1]);
  for (std::size_t offer = 0; offer < kOffers; ++offer) {
    ServiceSpec service;
    service.name = kOffer[offer].address;
    service.protocol = static_cast<Protocol>(kOffer[offer].proto);
    service.addresses = {test::single(kOffer[offer].address)};
    service.mode = kOffer[offer].mode;
    service.scheduler = Scheduler::kRr;
    service.real_servers = {server(offer, 0), server(offer, 1)};
    if (kind_ == Kind::kSecond) std::ranges::reverse(service.real_servers);
    spec.services.push_back(service);
  }
  if (kind_ == Kind::kSecond) std::ranges::reverse(spec.services);
  apply();
}

Ipv4Endpoint Director::endpoint(std::size_t offer, unsigned number) {
  return {Ipv4Address{kOffer[offer].servers[number]}, 8'080};
}

RealServerSpec Director::server(std::size_t offer, unsigned number) const {
  RealServerSpec rs;
  rs.address = endpoint(offer, number);
  rs.up = true;
  rs.next_hop = {"lan", 0, {{2, 0, 0, 0, 2, static_cast<std::uint8_t>(2 * offer + number)}}};
  return rs;
}

bool Director::receive_from(const Director& other, std::string_view batch) {
  auto entries = decode_batch(batch);
  if (!entries) return false;
  for (SyncEntry& entry : *entries) entry = translated(other, entry);
  receive(*entries);
  return true;
}

SyncEntry Director::translated(const Director& other, SyncEntry entry) const {
  const unsigned side = other.port(entry.client_hop.port());
  entry.client_hop = entry.client_hop.at_port(static_cast<std::uint8_t>(port(side)));
  return entry;
}

Bytes Director::client_frame(std::size_t offer, std::uint16_t client, std::uint8_t flags,
                             const Bytes& payload, std::uint32_t seq) {
  const Ipv4Endpoint vip = *Ipv4Endpoint::parse(kOffer[offer].address);
  const test::Ipv4 ip{.src = kClient, .dst = vip.address.be, .ttl = 60};
  if (kOffer[offer].proto == kProtoUdp) {
    return test::udp_frame(from_router(), ip,
                           {.sport = client, .dport = vip.port, .payload = payload});
  }
  return test::tcp_frame(from_router(), ip,
                         {.sport = client,
                          .dport = vip.port,
                          .seq = seq,
                          .ack = 201,
                          .flags = flags,
                          .payload = payload});
}

Bytes Director::server_frame(std::size_t offer, unsigned number, std::uint16_t client,
                             std::uint8_t flags, const Bytes& payload) {
  const test::Ethernet ethernet{.dst = kLanMac, .src = kServer1Mac};
  const test::Ipv4 ip{.src = kOffer[offer].servers[number], .dst = kClient, .ttl = 64};
  if (kOffer[offer].proto == kProtoUdp) {
    return test::udp_frame(ethernet, ip, {.sport = 8'080, .dport = client, .payload = payload});
  }
  return test::tcp_frame(ethernet, ip,
                         {.sport = 8'080,
                          .dport = client,
                          .seq = 200,
                          .ack = 101,
                          .flags = flags,
                          .payload = payload});
}

std::map<Director::Key, Director::Row> Director::rows() const {
  std::map<Key, Row> all;
  for (std::uint32_t i = 0; i < table().records(); ++i) {
    ConnTable::Copy conn;
    if (!table().read(i, conn)) continue;
    all[{conn.tuple[0], conn.proto}] = {conn.state,
                                        conn.tuple[1].src,
                                        conn.mode,
                                        conn.last_seen,
                                        port(conn.client_hop.port()),
                                        conn.client_hop.at_port(0),
                                        conn.rs,
                                        conn.imported};
  }
  return all;
}

std::string Director::wrong_counts() const {
  std::map<std::uint32_t, std::pair<std::int64_t, std::int64_t>> counts;
  const auto all = rows();
  for (const auto& [key, row] : all) {
    ++(is_active(row.state) ? counts[row.rs].first : counts[row.rs].second);
    if (snapshot().real_servers[row.rs].address != row.server) return "a row has another server";
  }
  for (std::uint32_t slot = 0; slot < snapshot().real_servers.size(); ++slot) {
    if (active(slot) != counts[slot].first || inactive(slot) != counts[slot].second) {
      return "slot " + std::to_string(slot) + " counts " + std::to_string(active(slot)) + "+" +
             std::to_string(inactive(slot)) + ", there are " + std::to_string(counts[slot].first) +
             "+" + std::to_string(counts[slot].second);
    }
  }
  const std::uint64_t made = counter(&WorkerCounters::conns_created) +
                             imported(ImportOutcome::created) + imported(ImportOutcome::replaced);
  if (made - counter(&WorkerCounters::conns_expired) != all.size()) {
    return "more or fewer were made than ended and live";
  }
  return all.size() == connections() ? "" : "the table counts others";
}

FlowTuple tuple_of(std::size_t offer, std::uint16_t client) {
  const Ipv4Endpoint vip = *Ipv4Endpoint::parse(kOffer[offer].address);
  return {kClient, vip.address.be, Be16::from_host(client), Be16::from_host(vip.port)};
}

Director::Key key_of(std::size_t offer, std::uint16_t client) {
  return {tuple_of(offer, client), kOffer[offer].proto};
}

unsigned server_of(const Director& director, std::size_t offer, std::uint16_t client) {
  return director.rows().at(key_of(offer, client)).server == kOffer[offer].servers[0] ? 0 : 1;
}

void establish(Director& director, std::size_t offer, std::uint16_t client, unsigned worker,
               std::uint32_t isn) {
  director.send(kWan, Director::client_frame(offer, client, test::kSyn, {}, isn), worker);
  if (kOffer[offer].mode == Mode::kNat) {
    director.from_server(offer, server_of(director, offer, client), client,
                         test::kSyn | test::kAck);
    if (kOffer[offer].proto == kProtoUdp) return;
  }
  director.from_client(offer, client, test::kAck);
  // Nor is a handshake enough where the server is not seen.
  if (kOffer[offer].mode == Mode::kDr) director.from_client(offer, client, test::kAck);
}

}  // namespace lb::golden
