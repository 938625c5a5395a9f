#include "controlplane/health/request.h"

#include <algorithm>
#include <functional>

namespace lb::health {
namespace {

// "www.example.com:8443" -> "www.example.com"
std::string without_port(const std::string& host) {
  return host.substr(0, host.rfind(':'));
}

}  // namespace

Request make_request(const Ipv4Endpoint& vip, const Ipv4Endpoint& real_server,
                     const config::Check& check) {
  using config::CheckType;
  Request request;
  request.to = real_server;
  request.type = check.type;
  if (check.type == CheckType::kNone) return request;

  request.to.port = check.type == CheckType::kPing ? 0 : check.port.value_or(real_server.port);
  request.interval = std::max(check.interval, config::Milliseconds{1});
  request.timeout = std::max(check.timeout, config::Milliseconds{1});
  if (check.type != CheckType::kHttp && check.type != CheckType::kHttps) return request;

  request.method = check.method;
  request.path = check.path;
  request.host = check.host.empty() ? vip.to_string() : check.host;
  request.expect_status = check.expect_status;
  if (check.type != CheckType::kHttps) return request;

  request.tls_verify = check.tls_verify;
  request.tls_server_name =
      check.tls_server_name.empty() ? without_port(request.host) : check.tls_server_name;
  if (check.tls_verify) request.tls_ca_file = check.tls_ca_file;
  return request;
}

std::size_t RequestHash::operator()(const Request& request) const {
  const std::uint64_t endpoint =
      std::uint64_t{request.to.address.host()} << 16 | std::uint64_t{request.to.port};
  // Few checks share an endpoint; those differ mostly in what they ask for.
  return std::hash<std::uint64_t>{}(endpoint)*31 + std::hash<std::string>{}(request.path);
}

}  // namespace lb::health
