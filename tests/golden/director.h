// Two directors of a pair that differ in all that a batch must not depend on: hash key, number of
// workers, order of services, real servers and ports.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "tests/golden/scene.h"

namespace lb::golden {

// What both have.
enum Offer : std::size_t { kNatTcp, kDrTcp, kNatUdp, kDrUdp, kOffers };
struct OfferOf {
  const char* address;
  std::uint8_t proto;
  Mode mode;
  Be32 servers[2];
};
extern const std::array<OfferOf, kOffers> kOffer;

class Director : public World {
 public:
  static constexpr std::uint32_t kIsn = 100;  // of clients
  enum class Kind : std::uint8_t { kFirst, kSecond };
  explicit Director(Kind kind, const WorldOptions& options = {});

  // ---- configuration
  ServiceSpec& service(std::size_t offer) {
    return *std::ranges::find(spec.services, kOffer[offer].address, &ServiceSpec::name);
  }
  RealServerSpec& rs(std::size_t offer, unsigned number) {
    return *std::ranges::find(service(offer).real_servers, endpoint(offer, number),
                              &RealServerSpec::address);
  }
  RealServerSpec server(std::size_t offer, unsigned number) const;
  void set_master(bool master) {
    for (ServiceSpec& service : spec.services) service.standby = !master;
    apply();
  }
  // Of kWan and kLan, as both directors have them in the tests.
  unsigned port(unsigned side) const { return kind_ == Kind::kFirst ? side : 1 - side; }

  // ---- packets
  Output send(unsigned side, const Bytes& frame, unsigned worker = 0) {
    Output out = World::send(port(side), frame, worker);
    out.egress = port(out.egress);  // the side
    return out;
  }
  Output from_client(std::size_t offer, std::uint16_t client, std::uint8_t flags,
                     const Bytes& payload = {}, unsigned worker = 0) {
    return send(kWan, client_frame(offer, client, flags, payload), worker);
  }
  Output from_server(std::size_t offer, unsigned number, std::uint16_t client, std::uint8_t flags,
                     const Bytes& payload = {}, unsigned worker = 0) {
    return send(kLan, server_frame(offer, number, client, flags, payload), worker);
  }
  static Bytes client_frame(std::size_t offer, std::uint16_t client, std::uint8_t flags,
                            const Bytes& payload = {}, std::uint32_t seq = kIsn);
  static Bytes server_frame(std::size_t offer, unsigned number, std::uint16_t client,
                            std::uint8_t flags, const Bytes& payload = {});

  // ---- the table, as far as the other director's should be the same
  struct Row {
    ConnState state = ConnState::kNone;
    Be32 server;
    std::uint8_t mode = 0;
    std::uint32_t last_seen = 0;
    unsigned client_side = kWan;
    ClientHop client_hop;  // as if at port 0
    std::uint32_t rs = 0;  // slot
    bool imported = false;
  };
  struct Key {
    FlowTuple tuple;
    std::uint8_t proto;
    auto parts() const {
      return std::tuple(tuple.src.raw, tuple.dst.raw, tuple.sport.raw, tuple.dport.raw, proto);
    }
    bool operator<(const Key& other) const { return parts() < other.parts(); }
  };
  std::map<Key, Row> rows() const;
  // What is wrong with the sums over the rows; empty: nothing.
  std::string wrong_counts() const;

  // The other director's batch, with its port numbers. False: it is malformed.
  bool receive_from(const Director& other, std::string_view batch);
  SyncEntry translated(const Director& other, SyncEntry entry) const;

 private:
  static Ipv4Endpoint endpoint(std::size_t offer, unsigned number);

  const Kind kind_;
};

// ---- a client's connection, by its port

FlowTuple tuple_of(std::size_t offer, std::uint16_t client);
Director::Key key_of(std::size_t offer, std::uint16_t client);
// Which of the service's servers it has.
unsigned server_of(const Director& director, std::size_t offer, std::uint16_t client);
// By packets.
void establish(Director& director, std::size_t offer, std::uint16_t client, unsigned worker = 0,
               std::uint32_t isn = Director::kIsn);

}  // namespace lb::golden
