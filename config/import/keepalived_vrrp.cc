#include <fmt/format.h>

#include <algorithm>

#include "config/import/keepalived.h"

namespace lb::importer::keepalived {
namespace {

constexpr int kMostWeight = 253;

class Vrrp {
 public:
  Vrrp(Context& context, const Tree& tree, const Global& global)
      : context_(context), tree_(tree), global_(global) {}

  void read() {
    for (const Statement& each : tree_.statements) {
      if (each.name() == "vrrp_script") read_script(each);
    }
    for (const Statement& each : tree_.statements) {
      if (each.name() == "vrrp_instance") read_instance(each);
    }
    for (const Statement& each : tree_.statements) {
      if (each.name() == "vrrp_sync_group") read_group(each);
    }
  }

 private:
  void read_script(const Statement& block) {
    Table& script = context_.draft.ha().add("script", block.place);
    script.text("name", block.argument());
    const Statement* interval = nullptr;
    const Statement* timeout = nullptr;
    std::string user = global_.script_user;
    for (const Statement& each : block.block) {
      context_.keyword("vrrp_script", each.name(), each.place);
      if (each.name() == "script") {
        script.texts("command", command_words(each.arguments()), each.place);
      } else if (each.name() == "interval") {
        interval = &each;
      } else if (each.name() == "timeout") {
        timeout = &each;
      } else if (each.name() == "rise" || each.name() == "fall") {
        if (each.argument() != "1") set_number(context_, script, each.name(), each);
      } else if (each.name() == "user") {
        user = each.argument();
      } else if (each.name() == "weight") {
        if (const auto weight = number(each.argument()))
          script_weights_[block.argument()] = *weight;
      }
    }
    // The defaults there: every second, and as long as the interval.
    const auto every = interval != nullptr ? seconds(interval->argument()) : std::nullopt;
    script.duration("interval", every.value_or(config::Milliseconds(1000)),
                    interval != nullptr ? interval->place : block.place);
    if (timeout != nullptr) {
      set_seconds(context_, script, "timeout", *timeout);
    } else {
      script.duration("timeout", every.value_or(config::Milliseconds(1000)));
    }
    if (!user.empty()) script.text("user", user);
    scripts_.push_back(block.argument());
  }

  void read_instance(const Statement& block) {
    Table& instance = context_.draft.add_instance(block.place);
    instances_.emplace_back(block.argument(), &instance);
    instance.text("name", block.argument());
    std::string interface = global_.default_interface;
    if (const Statement* const named = find(block, "interface")) interface = named->argument();
    instance.text("port", context_.port(interface, block.place));
    int version = global_.vrrp_version;
    for (const Statement& each : block.block) {
      context_.keyword("vrrp_instance", each.name(), each.place);
      if (each.name() == "version") version = each.argument() == "3" ? 3 : 2;
    }
    if (version == 2) {
      instance.number("version", 2)
          .comment_on("version", "keepalived's default; 3 once both directors are here");
    }
    std::vector<std::string> addresses;
    for (const Statement& each : block.block) instance_keyword(instance, each, version, addresses);
    if (addresses.empty()) {
      context_.note(Severity::kError, block.place, "vrrp_instance", block.argument(),
                    "it has no address");
    }
    instance.texts("addresses", addresses);
  }

