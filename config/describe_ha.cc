// [ha] with the tables in it.
#include <fmt/format.h>

#include <algorithm>

#include "config/describe.h"
#include "config/forms.h"

namespace lb::config {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using enum Presence;

constexpr std::uint32_t kMaxSyncId = 65'535;
constexpr std::int32_t kMaxTrackWeight = 253;
constexpr Milliseconds kMaxAdvertVersion3{40'950};  // 12 bits of hundredths of a second
constexpr Milliseconds kMaxAdvertVersion2{255'000};
constexpr std::size_t kMaxAuthBytes = 8;

// Empty, or what keepalived accepts too.
const Form<std::string> kPasswordForm = {
    "text",
    [](const std::string& text) -> Result<std::string> {
      const bool printable =
          std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c < '\x7f'; });
      if (printable && text.size() <= kMaxAuthBytes) return text;
      return fail(
          fmt::format("a password has {} characters at most, printable ASCII", kMaxAuthBytes));
    },
    kAnyTextForm.print};

void describe(Visitor& v, HaTrack& track) {
  v.text("interface", track.interface, kIfSet);
  v.text("service", track.service, kIfSet);
  v.text("script", track.script, kIfSet);
  v.number("weight", track.weight, -kMaxTrackWeight, kMaxTrackWeight);
}

void describe(Visitor& v, HaInstance& instance) {
  v.text("name", instance.name, kRequired);
  v.text("port", instance.port, kRequired);
  v.number("virtual_router_id", instance.virtual_router_id, 1, 255, kRequired);
  v.number("priority", instance.priority, 1, kOwnerPriority);
  v.number("version", instance.version, 2, 3);
  v.duration("advert_interval", instance.advert_interval, Milliseconds(10),
             instance.version == 2 ? kMaxAdvertVersion2 : kMaxAdvertVersion3);
  v.duration("warn_after", instance.warn_after, Milliseconds(0), minutes(15), kIfSet);
  v.boolean("preempt", instance.preempt, kDefaulted);
  v.duration("preempt_delay", instance.preempt_delay, Milliseconds(0), hours(1));
  v.list("addresses", instance.addresses, kPrefixesForm, kDefaulted);
  v.list("unicast_peers", instance.unicast_peers, kAddressesForm, kDefaulted);
  v.list("peers", instance.peers, kAddressesForm, kDefaulted);
  v.boolean("accept_unknown_routers", instance.accept_unknown_routers, kDefaulted);
  v.value("source", instance.source, kAddressForm, "\"192.0.2.2\"");
  v.secret().value("auth_pass", instance.auth_pass, kPasswordForm, "\"...\"", kIfSet);
  v.text("sync_group", instance.sync_group, kIfSet);
  v.boolean("virtual_mac", instance.virtual_mac, kDefaulted);
  v.tables("track", instance.tracks,
           [](Visitor& table, HaTrack& track) { describe(table, track); });
}

void describe(Visitor& v, HaScript& script) {
  v.text("name", script.name, kRequired);
  v.texts("command", script.command, "[\"killall\", \"-0\", \"haproxy\"]", kRequired);
  v.duration("interval", script.interval, Milliseconds(100), hours(1));
  v.duration("timeout", script.timeout, Milliseconds(10), hours(1));
  v.number("rise", script.rise, 1, 1000);
  v.number("fall", script.fall, 1, 1000);
  v.text("user", script.user, kIfSet);
}

void describe(Visitor& v, HaResource& resource) {
  v.text("name", resource.name, kRequired);
  v.text("instance", resource.instance, kRequired);
  v.text("unit", resource.unit, kIfSet);
  v.texts("start", resource.start, "[\"/etc/ballast/proxy\", \"start\"]", kIfSet);
  v.texts("stop", resource.stop, "[\"/etc/ballast/proxy\", \"stop\"]", kIfSet);
  v.texts("monitor", resource.monitor, "[\"/etc/ballast/proxy\", \"status\"]", kIfSet);
  v.text("user", resource.user, kIfSet);
  v.duration("monitor_interval", resource.monitor_interval, Milliseconds(100), hours(1));
  v.duration("monitor_timeout", resource.monitor_timeout, Milliseconds(10), hours(1));
  v.duration("start_timeout", resource.start_timeout, Milliseconds(10), hours(1));
  v.duration("stop_timeout", resource.stop_timeout, Milliseconds(10), minutes(10));
  v.number("restart_limit", resource.restart_limit, 0, 1000);
  v.duration("restart_window", resource.restart_window, seconds(1), hours(24));
  v.choice("on_failure", resource.on_failure);
  v.duration("failure_timeout", resource.failure_timeout, Milliseconds(0), hours(24));
  v.choice("peer_confirmation", resource.peer_confirmation);
}

void describe(Visitor& v, HaSync& sync) {
  v.value("listen", sync.listen, kEndpointForm, "\"10.255.0.1:7000\"", kRequired);
  v.value("peer", sync.peer, kEndpointForm, "\"10.255.0.2:7000\"", kRequired);
  v.value("key_file", sync.key_file, kAbsolutePathForm, "\"/etc/ballast/sync.key\"", kIfSet);
  v.value("certificate_file", sync.certificate_file, kAbsolutePathForm, "\"/etc/ballast/sync.pem\"",
          kIfSet);
  v.value("private_key_file", sync.private_key_file, kAbsolutePathForm,
          "\"/etc/ballast/sync-key.pem\"", kIfSet);
  v.value("ca_file", sync.ca_file, kAbsolutePathForm, "\"/etc/ballast/sync-ca.pem\"", kIfSet);
  v.number("sync_id", sync.sync_id, 0, kMaxSyncId);
  v.duration("heartbeat", sync.heartbeat, Milliseconds(20), seconds(10));
  v.duration("warn_after", sync.warn_after, Milliseconds(0), minutes(15), kIfSet);
  v.duration("gate_timeout", sync.gate_timeout, seconds(1), hours(1));
}

}  // namespace

void describe(Visitor& v, Ha& ha) {
  v.number("garp_count", ha.garp_count, 1, 10);
  v.duration("garp_interval", ha.garp_interval, Milliseconds(10), seconds(10));
  v.duration("garp_refresh", ha.garp_refresh, Milliseconds(0), hours(24));
  v.texts("notify", ha.notify, "[\"/etc/ballast/notify.sh\"]", kDefaulted);
  v.text("notify_user", ha.notify_user, kIfSet);
  v.tables("instance", ha.instances,
           [](Visitor& table, HaInstance& instance) { describe(table, instance); });
  v.tables("script", ha.scripts, [](Visitor& table, HaScript& script) { describe(table, script); });
  v.tables("resource", ha.resources,
           [](Visitor& table, HaResource& resource) { describe(table, resource); });
  v.table("sync", ha.sync, HaSync{}, [](Visitor& table, HaSync& sync) { describe(table, sync); });
}

}  // namespace lb::config
