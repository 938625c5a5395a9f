// Rows of what grows with connections: nothing here holds more than one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace lb::api {
class Conn;
class PersistenceEntry;
}  // namespace lb::api

namespace lb::view {

// `show conn`
struct ConnRow {
  std::string_view protocol;
  std::string client_address;
  std::uint32_t client_port = 0;
  std::string vip_address;
  std::uint32_t vip_port = 0;
  std::string real_server_address;
  std::uint32_t real_server_port = 0;
  std::string state;
  std::uint64_t expires_ms = 0;  // from now
  std::string service;
  std::string_view mode;
};

// `show persistence`
struct PersistenceRow {
  std::string client_address;
  std::uint32_t client_prefix = 0;
  std::string real_server_address;
  std::uint32_t real_server_port = 0;  // 0: in a group, any
  std::string service;
  std::string group;  // empty: none
  std::uint64_t expires_ms = 0;
  bool from_peer = false;
};

ConnRow conn_of(const api::Conn& conn);
PersistenceRow persistence_of(const api::PersistenceEntry& entry);

}  // namespace lb::view
