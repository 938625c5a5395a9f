#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "config/import/keepalived_notify.h"
#include "config/import/keepalived_track.h"

namespace lb::importer::keepalived {
namespace {

// What belongs to an address of the kernel alone.
constexpr auto kKernelsWithArgument =
    std::to_array<std::string_view>({"label", "brd", "broadcast", "scope", "preferred_lft"});
constexpr auto kKernels = std::to_array<std::string_view>(
    {"home", "-nodad", "nodad", "mngtmpaddr", "noprefixroute", "autojoin"});

class Vrrp {
 public:
  Vrrp(Context& context, const Tree& tree, const Global& global)
      : context_(context),
        tree_(tree),
        global_(global),
        tracks_(context, global),
        notify_(context, global) {}

  void read() {
    tracks_.read_definitions(tree_);
    for (const Statement& each : tree_.statements) {
      if (each.name() == "vrrp_sync_group") find_members(each);
    }
    for (const Statement& each : tree_.statements) {
      if (each.name() == "vrrp_instance") read_instance(each);
    }
    for (const Statement& each : tree_.statements) {
      if (each.name() == "vrrp_sync_group") read_group(each);
    }
    notify_.write();
  }

 private:
  using Members = std::vector<Table*>;
  // Addresses by the port that they are on.
  using Addresses = std::map<std::string, std::vector<std::string>>;

  void read_instance(const Statement& block) {
    const std::string name = block.argument();
    Table& instance = context_.draft.add_instance(block.place);
    if (!instances_.emplace(name, Members{&instance}).second) {
      context_.note(Severity::kError, block.place, "vrrp_instance", name,
                    "there is one of this name already");
    }
    instance.text("name", name);
    std::string interface = global_.default_interface;
    if (const Statement* const named = find(block, "interface")) interface = named->argument();
    const std::string port = context_.port(interface, block.place);
    instance.text("port", port);
    int version = global_.vrrp_version;
    for (const Statement& each : block.block) {
      context_.keyword("vrrp_instance", each.name(), each.place);
      if (each.name() == "version") version = each.argument() == "3" ? 3 : 2;
    }
    if (version == 2) {
      instance.number("version", 2)
          .comment_on("version", "keepalived's default; 3 once both directors are here");
    }
    Addresses addresses;
    for (const Statement& each : block.block) {
      if (each.name() == "virtual_ipaddress" || each.name() == "virtual_ipaddress_excluded") {
        for (const Statement& address : each.block) add_address(port, address, addresses);
      } else {
        instance_keyword(instance, block, each, version);
      }
    }
    preemption(instance, block);
    notify_.read_instance(block);
    if (addresses.empty()) {
      context_.note(Severity::kError, block.place, "vrrp_instance", name, "it has no address");
    }
    instance.texts("addresses", addresses[move_to_addresses(instance, addresses)]);
    addresses.erase(instance.text_of("port"));
    const auto group = groups_.find(name);
    tracks_.read_instance(instance, block, group != groups_.end() ? group->second : nullptr);
    for (const auto& [other, of_other] : addresses) add_instance(instance, other, of_other);
  }

  // The port of the instance: one that has addresses, else another one that has.
  std::string move_to_addresses(Table& instance, Addresses& addresses) {
    const std::string port = instance.text_of("port");
    if (addresses.empty() || addresses.contains(port)) return port;
    const std::string& other = addresses.begin()->first;
    instance.text("port", other);
    instance.remove("source");
    context_.note(Severity::kWarning, instance.place(), "interface",
                  "all addresses are on another interface",
                  fmt::format("the instance is on {}, where its addresses are", other));
    ask_for_peers(instance);
    return other;
  }

  static void ask_for_peers(Table& instance) {
    if (instance.value("unicast_peers").empty()) return;
    instance.fill_in_list("unicast_peers",
                          "the other director's address on " + instance.text_of("port"));
  }

