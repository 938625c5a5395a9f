// The real servers of a service, and what it has of them: sorry server, slow start, agent.
#include "config/import/haproxy_real.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/import/haproxy_check.h"

namespace lb::importer::haproxy {
namespace {

class RealServers {
 public:
  RealServers(Context& context, const Configuration& configuration, Table& service,
              const Balanced& balanced)
      : context_(context),
        service_(service),
        balanced_(balanced),
        check_(context, configuration, balanced.backend) {}

  void write() {
    check_.set_client_port(balanced_.bound.port, balanced_.bound.is_single);
    std::vector<const Server*> primary;
    std::vector<const Server*> backup;
    for (const Server& each : balanced_.servers) {
      (each.has("backup") ? backup : primary).push_back(&each);
    }
    choose(primary, backup);
    slow_start(primary);
    const auto checked = std::find_if(primary.begin(), primary.end(), [](const Server* each) {
      return each->has("check") || each->has("track");
    });
    check_.write(service_, checked == primary.end() ? nullptr : *checked);
    agent(primary);
    std::int64_t rank = ranked_ ? static_cast<std::int64_t>(primary.size()) : 0;
    for (const Server* const each : primary) real_server(*each, ranked_ ? rank-- : 0);
  }

 private:
  void warn(const Server& server, std::string_view option, std::string here) {
    const Option* const found = server.option(option);
    context_.note(Severity::kWarning, found != nullptr ? found->place : server.place,
                  std::string(option), server.name, std::move(here));
  }

  // Which servers are real ones, and what serves when none of them is up.
  void choose(std::vector<const Server*>& primary, std::vector<const Server*>& backup) {
    if (backup.empty()) return;
    const bool all = balanced_.backend.last("option allbackups") != nullptr;
    const bool local = std::any_of(backup.begin(), backup.end(), [](const Server* each) {
      return each->host.starts_with("127.");
    });
    if (!local && primary.size() <= 1 && (!all || backup.size() == 1 || primary.empty())) {
      // One works, the others are spare: by rank.
      ranked_ = !(primary.empty() && all);
      for (const Server* const each : backup) {
        if (ranked_)
          warn(*each, "backup", "scheduler \"fo\": the one with the highest weight works");
      }
      primary.insert(primary.end(), backup.begin(), backup.end());
      backup.clear();
      if (ranked_) service_.text("scheduler", "fo");
      return;
    }
    sorry(*backup.front());
    for (std::size_t i = 1; i < backup.size(); ++i) {
      context_.note(Severity::kError, backup[i]->place, "backup", backup[i]->name,
                    "there is one sorry server: left out");
    }
  }

  void sorry(const Server& server) {
    warn(server, "backup", "`[service.sorry_server]`; it is not checked");
    const bool local = server.host.starts_with("127.");
    const std::uint16_t port = port_of(server);
    if (local && port != 0 && balanced_.bound.port != port) {
      context_.note(Severity::kError, server.place, "backup", server.name,
                    fmt::format("a sorry server on the director listens on the service's port, {}; "
                                "left out",
                                balanced_.bound.port));
      return;
    }
    Table& table = service_.table("sorry_server", server.place);
    address(table, server, port);
    if (local) {
      table.comment_on("address",
                       "on the director: it must listen on all addresses, or on the VIP");
    }
  }

  // 0: the one that the client asked for.
  std::uint16_t port_of(const Server& server) {
    if (server.offset == 0) return server.port;
    const std::int64_t port = std::int64_t{balanced_.bound.port} + server.offset;
    const bool good = balanced_.bound.is_single && port >= 1 && port <= 65'535;
    if (!good) {
      context_.note(Severity::kError, server.place, "server",
                    fmt::format("{}: {:+}", server.name, server.offset),
                    "a port at a distance from the client's needs a service with one port: the "
                    "client's is used");
    }
    return good ? static_cast<std::uint16_t>(port) : std::uint16_t{0};
  }

  static void address(Table& table, const Server& server, std::uint16_t port) {
    const std::string behind = port == 0 ? "" : fmt::format(":{}", port);
    if (server.address) {
      table.text("address", server.address->to_string() + behind);
    } else {
      table.fill_in("address",
                    fmt::format("the address of {}, as 10.0.0.11{}", server.host, behind));
    }
  }

