#include "controlplane/cli/persistence.h"

#include <fmt/format.h>

#include <iterator>
#include <ostream>

#include "controlplane/cli/cli.h"
#include "controlplane/cli/format.h"
#include "controlplane/cli/json.h"

namespace lb::cli {
namespace {

api::Request request_of(const PersistenceFilter& filter, bool flush) {
  api::Request request;
  api::PersistenceRequest& persistence = *request.mutable_persistence();
  persistence.set_service(filter.service);
  persistence.set_group(filter.group);
  // A prefix of length 0 is everybody; in the message it would be one host.
  if (filter.client && filter.client->length > 0) {
    persistence.set_client(to_bytes(filter.client->address));
    persistence.set_client_prefix(filter.client->length);
  }
  persistence.set_flush(flush);
  return request;
}

}  // namespace

std::string persistence_heading() {
  return "expire client             real server           service\n";
}

void append_persistence_text(const api::PersistenceEntry& entry, std::string& out) {
  const std::uint64_t seconds = entry.expires_ms() / 1000;
  std::string client = address_text(entry.client());
  if (entry.client_prefix() != 8 * entry.client().size())
    client += fmt::format("/{}", entry.client_prefix());
  const std::string server = entry.real_server_port() == 0
                                 ? address_text(entry.real_server())
                                 : endpoint_text(entry.real_server(), entry.real_server_port());
  fmt::format_to(std::back_inserter(out), "{:>6} {:<18} {:<21} {}{}{}\n",
                 fmt::format("{:02}:{:02}", seconds / 60, seconds % 60), client, server,
                 entry.service(), entry.group().empty() ? "" : " of group " + entry.group(),
                 entry.from_peer() ? ", from the peer" : "");
}

void append_persistence_json(const api::PersistenceEntry& entry, std::string& out) {
  out += print_line({{"client_address", address_text(entry.client())},
                     {"client_prefix", entry.client_prefix()},
                     {"real_server_address", address_text(entry.real_server())},
                     {"real_server_port", entry.real_server_port()},
                     {"service", entry.service()},
                     {"group", entry.group()},
                     {"expires_ms", entry.expires_ms()},
                     {"from_peer", entry.from_peer()}});
}

// Part by part, as `show conn`.
Outcome<void> show_persistence(DataplaneClient& client, const Options& options, std::ostream& out) {
  bool begun = false;
  bool any = false;
  std::string rows;
  const auto streamed =
      client.stream(request_of(options.persistence, false), [&](const api::Response& response) {
        rows.clear();
        if (!begun) rows = options.json ? "[" : persistence_heading();
        begun = true;
        for (const api::PersistenceEntry& entry : response.persistence().entries()) {
          if (options.json) {
            rows += any ? ",\n" : "\n";
            append_persistence_json(entry, rows);
          } else {
            append_persistence_text(entry, rows);
          }
          any = true;
        }
        out << rows;
        return static_cast<bool>(out);
      });
  // Before the first row the data plane refuses filters; after that it can only have gone away.
  if (!streamed) return stop(begun ? kDaemonDown : kUsage, streamed.error().message);
  if (options.json) out << (any ? "\n]\n" : "]\n");
  return {};
}

Outcome<void> flush_persistence(DataplaneClient& client, const Options& options,
                                std::ostream& out) {
  bool begun = false;
  std::uint64_t flushed = 0;
  const auto streamed =
      client.stream(request_of(options.persistence, true), [&](const api::Response& response) {
        begun = true;
        flushed += response.persistence().flushed();
        return true;
      });
  if (!streamed) return stop(begun ? kDaemonDown : kUsage, streamed.error().message);
  if (options.json) {
    out << print({{"flushed", flushed}});
  } else {
    out << fmt::format("{} client{} forgotten\n", flushed, flushed == 1 ? "" : "s");
  }
  return {};
}

}  // namespace lb::cli
