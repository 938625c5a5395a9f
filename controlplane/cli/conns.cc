#include "controlplane/cli/conns.h"

#include <fmt/format.h>

#include <chrono>
#include <ostream>
#include <thread>

#include "controlplane/cli/cli.h"
#include "controlplane/cli/show_rows.h"
#include "controlplane/view/conns.h"
#include "controlplane/view/json_value.h"

namespace lb::cli {
namespace {

void put_filter(const ConnFilter& filter, api::ConnsRequest& conns) {
  conns.set_service(filter.service);
  conns.set_state(filter.state);
  conns.set_limit(filter.limit);
  // 0.0.0.0/0 matches every client; in the message length 0 would mean one host.
  if (filter.client && (filter.client->length > 0 || filter.client->address.is_ipv6())) {
    conns.set_client(to_bytes(filter.client->address));
    conns.set_client_prefix(filter.client->length);
  }
  if (filter.real_server) {
    conns.set_real_server(to_bytes(*filter.real_server));
    conns.set_real_server_port(filter.real_server_port);
  }
}

}  // namespace

Result<void> show_conns(DataplaneClient& client, const Options& options, std::ostream& out) {
  api::Request request;
  put_filter(options.conns, *request.mutable_conns());
  return show_rows(
      client, std::move(request), options.json, view::conn_heading(), out,
      [](const api::Response& response) -> const auto& { return response.conns().conns(); },
      view::conn_of);
}

Result<void> flush_conns(DataplaneClient& client, const Options& options, std::ostream& out) {
  api::Request request;
  put_filter(options.conns, *request.mutable_flush()->mutable_filter());
  auto answer = client.call(request);
  if (!answer) return tl::make_unexpected(answer.error());
  const std::uint64_t job = answer->flush().job();
  while (!answer->flush().done()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    api::Request again;
    again.mutable_flush()->set_job(job);
    answer = client.call(std::move(again));
    if (!answer) return tl::make_unexpected(answer.error());
  }
  const std::uint64_t ended = answer->flush().ended();
  if (options.json) {
    out << view::print({{"ended", ended}});
  } else {
    out << fmt::format("{} connection{} ended\n", ended, ended == 1 ? "" : "s");
  }
  return {};
}

}  // namespace lb::cli
