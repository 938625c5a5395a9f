#include "controlplane/cli/persistence.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "controlplane/cli/test_messages.h"

namespace lb::cli {
namespace {

using nlohmann::json;

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

TEST(Persistence, text) {
  std::string text = persistence_heading();
  append_persistence_text(sample_entry(), text);
  api::PersistenceEntry alone = sample_entry();
  alone.set_client(bytes_of("198.51.100.7"));
  alone.set_client_prefix(32);
  alone.clear_group();
  alone.set_real_server_port(8'080);
  alone.set_from_peer(false);
  append_persistence_text(alone, text);
  EXPECT_EQ(text, R"(expire client             real server           service
 04:58 198.51.100.0/24    10.0.0.11             web of group shop, from the peer
 04:58 198.51.100.7       10.0.0.11:8080        web
)");
}

TEST(Persistence, json) {
  std::string text;
  append_persistence_json(sample_entry(), text);
  EXPECT_EQ(json::parse(text), json::parse(R"({"client_address": "198.51.100.0",
      "client_prefix": 24, "real_server_address": "10.0.0.11", "real_server_port": 0,
      "service": "web", "group": "shop", "expires_ms": 298900, "from_peer": true})"));
}

}  // namespace
}  // namespace lb::cli
