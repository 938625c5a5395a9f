// `show conn` in the look of ipvsadm -Lnc, `show persistence`.
#include <fmt/format.h>

#include <iterator>

#include "controlplane/view/as_text.h"
#include "controlplane/view/conns.h"
#include "controlplane/view/format.h"

namespace lb::view {

std::string conn_heading() {
  return "pro expire state       source                virtual               destination\n";
}

void append_text(const ConnRow& row, std::string& out) {
  fmt::format_to(std::back_inserter(out), "{:<3} {:>6} {:<11} {:<21} {:<21} {}\n",
                 protocol_heading(row.protocol), expiry_text(row.expires_ms), row.state,
                 join_endpoint(row.client_address, row.client_port),
                 join_endpoint(row.vip_address, row.vip_port),
                 join_endpoint(row.real_server_address, row.real_server_port));
}

std::string persistence_heading() {
  return "expire client             real server           service\n";
}

void append_text(const PersistenceRow& row, std::string& out) {
  std::string client = row.client_address;
  const bool is_ipv6 = client.find(':') != std::string::npos;
  if (row.client_prefix != (is_ipv6 ? 128u : 32u)) client += fmt::format("/{}", row.client_prefix);
  fmt::format_to(
      std::back_inserter(out), "{:>6} {:<18} {:<21} {}{}{}\n", expiry_text(row.expires_ms), client,
      join_endpoint(row.real_server_address, row.real_server_port), row.service,
      row.group.empty() ? "" : " of group " + row.group, row.from_peer ? ", from the peer" : "");
}

}  // namespace lb::view