  void real_server(const Server& server, std::int64_t rank) {
    Table& table = service_.add("real_server", server.place);
    address(table, server, port_of(server));
    table.comment_on("address", server.name);
    for (const char* const option :
         {"send-proxy", "send-proxy-v2", "send-proxy-v2-ssl", "send-proxy-v2-ssl-cn"}) {
      if (!server.has(option)) continue;
      context_.note(
          Severity::kError, server.option(option)->place, option, server.name,
          "no PROXY header is sent, clients' addresses are seen without it: the server must "
          "not expect one");
    }
    if (server.has("disabled")) {
      table.number("weight", 0).comment_on("weight", "there: disabled");
      if (const Option* const weight = server.option("weight")) {
        table.comment_on("weight", "there: disabled, weight " + weight->value);
      }
    } else if (rank > 0) {
      if (rank != 1) table.number("weight", rank);
    } else {
      number(table, server, "weight", 256, 1);
    }
    number(table, server, "maxconn", 200'000'000, 0);
    check_.write_own(table, server);
  }

  void number(Table& table, const Server& server, std::string_view option, std::int64_t most,
              std::int64_t standard) {
    const Option* const found = server.option(option);
    if (found == nullptr) return;
    const auto parsed = haproxy::number(found->value);
    if (!parsed || *parsed < 0 || *parsed > most) {
      context_.note(Severity::kError, found->place, std::string(option), found->value,
                    fmt::format("no number up to {}; left out", most));
    } else if (*parsed != standard) {
      if (option != "maxconn") {
        table.number(option, *parsed, found->place);
        return;
      }
      table.number("max_connections", *parsed, found->place);
      table.number("resume_connections", *parsed - 1, found->place);
    }
  }

  void slow_start(const std::vector<const Server*>& servers) {
    const Option* first = nullptr;
    for (const Server* const each : servers) {
      const Option* const found = each->option("slowstart");
      if (found == nullptr) continue;
      if (first == nullptr) {
        first = found;
        const auto parsed = duration(found->value);
        if (parsed && *parsed <= config::Milliseconds(3'600'000)) {
          service_.duration("slow_start", *parsed, found->place);
        } else {
          context_.note(Severity::kError, found->place, "slowstart", found->value,
                        "no time up to 1 hour; left out");
        }
      } else if (found->value != first->value) {
        context_.note(
            Severity::kWarning, found->place, "slowstart", found->value,
            fmt::format("all servers of a service have one, the first: {}", first->value));
      }
    }
  }

  void agent(const std::vector<const Server*>& servers) {
    const auto with = std::find_if(servers.begin(), servers.end(),
                                   [](const Server* each) { return each->has("agent-check"); });
    if (with == servers.end()) return;
    const Option* const port = (*with)->option("agent-port");
    const auto parsed = port == nullptr ? std::nullopt : haproxy::number(port->value);
    if (!parsed || *parsed < 1 || *parsed > 65'535) {
      context_.note(Severity::kError, (*with)->place, "agent-check", "no agent-port", "left out");
      return;
    }
    Table& table = service_.table("agent", port->place);
    table.number("port", *parsed);
    if (const Option* const send = (*with)->option("agent-send")) {
      table.text("send", escaped(send->value), send->place);
    }
    const Option* const inter = (*with)->option("agent-inter");
    if (inter != nullptr) {
      const auto time = duration(inter->value);
      if (time) table.duration("interval", *time, inter->place);
      // There it is the time for the answer, too.
      if (time) table.duration("timeout", *time, inter->place);
    }
    for (const Server* const each : servers) {
      if (each->has("agent-check")) continue;
      context_.note(Severity::kWarning, each->place, "agent-check", each->name + " has none",
                    "the agents of all servers of a service are asked; without an answer nothing "
                    "changes");
    }
  }

  Context& context_;
  Table& service_;
  const Balanced& balanced_;
  Check check_;
  bool ranked_ = false;
};

}  // namespace

void write_servers(Context& context, const Configuration& configuration, Table& service,
                   const Balanced& balanced) {
  RealServers(context, configuration, service, balanced).write();
}

}  // namespace lb::importer::haproxy
