// Messages as the control plane sends them, for the tests of this folder.
#pragma once

#include <string>
#include <vector>

#include "config/base/net.h"
#include "dataplane/api/address_codec.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/snapshot_codec.h"
#include "dataplane/service/snapshot.h"

namespace lb::test {

inline std::string bytes(const char* address) {
  return to_bytes(Ipv4Address::parse(address).value());
}

inline std::vector<PortInfo> two_ports() {
  PortInfo wan;
  wan.name = "wan";
  wan.mac = {2, 0, 0, 0, 0, 1};
  PortInfo lan;
  lan.name = "lan";
  lan.mac = {2, 0, 0, 0, 0, 2};
  return {wan, lan};
}

inline api::RealServer* add_real_server(api::Service& service, const char* address,
                                        std::uint32_t port) {
  auto* rs = service.add_real_servers();
  rs->set_address(bytes(address));
  rs->set_port(port);
  rs->set_weight(1);
  rs->set_up(true);
  rs->mutable_next_hop()->set_port("lan");
  rs->mutable_next_hop()->set_mac(std::string("\x02\x00\x00\x00\x01\x01", 6));
  return rs;
}

inline api::Service* add_service(api::Snapshot& snapshot, const char* name, const char* address,
                                 std::uint32_t port) {
  auto* service = snapshot.add_services();
  service->set_name(name);
  service->set_protocol(api::TCP);
  auto* range = service->add_addresses();
  range->set_address(bytes(address));
  range->set_first_port(port);
  range->set_last_port(port);
  return service;
}

// "web" on 192.0.2.10:80 with 10.0.0.11:80 and 10.0.0.12:80.
inline api::Snapshot web_snapshot() {
  api::Snapshot snapshot = to_api(SnapshotSpec{});  // no services yet, timeouts as by default
  auto* web = add_service(snapshot, "web", "192.0.2.10", 80);
  add_real_server(*web, "10.0.0.11", 80);
  add_real_server(*web, "10.0.0.12", 80);
  return snapshot;
}

}  // namespace lb::test
