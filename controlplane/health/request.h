// A check with its defaults filled in and without what its type does not use, so that equal
// requests are one check, whichever services use it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/base/address.h"
#include "config/model.h"

namespace lb::health {

struct Request {
  Endpoint to;                    // port 0 for ping
  std::optional<Address> source;  // of the family of `to`
  config::CheckType type = config::CheckType::kTcp;
  std::chrono::milliseconds interval{};
  std::chrono::milliseconds timeout{};
  std::chrono::milliseconds connect_timeout{};  // `timeout` at most
  std::uint32_t retry = 0;
  std::chrono::milliseconds retry_delay{};
  // http and https
  std::string method;
  std::string path;
  std::string host;
  std::vector<std::string> headers;
  config::StatusSet expect_status;
  std::string expect_body;
  std::string expect_body_sha256;
  bool strict_http = false;
  // With TLS
  bool tls = false;
  bool tls_verify = false;
  std::string tls_server_name;
  std::string tls_ca_file;
  // The other types, as in config::Check
  std::string send;
  std::string expect;
  std::string username;
  std::string password_file;
  std::string database;
  std::string query;
  config::DnsType query_type = config::DnsType::kA;
  std::optional<Address> expect_address;
  std::vector<std::string> command;
  std::vector<std::string> environment;  // of the command: service and server
  std::string user;
  config::ScriptStyle script_style = config::ScriptStyle::kPlain;
  bool dynamic_weight = false;

  bool operator==(const Request&) const = default;
};

// `vip` gives the Host header when the check names none; `service` is passed to scripts.
Request make_request(const std::string& service, const Endpoint& vip, const Endpoint& real_server,
                     const config::Check& check);
// The request to an agent.
Request make_request(const Endpoint& real_server, const config::AgentCheck& agent);

struct RequestHash {
  std::size_t operator()(const Request& request) const;
};

}  // namespace lb::health
