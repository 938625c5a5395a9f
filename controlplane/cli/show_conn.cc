// `show conn`: one row per connection, the look of ipvsadm -Lnc.
#include <fmt/format.h>

#include <iterator>

#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"
#include "controlplane/cli/show.h"

namespace lb::cli {

std::string conn_heading() {
  return "pro expire state       source                virtual               destination\n";
}

void append_conn_text(const api::Conn& conn, std::string& out) {
  const std::uint64_t seconds = conn.expires_ms() / 1000;
  fmt::format_to(std::back_inserter(out), "{:<3} {:>6} {:<11} {:<21} {:<21} {}\n",
                 protocol_heading(conn.protocol()),
                 fmt::format("{:02}:{:02}", seconds / 60, seconds % 60), conn.state(),
                 endpoint_text(conn.client(), conn.client_port()),
                 endpoint_text(conn.vip(), conn.vip_port()),
                 endpoint_text(conn.real_server(), conn.real_server_port()));
}

void append_conn_json(const api::Conn& conn, std::string& out) {
  out += print_line({{"protocol", name_in(conn.protocol())},
                     {"client_address", address_text(conn.client())},
                     {"client_port", conn.client_port()},
                     {"vip_address", address_text(conn.vip())},
                     {"vip_port", conn.vip_port()},
                     {"real_server_address", address_text(conn.real_server())},
                     {"real_server_port", conn.real_server_port()},
                     {"state", conn.state()},
                     {"expires_ms", conn.expires_ms()},
                     {"service", conn.service()},
                     {"mode", name_in(conn.mode())}});
}

}  // namespace lb::cli