  // Of the addresses that are on another port than their instance there.
  void add_instance(Table& first, const std::string& port,
                    const std::vector<std::string>& addresses) {
    const std::string name = first.text_of("name");
    Table& instance = context_.draft.add_instance(first.place());
    instances_[name].push_back(&instance);
    instance.text("name", name + '-' + port).text("port", port);
    instance.copy_keys(first, {"source"});
    for (const Table& track : first.tables()) {
      Table& copy = instance.add("track", track.place());
      copy.copy_keys(track, {});
    }
    instance.texts("addresses", addresses);
    if (first.value("sync_group").empty()) first.text("sync_group", name);
    instance.text("sync_group", first.text_of("sync_group"));
    context_.note(Severity::kWarning, first.place(), "virtual_ipaddress",
                  fmt::format("{} has addresses on another interface, without adverts there", name),
                  fmt::format("an instance of its own for them, {}-{}, in the same sync_group: its "
                              "virtual_router_id must be free on that network",
                              name, port));
    ask_for_peers(instance);
  }

  void preemption(Table& instance, const Statement& block) {
    const Statement* const never = find(block, "nopreempt");
    const Statement* const delay = find(block, "preempt_delay");
    const Statement* const state = find(block, "state");
    const bool ignored = state != nullptr && state->argument() == "MASTER";
    for (const Statement* const each : {never, delay}) {
      if (each == nullptr || !ignored) continue;
      context_.note(Severity::kWarning, each->place, each->name(),
                    "ignored there with state MASTER: it needs state BACKUP on both",
                    "left out, so that it preempts as it does there");
    }
    if (ignored) return;
    if (never != nullptr) {
      instance.boolean("preempt", false, never->place);
      if (delay != nullptr) {
        context_.note(Severity::kInfo, delay->place, "preempt_delay", "with nopreempt",
                      "it never preempts, so that there is nothing to delay; left out");
      }
    } else if (delay != nullptr) {
      set_seconds(context_, instance, "preempt_delay", *delay);
    }
  }

  void instance_keyword(Table& instance, const Statement& block, const Statement& each,
                        int version) {
    const std::string& name = each.name();
    if (name == "virtual_router_id" || name == "priority") {
      set_number(context_, instance, name, each);
    } else if (name == "advert_int") {
      if (each.argument() != "1") set_seconds(context_, instance, "advert_interval", each);
    } else if (name == "authentication") {
      authentication(instance, block, each, version);
    } else if (name == "mcast_src_ip" || name == "unicast_src_ip") {
      if (const auto source = address(context_, each.argument(), each)) {
        instance.text("source", source->to_string(), each.place);
      }
    } else if (name == "unicast_peer") {
      std::vector<std::string> peers;
      for (const Statement& peer : each.block) {
        if (address(context_, peer.name(), peer)) peers.push_back(peer.name());
      }
      instance.texts("unicast_peers", peers, each.place);
    } else if (name == "use_vmac") {
      instance.boolean("virtual_mac", true, each.place);
    } else if (name == "lvs_sync_daemon_interface" &&
               context_.draft.ha().table("sync").keys().empty()) {
      Table& sync = context_.draft.ha().table("sync", each.place);
      sync.fill_in("listen",
                   fmt::format("this director's address on {} and a port, as 10.255.0.1:7000",
                               each.argument()));
      sync.fill_in("peer", "the other one's, as 10.255.0.2:7000");
      sync.fill_in("key_file",
                   "a file with a key that both have (umask 077; openssl rand -hex 32 > FILE)");
    } else if (name == "state" && each.argument() != "MASTER" && each.argument() != "BACKUP") {
      context_.note(Severity::kError, each.place, "state", each.argument(),
                    "it is MASTER or BACKUP");
    }
  }

  void authentication(Table& instance, const Statement& instance_block, const Statement& block,
                      int version) {
    const Statement* const type = find(block, "auth_type");
    const Statement* const pass = find(block, "auth_pass");
    for (const Statement& each : block.block) {
      if (each.name() != "auth_type" && each.name() != "auth_pass") {
        context_.note(Severity::kError, each.place, each.name(), "no such keyword there",
                      "left out");
      }
    }
    if (pass == nullptr) return;
    const std::string kind = type != nullptr ? type->argument() : std::string();
    const bool strict = global_.strict || find(instance_block, "strict_mode") != nullptr;
    if (pass->argument().empty()) {
      context_.note(Severity::kError, pass->place, "auth_pass", {}, "it has no password; left out");
    } else if (version == 3 || strict) {
      context_.note(Severity::kWarning, block.place, "authentication",
                    strict ? "ignored with vrrp_strict" : "ignored with version 3", "no password");
    } else if (kind == "AH") {
      context_.note(Severity::kError, type->place, "auth_type", "AH",
                    "not supported: use PASS on both, or none");
    } else if (kind != "PASS") {
      context_.note(Severity::kError, block.place, "authentication",
                    kind.empty() ? "ignored without auth_type" : "ignored with auth_type " + kind,
                    "no password, as there; auth_type is PASS or AH");
    } else {
      // It uses 8 bytes and ignores the rest.
      instance.text("auth_pass", pass->argument().substr(0, 8), pass->place);
    }
  }

