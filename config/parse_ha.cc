#include "config/parse_ha.h"

#include <algorithm>
#include <optional>

namespace lb::config {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

constexpr std::uint32_t kMaxSyncId = 65'535;
constexpr std::int32_t kMaxTrackWeight = 253;
constexpr Milliseconds kMaxAdvertVersion3{40'950};  // 12 bits of hundredths of a second
constexpr Milliseconds kMaxAdvertVersion2{255'000};
constexpr std::size_t kMaxAuthBytes = 8;

Result<std::optional<Ipv4Address>> parse_source(std::string_view text) {
  const auto address = Ipv4Address::parse(text);
  if (!address) return fail(address.error().message);
  return std::optional(*address);
}

// Empty, or what keepalived takes too.
Result<std::string> parse_auth_pass(const std::string& text) {
  const bool printable =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
  if (printable && text.size() <= kMaxAuthBytes) return text;
  return fail(fmt::format(
      "a password has {} characters at most, letters, digits and signs of ASCII", kMaxAuthBytes));
}

HaTrack parse_track(ReadReport& report, const Node& node, const std::string& path) {
  HaTrack track;
  TableReader reader(report, node, path);
  track.where = Origin{reader.where()};
  reader.text("interface", track.interface);
  reader.text("service", track.service);
  reader.text("script", track.script);
  reader.number("weight", track.weight, -kMaxTrackWeight, kMaxTrackWeight);
  reader.finish();
  return track;
}

HaInstance parse_instance(ReadReport& report, const Node& node, const std::string& path) {
  HaInstance instance;
  TableReader reader(report, node, path);
  instance.where = Origin{reader.where()};
  reader.text("name", instance.name, Need::kRequired);
  reader.text("port", instance.port, Need::kRequired);
  reader.number<std::uint8_t>("virtual_router_id", instance.virtual_router_id, 1, 255,
                              Need::kRequired);
  reader.number<std::uint8_t>("priority", instance.priority, 1, kOwnerPriority);
  reader.number<std::uint8_t>("version", instance.version, 2, 3);
  reader.duration("advert_interval", instance.advert_interval, Milliseconds(10),
                  instance.version == 2 ? kMaxAdvertVersion2 : kMaxAdvertVersion3);
  reader.boolean("preempt", instance.preempt);
  reader.duration("preempt_delay", instance.preempt_delay, Milliseconds(0), hours(1));
  reader.prefixes("addresses", instance.addresses);
  reader.addresses("unicast_peers", instance.unicast_peers);
  reader.parsed("source", instance.source, parse_source, "\"192.0.2.2\"", Need::kOptional);
  reader.parsed("auth_pass", instance.auth_pass, parse_auth_pass, "\"...\"", Need::kOptional);
  reader.text("sync_group", instance.sync_group);
  reader.boolean("virtual_mac", instance.virtual_mac);
  for (const Node& track : reader.tables("track", "ha.instance.track")) {
    instance.tracks.push_back(
        parse_track(report, track, reader.path_of("track", instance.tracks.size())));
  }
  reader.finish();
  return instance;
}

HaScript parse_script(ReadReport& report, const Node& node, const std::string& path) {
  HaScript script;
  TableReader reader(report, node, path);
  script.where = Origin{reader.where()};
  reader.text("name", script.name, Need::kRequired);
  reader.texts("command", script.command, "[\"killall\", \"-0\", \"haproxy\"]", Need::kRequired);
  reader.duration("interval", script.interval, Milliseconds(100), hours(1));
  reader.duration("timeout", script.timeout, Milliseconds(10), hours(1));
  reader.number("rise", script.rise, 1u, 1000u);
  reader.number("fall", script.fall, 1u, 1000u);
  reader.text("user", script.user);
  reader.finish();
  return script;
}

HaSync parse_sync(ReadReport& report, const Node& node, const std::string& path) {
  HaSync sync;
  TableReader reader(report, node, path);
  sync.where = Origin{reader.where()};
  reader.parsed("listen", sync.listen, Ipv4Endpoint::parse, "\"10.255.0.1:7000\"", Need::kRequired);
  reader.parsed("peer", sync.peer, Ipv4Endpoint::parse, "\"10.255.0.2:7000\"", Need::kRequired);
  reader.absolute_path("key_file", sync.key_file, "\"/etc/ballast/sync.key\"");
  reader.absolute_path("certificate_file", sync.certificate_file, "\"/etc/ballast/sync.pem\"");
  reader.absolute_path("private_key_file", sync.private_key_file, "\"/etc/ballast/sync-key.pem\"");
  reader.absolute_path("ca_file", sync.ca_file, "\"/etc/ballast/sync-ca.pem\"");
  reader.number("sync_id", sync.sync_id, 0u, kMaxSyncId);
  reader.duration("heartbeat", sync.heartbeat, Milliseconds(20), seconds(10));
  reader.duration("gate_timeout", sync.gate_timeout, seconds(1), hours(1));
  reader.finish();
  return sync;
}

}  // namespace

void parse_ha(ReadReport& report, const Node& node, Ha& ha) {
  TableReader reader(report, node, "ha");
  reader.number("garp_count", ha.garp_count, 1u, 10u);
  reader.duration("garp_interval", ha.garp_interval, Milliseconds(10), seconds(10));
  reader.duration("garp_refresh", ha.garp_refresh, Milliseconds(0), hours(24));
  reader.texts("notify", ha.notify, "[\"/etc/ballast/notify.sh\"]");
  reader.text("notify_user", ha.notify_user);
  for (const Node& instance : reader.tables("instance", "ha.instance")) {
    ha.instances.push_back(
        parse_instance(report, instance, reader.path_of("instance", ha.instances.size())));
  }
  for (const Node& script : reader.tables("script", "ha.script")) {
    ha.scripts.push_back(parse_script(report, script, reader.path_of("script", ha.scripts.size())));
  }
  if (const Node* const sync = reader.table("sync", "ha.sync")) {
    ha.sync = parse_sync(report, *sync, reader.path_of("sync"));
  }
  reader.finish();
}

}  // namespace lb::config
