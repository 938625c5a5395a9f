// Services whose datagrams go each on its own: without connections there is much that they cannot
// have, and in NAT mode the source of a reply alone must identify its service.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "config/validate.h"

namespace lb::config {
namespace {

bool translates_udp(const Service& service) {
  return service.protocol == Protocol::kUdp && service.mode == Mode::kNat;
}

// Whether answers of a server of this service may come from this port.
bool answers_from(const Service& service, const Endpoint& server, std::uint16_t port) {
  if (server.port != 0) return server.port == port;
  return std::ranges::any_of(service.addresses, [port](const EndpointRange& range) {
    return range.first <= port && port <= range.last;
  });
}

class OnePacketValidator {
 public:
  OnePacketValidator(const Config& config, std::vector<Problem>& problems)
      : services_(config.services), problems_(problems) {}

  void run() {
    for (std::size_t i = 0; i < services_.size(); ++i) {
      if (!translates_udp(services_[i])) continue;
      const auto add = [&](const Endpoint& server) {
        by_address_.emplace(server.address, Server{i, server});
      };
      for (const RealServer& server : services_[i].real_servers) add(server.address);
      const auto& sorry = services_[i].sorry_server;
      if (sorry && !sorry->is_local()) add(sorry->address);
    }
    for (std::size_t i = 0; i < services_.size(); ++i) {
      if (!services_[i].one_packet) continue;
      const std::string path = fmt::format("service[{}]", i);
      check_connections(services_[i], path);
      if (translates_udp(services_[i])) check_answers(i, path);
    }
  }

 private:
  struct Server {
    std::size_t service;
    Endpoint address;
  };

  void report(std::string path, std::string message) {
    problems_.push_back({std::move(path), std::move(message), ProblemKind::kOther});
  }

  void check_connections(const Service& service, const std::string& path) {
    if (service.protocol != Protocol::kUdp) {
      report(path + ".one_packet", "one_packet is for UDP; remove it, or write protocol = \"udp\"");
      return;
    }
    if (goes_by_connections(service.scheduler)) {
      report(path + ".scheduler",
             fmt::format("scheduler \"{}\" goes by connections, which a service with one_packet "
                         "does not have; write \"rr\", \"wrr\", \"sh\", \"dh\", \"mh\" or \"fo\"",
                         name_of(service.scheduler)));
    }
    if (service.persistence != Milliseconds(0)) {
      report(path + ".persistence",
             "persistence has no meaning with one_packet; remove it: scheduler = \"sh\" or \"mh\" "
             "sends a client's datagrams to one server");
    }
    if (service.timeouts) {
      report(path + ".timeouts",
             "time-outs have no meaning with one_packet, which keeps nothing; remove the table");
    }
    if (service.table_share) {
      report(path + ".table_share",
             "table_share has no meaning with one_packet, which keeps nothing; remove it");
    }
    for (std::size_t i = 0; i < service.real_servers.size(); ++i) {
      if (service.real_servers[i].max_connections == 0) continue;
      report(fmt::format("{}.real_server[{}].max_connections", path, i),
             "max_connections has no meaning with one_packet, which has no connections to count; "
             "remove it");
    }
  }

  void check_answers(std::size_t number, const std::string& path) {
    const Service& service = services_[number];
    if (!service.has_single_endpoint()) {
      report(path + ".addresses",
             "with one_packet in NAT mode a reply does not show which of several addresses was "
             "used; give one `address`, or write mode = \"dr\"");
      return;
    }
    for (std::size_t i = 0; i < service.real_servers.size(); ++i) {
      check_answers_of(number, service.real_servers[i].address,
                       fmt::format("{}.real_server[{}].address", path, i));
    }
    if (service.sorry_server && !service.sorry_server->is_local()) {
      check_answers_of(number, service.sorry_server->address, path + ".sorry_server.address");
    }
  }

  void check_answers_of(std::size_t number, const Endpoint& address, std::string path) {
    const std::uint16_t port =
        address.port != 0 ? address.port : services_[number].primary_endpoint().port;
    const auto [first, last] = by_address_.equal_range(address.address);
    const auto other = std::find_if(first, last, [&](const auto& entry) {
      const Server& server = entry.second;
      const Service& its = services_[server.service];
      // Of two services with one_packet the later one is reported.
      if (server.service == number || (its.one_packet && server.service > number)) return false;
      return answers_from(its, server.address, port);
    });
    if (other == last) return;
    report(std::move(path),
           fmt::format("{} is a server of UDP service \"{}\" too; with one_packet in NAT mode its "
                       "replies would not show which service was used: let it listen on another "
                       "port for this one, or write mode = \"dr\"",
                       Endpoint(address.address, port).to_string(),
                       services_[other->second.service].name));
  }

  const std::vector<Service>& services_;
  std::vector<Problem>& problems_;
  std::unordered_multimap<Address, Server> by_address_;
};

}  // namespace

bool goes_by_connections(Scheduler scheduler) {
  switch (scheduler) {
    case Scheduler::kLc:
    case Scheduler::kWlc:
    case Scheduler::kSed:
    case Scheduler::kNq:
    case Scheduler::kOvf:
      return true;
    default:
      return false;
  }
}

void validate_one_packet(const Config& config, std::vector<Problem>& problems) {
  OnePacketValidator(config, problems).run();
}

}  // namespace lb::config