  void add_address(const std::string& own_port, const Statement& from, Addresses& addresses) {
    const std::size_t slash = from.name().find('/');
    const auto parsed = address(context_, from.name().substr(0, slash), from);
    if (!parsed) return;
    std::int64_t length = 32;
    if (slash != std::string::npos) {
      const auto given = number(from.name().substr(slash + 1));
      if (!given || *given < 0 || *given > 32) {
        context_.note(Severity::kError, from.place, from.name(), {},
                      "the length of the subnet is from 0 to 32; left out");
        return;
      }
      length = *given;
    }
    std::string port = own_port;
    std::string kernels;
    for (std::size_t i = 1; i < from.words.size(); ++i) {
      const bool has_argument = i + 1 < from.words.size();
      if (from.words[i] == "dev" && has_argument) {
        port = context_.port(from.words[++i], from.place);
      } else if (is_one_of(kKernelsWithArgument, from.words[i]) && has_argument) {
        kernels += fmt::format(" {} {}", from.words[i], from.words[i + 1]);
        ++i;
      } else if (from.words[i] == "peer" && has_argument) {
        context_.note(Severity::kError, from.place, from.name(), "peer " + from.words[++i],
                      "point-to-point addresses are not here; left out");
        return;
      } else if (is_one_of(kKernels, from.words[i])) {
        kernels += ' ' + from.words[i];
      } else {
        context_.note(Severity::kError, from.place, from.name(), from.words[i],
                      "no keyword of an address; what is behind the address is left out, the "
                      "address is not");
      }
    }
    if (!kernels.empty()) {
      context_.note(Severity::kInfo, from.place, from.name(), kernels.substr(1),
                    "not needed: the control plane manages its addresses by itself");
    }
    addresses[port].push_back(fmt::format("{}/{}", parsed->to_string(), length));
  }

  // The names in a group, with their places.
  static std::vector<std::pair<std::string, Place>> members_of(const Statement& block) {
    std::vector<std::pair<std::string, Place>> members;
    for (const Statement& each : block.block) {
      if (each.name() != "group") continue;
      for (std::size_t i = 1; i < each.words.size(); ++i)
        members.emplace_back(each.words[i], each.place);
      for (const Statement& member : each.block) {
        for (const std::string& word : member.words) members.emplace_back(word, member.place);
      }
    }
    return members;
  }

  void find_members(const Statement& block) {
    const auto members = members_of(block);
    for (const auto& [name, place] : members) {
      if (members.size() > 1) groups_.emplace(name, &block);
    }
  }

  void read_group(const Statement& block) {
    for (const Statement& each : block.block)
      context_.keyword("vrrp_sync_group", each.name(), each.place);
    const auto members = members_of(block);
    Members tables;
    for (const auto& [name, place] : members) {
      const auto at = instances_.find(name);
      if (at == instances_.end()) {
        context_.note(Severity::kError, place, "group", name,
                      "there is no vrrp_instance of this name; left out");
        continue;
      }
      for (Table* const instance : at->second) {
        if (members.size() > 1) instance->text("sync_group", block.argument(), place);
        tables.push_back(instance);
      }
    }
    tracks_.read_group(tables, block);
    notify_.read_group(block, tables.empty() ? std::string() : tables.front()->text_of("name"));
  }

  Context& context_;
  const Tree& tree_;
  const Global& global_;
  Tracks tracks_;
  Notify notify_;
  std::unordered_map<std::string, Members> instances_;        // by their names there
  std::unordered_map<std::string, const Statement*> groups_;  // by their members
};

}  // namespace

void read_vrrp(Context& context, const Tree& tree, const Global& global) {
  Vrrp(context, tree, global).read();
}

}  // namespace lb::importer::keepalived
