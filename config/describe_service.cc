// [[service]] with the tables in it.
#include <fmt/format.h>

#include "config/describe.h"
#include "config/forms.h"
#include "config/prefix_list.h"

namespace lb::config {
namespace {

using std::chrono::hours;
using enum Presence;

constexpr std::uint32_t kMaxQuorum = 1'000'000'000;
constexpr std::uint8_t kMaxTos = 252;
constexpr std::uint32_t kMaxNewPerSecond = 10'000'000;

// A UDP port does not answer a TCP check, and only its owner knows what else would.
Check default_check(const Service& service) {
  Check check;
  if (service.protocol == Protocol::kUdp) check.type = CheckType::kNone;
  return check;
}

void describe(Visitor& v, RealServer& server, const Service& service) {
  v.value("address", server.address, kPortOptionalForm, "\"10.0.0.11:80\"", kRequired);
  v.number("weight", server.weight, 0, kMaxWeight);
  v.number("max_connections", server.max_connections, 0, kMaxConnections, kIfSet);
  const std::uint32_t max = server.max_connections;
  if (v.reading()) server.resume_connections = default_resume_connections(max);
  v.only_if(
      "max_connections", max != 0, [] { return "without max_connections; give both"; },
      [&] {
        v.number("resume_connections", server.resume_connections, 0,
                 max == 0 ? kMaxConnections - 1 : max - 1);
      });
  v.value("mac", server.mac, kMacForm, "\"02:00:00:00:00:11\"");
  v.table("check", server.check, default_check(service),
          [](Visitor& table, Check& check) { lb::config::describe(table, check); });
}

const ListForm<EndpointRange> kRangesForm = {
    "addresses with ports", "[\"192.0.2.10:80\"]",
    [](const std::string& text) { return EndpointRange::parse(text); },
    [](const EndpointRange& range) { return range.to_string(); }};

const Form<EndpointRange> kSingleForm = {
    "address and port",
    [](const std::string& text) {
      return Endpoint::parse(text).map([](const Endpoint& single) {
        return EndpointRange(single.address, single.port, single.port);
      });
    },
    [](const EndpointRange& range) { return range.to_string(); }};

// Exactly one of the two keys: `address` for a single one.
void describe_addresses(Visitor& v, std::vector<EndpointRange>& addresses) {
  const bool single = addresses.size() == 1 && addresses[0].is_single();
  v.printed_if(!single).list("addresses", addresses, kRangesForm, kDefaulted);
  const bool is_list = v.given("addresses") || (!v.given("address") && v.spoiled("addresses"));
  if (!is_list) {
    v.printed_if(single).value("address", addresses.front(), kSingleForm, "\"192.0.2.10:80\"",
                               kRequired);
    return;
  }
  v.refuse("address", "a service has address or addresses; put this one into the list");
  if (!addresses.empty()) return;
  v.refuse("addresses", "addresses is empty; write [\"192.0.2.10:80\"]");
  addresses = Service{}.addresses;
}

const ListForm<Prefix> kClientsForm = {
    "prefixes", "[\"198.51.100.0/24\"]",
    [](const std::string& text) { return parse_client_prefix(text); },
    [](const Prefix& prefix) { return prefix.to_string(); }};

void describe(Visitor& v, Access& access) {
  v.list("allow", access.allow, kClientsForm, kIfSet);
  if (v.given("allow") && access.allow.empty()) {
    v.refuse("allow",
             "allow is empty, which denies everyone; name who may connect, or "
             "leave it out");
  }
  v.value("allow_file", access.allow_file, kAbsolutePathForm, "\"/etc/ballast/allow.txt\"", kIfSet);
  v.list("deny", access.deny, kClientsForm, kIfSet);
  v.value("deny_file", access.deny_file, kAbsolutePathForm, "\"/etc/ballast/deny.txt\"", kIfSet);
}

// Most services have the plain quorum: one server.
void describe_quorum(Visitor& v, Service& service) {
  v.printed_if(service.quorum != 1).number("quorum", service.quorum, 1, kMaxQuorum);
  v.number("quorum_hysteresis", service.quorum_hysteresis, 0, kMaxQuorum, kIfSet);
  v.texts("quorum_up", service.quorum_up, "[\"/etc/ballast/quorum.sh\", \"up\"]", kIfSet);
  v.texts("quorum_down", service.quorum_down, "[\"/etc/ballast/quorum.sh\", \"down\"]", kIfSet);
  v.text("quorum_user", service.quorum_user, kIfSet);
  v.printed_if(service.quorum_on != QuorumOn::kAll).choice("quorum_on", service.quorum_on);
  v.value("sorry_page", service.sorry_page, kAbsolutePathForm, "\"/etc/ballast/sorry.html\"",
          kIfSet);
}

void describe(Visitor& v, SorryServer& server) {
  v.value("address", server.address, kPortOptionalForm, "\"10.0.0.99:80\"", kRequired);
  v.choice("mode", server.mode);
}

void describe(Visitor& v, ConnLimits& limits) {
  v.number("new_per_second", limits.new_per_second, 0, kMaxNewPerSecond);
  v.number("new_per_second_per_client", limits.new_per_second_per_client, 0, kMaxNewPerSecond);
  v.number("client_prefix", limits.client_prefix, 1, 32);
  v.duration("burst", limits.burst, Milliseconds(100), hours(1));
}

void describe_tables(Visitor& v, Service& service, const ConnTimeouts& common) {
  const auto section = [](Visitor& table, auto& value) { lb::config::describe(table, value); };
  SorryServer sorry;
  sorry.mode = service.mode;
  v.table("sorry_server", service.sorry_server, sorry,
          [](Visitor& table, SorryServer& server) { describe(table, server); });
  v.table(
      "limits", service.limits, [](Visitor& table, ConnLimits& limits) { describe(table, limits); },
      kIfSet);
  const auto protocol =
      v.spoiled("protocol") ? std::nullopt : std::optional<Protocol>(service.protocol);
  v.table("timeouts", service.timeouts, common, [&](Visitor& table, ConnTimeouts& timeouts) {
    lb::config::describe(table, timeouts, protocol);
  });
  if (v.reading()) service.check = default_check(service);
  v.table("check", service.check, section);
  v.table("agent", service.agent, AgentCheck{}, section);
  v.tables("real_server", service.real_servers,
           [&](Visitor& table, RealServer& server) { describe(table, server, service); });
}

// What the two need: validate_syn_proxy.cc.
void describe_syn_proxy(Visitor& v, Service& service) {
  const bool is_on = service.syn_proxy != SynProxyMode::kOff;
  v.printed_if(is_on).choice("syn_proxy", service.syn_proxy);
  v.only_if(
      "syn_proxy", service.syn_proxy == SynProxyMode::kAdaptive,
      [] { return "without syn_proxy = \"adaptive\"; remove it, or write that"; },
      [&] { v.number("syn_proxy_threshold", service.syn_proxy_threshold, 1, kMaxConnections); });
}

void describe_tos(Visitor& v, std::optional<std::uint8_t>& tos) {
  v.number("tos", tos, 0, kMaxTos);
  if (v.reading() && tos && *tos % 4 != 0) {
    v.refuse("tos", fmt::format("tos = {} sets ECN bits, which belong to the two ends of a "
                                "connection; write a multiple of 4, as {} for DSCP {}",
                                *tos, *tos & ~3, *tos >> 2));
  }
}

void describe(Visitor& v, Service& service, const ConnTimeouts& common) {
  v.text("name", service.name, kRequired);
  describe_addresses(v, service.addresses);
  v.choice("protocol", service.protocol);
  v.choice("mode", service.mode);
  v.choice("scheduler", service.scheduler);
  v.choice("on_server_down", service.on_server_down);
  v.text("port", service.port, kIfSet);
  v.boolean("sync", service.sync, kDefaulted);
  v.boolean("one_packet", service.one_packet, kIfSet);
  v.number("table_share", service.table_share, 0, kMaxTableShare);
  describe_tos(v, service.tos);
  describe_syn_proxy(v, service);
  v.duration("persistence", service.persistence, Milliseconds(0), hours(7 * 24), kIfSet);
  v.only_if(
      "persistence", service.persistence.count() != 0,
      [] { return "without persistence; remove it, or add persistence = \"5m\""; },
      [&] {
        v.number("persistence_prefix", service.persistence_prefix, 1, 32);
        v.text("group", service.group, kIfSet);
      });
  describe(v, service.access);
  v.duration("slow_start", service.slow_start, Milliseconds(0), hours(1), kIfSet);
  describe_quorum(v, service);
  describe_tables(v, service, common);
}

}  // namespace

void describe_services(Visitor& file, std::vector<Service>& services, const ConnTimeouts& common) {
  file.tables("service", services,
              [&](Visitor& table, Service& service) { describe(table, service, common); });
}

}  // namespace lb::config
