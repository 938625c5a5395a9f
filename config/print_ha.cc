// The canonical form of [ha].
#include "config/printer.h"

namespace lb::config {
namespace {

void print_track(Printer& out, const HaTrack& track) {
  out.table("[[ha.instance.track]]");
  if (!track.interface.empty()) out.text("interface", track.interface);
  if (!track.service.empty()) out.text("service", track.service);
  if (!track.script.empty()) out.text("script", track.script);
  out.number("weight", track.weight);
}

void print_instance(Printer& out, const HaInstance& instance) {
  out.table("[[ha.instance]]");
  out.text("name", instance.name);
  out.text("port", instance.port);
  out.number("virtual_router_id", instance.virtual_router_id);
  out.number("priority", instance.priority);
  out.number("version", instance.version);
  out.duration("advert_interval", instance.advert_interval);
  out.boolean("preempt", instance.preempt);
  out.duration("preempt_delay", instance.preempt_delay);
  out.prefixes("addresses", instance.addresses);
  out.addresses("unicast_peers", instance.unicast_peers);
  if (instance.source) out.text("source", instance.source->to_string());
  if (!instance.auth_pass.empty()) out.text("auth_pass", instance.auth_pass);
  if (!instance.sync_group.empty()) out.text("sync_group", instance.sync_group);
  out.boolean("virtual_mac", instance.virtual_mac);
  for (const HaTrack& track : instance.tracks) print_track(out, track);
}

void print_script(Printer& out, const HaScript& script) {
  out.table("[[ha.script]]");
  out.text("name", script.name);
  out.texts("command", script.command);
  out.duration("interval", script.interval);
  out.duration("timeout", script.timeout);
  out.number("rise", script.rise);
  out.number("fall", script.fall);
  if (!script.user.empty()) out.text("user", script.user);
}

void print_sync(Printer& out, const HaSync& sync) {
  out.table("[ha.sync]");
  out.text("listen", sync.listen.to_string());
  out.text("peer", sync.peer.to_string());
  if (!sync.key_file.empty()) out.text("key_file", sync.key_file);
  if (!sync.certificate_file.empty()) out.text("certificate_file", sync.certificate_file);
  if (!sync.private_key_file.empty()) out.text("private_key_file", sync.private_key_file);
  if (!sync.ca_file.empty()) out.text("ca_file", sync.ca_file);
  out.number("sync_id", sync.sync_id);
  out.duration("heartbeat", sync.heartbeat);
  out.duration("gate_timeout", sync.gate_timeout);
}

}  // namespace

void print_ha(Printer& out, const Ha& ha) {
  out.table("[ha]");
  out.number("garp_count", ha.garp_count);
  out.duration("garp_interval", ha.garp_interval);
  out.duration("garp_refresh", ha.garp_refresh);
  out.texts("notify", ha.notify);
  if (!ha.notify_user.empty()) out.text("notify_user", ha.notify_user);
  for (const HaInstance& instance : ha.instances) print_instance(out, instance);
  for (const HaScript& script : ha.scripts) print_script(out, script);
  if (ha.sync) print_sync(out, *ha.sync);
}

}  // namespace lb::config
