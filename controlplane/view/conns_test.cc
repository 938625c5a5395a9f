#include "controlplane/view/conns.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/test_messages.h"

namespace lb::view {
namespace {

using nlohmann::json;

TEST(ShowConn, PrintsText) {
  std::string text = conn_heading();
  append_text(conn_of(sample_conn(40'000)), text);
  api::Conn dns = sample_conn(53);
  dns.set_protocol(api::UDP);
  dns.set_state("UDP");
  dns.set_expires_ms(7'205'999);
  append_text(conn_of(dns), text);
  EXPECT_EQ(text, R"(pro expire state       source                virtual               destination
TCP  14:58 ESTABLISHED 198.51.100.7:40000    192.0.2.10:80         10.0.0.11:80
UDP 120:05 UDP         198.51.100.7:53       192.0.2.10:80         10.0.0.11:80
)");
}

TEST(ShowConn, PrintsJson) {
  std::string text;
  append_json(conn_of(sample_conn(40'000)), text);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(json::parse(text), json::parse(R"({"protocol": "tcp", "client_address": "198.51.100.7",
      "client_port": 40000, "vip_address": "192.0.2.10", "vip_port": 80,
      "real_server_address": "10.0.0.11", "real_server_port": 80, "state": "ESTABLISHED",
      "expires_ms": 898000, "service": "web", "mode": "nat"})"));
}

TEST(ShowJson, EscapesInvalidUtf8) {
  api::Conn conn = sample_conn(1);
  conn.set_state("\xff\xfe");
  std::string text;
  append_json(conn_of(conn), text);
  EXPECT_TRUE(json::accept(text));
}

api::PersistenceEntry sample_entry() {
  api::PersistenceEntry entry;
  entry.set_client(bytes_of("198.51.100.0"));
  entry.set_client_prefix(24);
  entry.set_service("web");
  entry.set_group("shop");
  entry.set_real_server(bytes_of("10.0.0.11"));
  entry.set_expires_ms(298'900);
  entry.set_from_peer(true);
  return entry;
}

TEST(Persistence, PrintsText) {
  std::string text = persistence_heading();
  append_text(persistence_of(sample_entry()), text);
  api::PersistenceEntry alone = sample_entry();
  alone.set_client(bytes_of("198.51.100.7"));
  alone.set_client_prefix(32);
  alone.clear_group();
  alone.set_real_server_port(8'080);
  alone.set_from_peer(false);
  append_text(persistence_of(alone), text);
  EXPECT_EQ(text, R"(expire client             real server           service
 04:58 198.51.100.0/24    10.0.0.11             web of group shop, from the peer
 04:58 198.51.100.7       10.0.0.11:8080        web
)");
}

TEST(Persistence, PrintsIpv6Clients) {
  api::PersistenceEntry entry = sample_entry();
  entry.set_client(bytes_of("2001:db8::7"));
  entry.set_client_prefix(128);
  std::string text;
  append_text(persistence_of(entry), text);
  EXPECT_NE(text.find(" 2001:db8::7  "), std::string::npos) << text;
  entry.set_client_prefix(64);
  append_text(persistence_of(entry), text);
  EXPECT_NE(text.find(" 2001:db8::7/64 "), std::string::npos) << text;
}

TEST(Persistence, PrintsJson) {
  std::string text;
  append_json(persistence_of(sample_entry()), text);
  EXPECT_EQ(json::parse(text), json::parse(R"({"client_address": "198.51.100.0",
      "client_prefix": 24, "real_server_address": "10.0.0.11", "real_server_port": 0,
      "service": "web", "group": "shop", "expires_ms": 298900, "from_peer": true})"));
}

}  // namespace
}  // namespace lb::view
