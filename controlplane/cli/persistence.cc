#include "controlplane/cli/persistence.h"

#include <fmt/format.h>

#include <ostream>

#include "controlplane/cli/cli.h"
#include "controlplane/cli/show_rows.h"
#include "controlplane/view/conns.h"
#include "controlplane/view/json_value.h"

namespace lb::cli {
namespace {

api::Request request_of(const PersistenceFilter& filter, bool flush) {
  api::Request request;
  api::PersistenceRequest& persistence = *request.mutable_persistence();
  persistence.set_service(filter.service);
  persistence.set_group(filter.group);
  // 0.0.0.0/0 matches every client; in the message length 0 would mean one host.
  if (filter.client && (filter.client->length > 0 || filter.client->address.is_ipv6())) {
    persistence.set_client(to_bytes(filter.client->address));
    persistence.set_client_prefix(filter.client->length);
  }
  persistence.set_flush(flush);
  return request;
}

}  // namespace

Result<void> show_persistence(DataplaneClient& client, const Options& options, std::ostream& out) {
  return show_rows(
      client, request_of(options.persistence, false), options.json, view::persistence_heading(),
      out,
      [](const api::Response& response) -> const auto& { return response.persistence().entries(); },
      view::persistence_of);
}

Result<void> flush_persistence(DataplaneClient& client, const Options& options, std::ostream& out) {
  bool begun = false;
  std::uint64_t flushed = 0;
  const auto streamed =
      client.stream(request_of(options.persistence, true), [&](const api::Response& response) {
        begun = true;
        flushed += response.persistence().flushed();
        return true;
      });
  if (!streamed) return tl::make_unexpected(streamed.error());
  if (options.json) {
    out << view::print({{"flushed", flushed}});
  } else {
    out << fmt::format("{} client{} forgotten\n", flushed, flushed == 1 ? "" : "s");
  }
  return {};
}

}  // namespace lb::cli
