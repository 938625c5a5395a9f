#include "controlplane/health/request.h"

#include <algorithm>
#include <functional>

#include "config/check_types.h"

namespace lb::health {
namespace {

using config::CheckType;

// "www.example.com:8443" -> "www.example.com", "[2001:db8::1]:8443" -> "2001:db8::1"
std::string without_port(const std::string& host) {
  if (host.starts_with('[')) return host.substr(1, host.find(']') - 1);
  return host.substr(0, host.rfind(':'));
}

void add_http(const Endpoint& vip, const config::Check& check, Request& request) {
  request.method = check.method;
  request.path = check.path;
  request.host = check.host.empty() ? vip.to_string() : check.host;
  request.headers = check.headers;
  request.expect_status = check.expect_status;
  request.expect_body = check.expect_body;
  request.expect_body_sha256 = check.expect_body_sha256;
  request.strict_http = check.strict_http;
}

void add_tls(const config::Check& check, Request& request) {
  request.tls = true;
  request.tls_verify = check.tls_verify;
  request.tls_server_name =
      check.tls_server_name.empty() ? without_port(request.host) : check.tls_server_name;
  if (check.tls_verify) request.tls_ca_file = check.tls_ca_file;
}

void add_script(const std::string& service, const Endpoint& vip, const Endpoint& real_server,
                const config::Check& check, Request& request) {
  request.command = check.command;
  request.user = config::script_user(check.user);
  request.script_style = check.script_style;
  request.dynamic_weight = check.dynamic_weight;
  request.environment = {"BALLAST_SERVICE=" + service, "BALLAST_VIP=" + vip.address.to_string(),
                         "BALLAST_VIP_PORT=" + std::to_string(vip.port),
                         "BALLAST_RS=" + real_server.address.to_string(),
                         "BALLAST_RS_PORT=" + std::to_string(request.to.port)};
}

}  // namespace

Request make_request(const std::string& service, const Endpoint& vip, const Endpoint& real_server,
                     const config::Check& check) {
  Request request;
  request.to = real_server;
  request.type = check.type;
  if (check.type == CheckType::kNone) return request;

  if (check.address) request.to.address = *check.address;
  request.to.port = check.type == CheckType::kPing ? 0 : check.port.value_or(real_server.port);
  request.source = check.source;
  request.interval = std::max(check.interval, config::Milliseconds{1});
  request.timeout = std::max(check.timeout, config::Milliseconds{1});
  request.connect_timeout =
      check.connect_timeout.count() == 0 ? request.timeout : check.connect_timeout;
  request.retry = check.retry;
  request.retry_delay = check.retry_delay;
  if (config::kHttpChecks.contains(check.type)) add_http(vip, check, request);
  if (config::speaks_tls(check)) add_tls(check, request);
  request.send = check.send;
  request.expect = check.expect;
  request.username = check.username;
  request.password_file = check.password_file;
  request.database = check.database;
  request.query = check.query;
  request.query_type = check.query_type;
  request.expect_address = check.expect_address;
  if (check.type == CheckType::kScript) add_script(service, vip, real_server, check, request);
  return request;
}

Request make_request(const Endpoint& real_server, const config::AgentCheck& agent) {
  Request request;
  request.to = {real_server.address, agent.port};
  request.type = CheckType::kAgent;
  request.interval = std::max(agent.interval, config::Milliseconds{1});
  request.timeout = std::max(agent.timeout, config::Milliseconds{1});
  request.connect_timeout = request.timeout;
  request.send = agent.send;
  return request;
}

std::size_t RequestHash::operator()(const Request& request) const {
  // Few checks share an endpoint; those differ mostly in their requests.
  return std::hash<Endpoint>{}(request.to) * 31 + std::hash<std::string>{}(request.path);
}

}  // namespace lb::health
