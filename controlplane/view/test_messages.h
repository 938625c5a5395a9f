// Answers of the daemons as a small director gives them, for the tests.
#pragma once

#include "config/base/address.h"
#include "controlplane/api/controlplane.pb.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::view {

inline std::string bytes_of(const char* text) {
  return to_bytes(Address::parse(text).value());
}

inline void fill_traffic(api::TrafficStats& traffic, std::uint64_t n) {
  traffic.set_connections(n);
  traffic.set_packets_in(10 * n);
  traffic.set_packets_out(9 * n);
  traffic.set_bytes_in(1000 * n);
  traffic.set_bytes_out(50'000 * n);
  traffic.set_syn_unanswered(n / 10);
  traffic.set_syn_refused(n / 5);
}

inline api::RealServerStats& add_server(api::ServiceStats& service, const char* address,
                                        std::uint32_t port, std::uint32_t weight, bool up) {
  api::RealServerStats& server = *service.add_real_servers();
  server.set_address(bytes_of(address));
  server.set_port(port);
  server.set_weight(weight);
  server.set_mode(service.mode());
  server.set_up(up);
  server.set_next_hop_resolved(true);
  return server;
}

inline void add_address(api::ServiceStats& service, const char* address, std::uint32_t port) {
  api::AddressRange& range = *service.add_addresses();
  range.set_address(bytes_of(address));
  range.set_first_port(port);
  range.set_last_port(port);
}

// Two services: "web" in NAT mode with a server of every state, "dns" in DR mode with one server.
inline api::Stats sample_stats() {
  api::Stats stats;
  stats.set_uptime_ms(3'725'000);
  stats.set_generation(7);
  stats.set_monotonic_ns(10'000'000'000);
  stats.set_tsc_hz(2'000'000'000);
  stats.set_max_connections(1'000'000);
  stats.set_connections(42);
  stats.set_connections_created(1000);
  stats.set_connections_expired(958);

  api::ServiceStats& web = *stats.add_services();
  web.set_name("web");
  web.set_protocol(api::TCP);
  add_address(web, "192.0.2.10", 80);
  web.set_mode(api::NAT);
  web.set_scheduler(api::WRR);
  fill_traffic(*web.mutable_traffic(), 30);
  api::RealServerStats& first = add_server(web, "10.0.0.11", 80, 2, true);
  first.set_active_connections(12);
  first.set_inactive_connections(3);
  first.set_max_connections(100);
  first.set_resume_connections(75);
  fill_traffic(*first.mutable_traffic(), 20);
  add_server(web, "10.0.0.12", 80, 1, false);
  add_server(web, "10.0.0.13", 8080, 65535, true).set_next_hop_resolved(false);
  add_server(web, "10.0.0.14", 80, 0, true).set_removed(true);

  api::ServiceStats& dns = *stats.add_services();
  dns.set_name("dns");
  dns.set_protocol(api::UDP);
  add_address(dns, "192.0.2.10", 53);
  dns.set_mode(api::DR);
  dns.set_scheduler(api::RR);
  fill_traffic(*dns.mutable_traffic(), 5);
  fill_traffic(*add_server(dns, "192.0.2.21", 53, 1, true).mutable_traffic(), 5);

  api::LcoreStats& lcore = *stats.add_lcores();
  lcore.set_cpu(1);
  lcore.set_polls(1000);
  lcore.set_bursts(100);
  lcore.set_packets(1600);
  lcore.set_bytes(200'000);
  lcore.set_busy_cycles(160'000);
  lcore.set_total_cycles(640'000);
  lcore.set_forwarded(1500);
  lcore.set_punted(90);
  lcore.set_dropped(10);
  stats.add_lcores()->set_lcore(1);

  api::PortStats& wan = *stats.add_ports();
  wan.set_name("wan");
  wan.set_device("net_af_packet0,iface=eth1");
  wan.set_driver("net_af_packet");
  wan.set_mac(std::string("\x02\x00\x5e\x10\x00\xff", 6));
  wan.set_link_up(true);
  wan.set_link_mbps(10'000);
  wan.set_mtu(1500);
  wan.set_rx_queues(1);
  wan.set_tx_queues(2);
  wan.set_rx_packets(1600);
  wan.set_rx_bytes(200'000);
  wan.set_tx_packets(1500);
  wan.set_tx_bytes(190'000);
  wan.set_kernel_rx_packets(90);
  wan.set_kernel_tx_packets(80);

  const auto add_drop = [&stats](const char* reason, const char* meaning, std::uint64_t packets) {
    api::DropStats& drop = *stats.add_drops();
    drop.set_reason(reason);
    drop.set_description(meaning);
    drop.set_packets(packets);
  };
  add_drop("truncated", "a header reaches beyond the end", 0);
  add_drop("no_real_server", "no real server is up", 10);

  const auto add_punt = [&stats](const char* kind, const char* packets, std::uint64_t passed,
                                 std::uint64_t dropped) {
    api::PuntStats& punt = *stats.add_punts();
    punt.set_port("wan");
    punt.set_kind(kind);
    punt.set_description(packets);
    punt.set_passed(passed);
    punt.set_dropped(dropped);
  };
  add_punt("vrrp", "VRRP adverts", 40, 0);
  add_punt("other", "everything else", 50, 7000);
  return stats;
}

inline api::control::Status sample_status() {
  api::control::Status status;
  status.set_director("lb1");
  const auto add_target = [&status](const char* address, bool up, std::uint64_t since_ms,
                                    const char* result) {
    api::control::Target& target = *status.add_targets();
    target.set_service("web");
    target.set_address(bytes_of(address));
    target.set_port(80);
    target.set_up(up);
    target.set_since_ms(since_ms);
    target.set_check("http");
    target.set_last_result(result);
    target.set_admin_state("ready");
    target.set_weight(up ? 2 : 1);
    target.set_file_weight(up ? 2 : 1);
    target.set_weight_in_effect(up ? 2 : 1);
    if (up) {
      target.set_rise_count(5);
    } else {
      target.set_fall_count(5);
    }
  };
  add_target("10.0.0.11", true, 185'000, "L7OK/200 in 2ms");
  add_target("10.0.0.12", false, 500, "L4TOUT after 1000ms");
  return status;
}

inline api::Conn sample_conn(std::uint32_t client_port) {
  api::Conn conn;
  conn.set_protocol(api::TCP);
  conn.set_client(bytes_of("198.51.100.7"));
  conn.set_client_port(client_port);
  conn.set_vip(bytes_of("192.0.2.10"));
  conn.set_vip_port(80);
  conn.set_real_server(bytes_of("10.0.0.11"));
  conn.set_real_server_port(80);
  conn.set_state("ESTABLISHED");
  conn.set_expires_ms(898'000);
  conn.set_service("web");
  conn.set_mode(api::NAT);
  return conn;
}

}  // namespace lb::view
