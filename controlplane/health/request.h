// What is asked of whom: a check with its defaults filled in and with what its type does not use
// left out, so that equal requests are one check, whichever services want it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "config/base/net.h"
#include "config/model.h"

namespace lb::health {

struct Request {
  Ipv4Endpoint to;  // port 0 for ping
  config::CheckType type = config::CheckType::kTcp;
  std::chrono::milliseconds interval{};
  std::chrono::milliseconds timeout{};
  // http and https
  std::string method;
  std::string path;
  std::string host;
  std::uint16_t expect_status = 0;
  // https
  bool tls_verify = false;
  std::string tls_server_name;
  std::string tls_ca_file;

  bool operator==(const Request&) const = default;
};

// `vip` gives the Host header when the check names none.
Request make_request(const Ipv4Endpoint& vip, const Ipv4Endpoint& real_server,
                     const config::Check& check);

struct RequestHash {
  std::size_t operator()(const Request& request) const;
};

}  // namespace lb::health