  void instance_keyword(Table& instance, const Statement& each, int version,
                        std::vector<std::string>& addresses) {
    const std::string& name = each.name();
    if (name == "virtual_router_id" || name == "priority") {
      set_number(context_, instance, name, each);
    } else if (name == "advert_int") {
      if (each.argument() != "1") set_seconds(context_, instance, "advert_interval", each);
    } else if (name == "authentication") {
      authentication(instance, each, version);
    } else if (name == "virtual_ipaddress" || name == "virtual_ipaddress_excluded") {
      for (const Statement& address : each.block) add_address(instance, address, addresses);
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
    } else if (name == "nopreempt") {
      instance.boolean("preempt", false, each.place);
    } else if (name == "preempt_delay") {
      set_seconds(context_, instance, "preempt_delay", each);
    } else if (name == "use_vmac") {
      instance.boolean("virtual_mac", true, each.place);
    } else if (name == "notify") {
      notify(each);
    } else if (name == "track_interface" || name == "track_script") {
      tracks(instance, each);
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

  void notify(const Statement& from) {
    Table& ha = context_.draft.ha();
    const std::string before(ha.value("notify"));
    ha.texts("notify", command_words(from.argument()), from.place);
    if (!before.empty() && before != ha.value("notify")) {
      context_.note(Severity::kError, from.place, "notify", from.argument(),
                    "there is one program for all instances: this one replaces " + before);
    }
    const std::string user = from.words.size() > 2 ? from.words[2] : global_.script_user;
    if (!user.empty()) ha.text("notify_user", user);
  }

  void authentication(Table& instance, const Statement& block, int version) {
    const Statement* const type = find(block, "auth_type");
    const Statement* const pass = find(block, "auth_pass");
    for (const Statement& each : block.block) {
      if (each.name() != "auth_type" && each.name() != "auth_pass") {
        context_.note(Severity::kError, each.place, each.name(), "no such keyword there",
                      "left out");
      }
    }
    if (pass == nullptr) return;
    if (version == 3) {
      context_.note(Severity::kWarning, block.place, "authentication", "ignored with version 3",
                    "no password");
    } else if (type != nullptr && type->argument() == "AH") {
      context_.note(Severity::kError, type->place, "auth_type", "AH",
                    "not supported: use PASS on both, or none");
    } else {
      // It uses 8 bytes and ignores the rest.
      instance.text("auth_pass", pass->argument().substr(0, 8), pass->place);
    }
  }

  void add_address(Table& instance, const Statement& from, std::vector<std::string>& addresses) {
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
    for (std::size_t i = 1; i + 1 < from.words.size(); ++i) {
      if (from.words[i] != "dev") continue;
      const std::string port = context_.port(from.words[i + 1], from.place);
      if (port != instance.text_of("port")) {
        context_.note(Severity::kError, from.place, from.name(),
                      "on another interface: " + from.words[i + 1],
                      "an instance has the addresses of its own port: write one of its own for it, "
                      "in the same sync_group");
        return;
      }
    }
    addresses.push_back(fmt::format("{}/{}", parsed->to_string(), length));
  }

  // "eth1", "eth1 weight -20", of a block or behind the keyword.
  void tracks(Table& instance, const Statement& from) {
    for (const Statement& each : from.block) track(instance, from.name(), each);
    if (!from.has_block && from.words.size() > 1) {
      Statement single = from;
      single.words.erase(single.words.begin());
      track(instance, from.name(), single);
    }
  }

  void track(Table& instance, std::string_view kind, const Statement& from) {
    std::int64_t weight = 0;
    const bool script = kind == "track_script";
    if (script) {
      if (std::find(scripts_.begin(), scripts_.end(), from.name()) == scripts_.end()) {
        context_.note(Severity::kError, from.place, std::string(kind), from.name(),
                      "there is no vrrp_script of this name; left out");
        return;
      }
      const auto known = script_weights_.find(from.name());
      if (known != script_weights_.end()) weight = known->second;
    }
    for (std::size_t i = 1; i < from.words.size(); ++i) {
      if (from.words[i] == "weight" && i + 1 < from.words.size()) {
        const auto given = number(from.words[++i]);
        if (given) weight = *given;
      } else {
        context_.note(Severity::kWarning, from.place, std::string(kind), from.words[i],
                      "not here; left out");
      }
    }
    if (weight < -kMostWeight || weight > kMostWeight) {
      context_.note(Severity::kWarning, from.place, std::string(kind),
                    fmt::format("weight {}", weight), "priorities go from 1 to 254: 253 is used");
      weight = std::clamp<std::int64_t>(weight, -kMostWeight, kMostWeight);
    }
    Table& track = instance.add("track", from.place);
    track.text(script ? "script" : "interface",
               script ? from.name() : context_.port(from.name(), from.place));
    if (weight != 0) track.number("weight", weight);
  }

  void read_group(const Statement& block) {
    Table* first = nullptr;
    std::vector<std::pair<std::string, Place>> members;
    for (const Statement& each : block.block) {
      context_.keyword("vrrp_sync_group", each.name(), each.place);
      if (each.name() != "group") continue;
      for (std::size_t i = 1; i < each.words.size(); ++i)
        members.emplace_back(each.words[i], each.place);
      for (const Statement& member : each.block) {
        for (const std::string& word : member.words) members.emplace_back(word, member.place);
      }
    }
    for (const auto& [name, place] : members) {
      const auto at =
          std::find_if(instances_.begin(), instances_.end(),
                       [&, &wanted = name](const auto& each) { return each.first == wanted; });
      if (at == instances_.end()) {
        context_.note(Severity::kError, place, "group", name,
                      "there is no vrrp_instance of this name; left out");
        continue;
      }
      if (members.size() > 1) at->second->text("sync_group", block.argument(), place);
      if (first == nullptr) first = at->second;
    }
    if (first == nullptr) return;
    for (const Statement& each : block.block) {
      if (each.name() == "track_interface" || each.name() == "track_script") tracks(*first, each);
    }
  }

  Context& context_;
  const Tree& tree_;
  const Global& global_;
  std::vector<std::pair<std::string, Table*>> instances_;
  std::vector<std::string> scripts_;
  std::map<std::string, std::int64_t> script_weights_;
};

}  // namespace

void read_vrrp(Context& context, const Tree& tree, const Global& global) {
  Vrrp(context, tree, global).read();
}

}  // namespace lb::importer::keepalived
