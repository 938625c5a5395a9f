#include "config/import/context.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "config/base/nearest.h"

namespace lb::importer {
namespace {

constexpr std::size_t kMaxServiceName = 64;
// For so many unknown keywords the nearest one is looked for, which takes up to a millisecond.
constexpr std::size_t kMostGuesses = 200;
constexpr std::size_t kMostShown = 200;  // bytes of the origin in a note

// "eth0.100" -> 100; 0: no VLAN.
std::uint16_t vlan_of(const std::string& interface) {
  const std::size_t dot = interface.rfind('.');
  if (dot == std::string::npos || dot == 0) return 0;
  std::uint16_t id = 0;
  const char* const end = interface.data() + interface.size();
  const auto [at, error] = std::from_chars(interface.data() + dot + 1, end, id);
  return error == std::errc() && at == end && id >= 1 && id <= 4094 ? id : std::uint16_t{0};
}

}  // namespace

void Context::note(Severity severity, Place place, std::string keyword, std::string there,
                   std::string here) {
  for (std::string* text : {&keyword, &there}) {
    if (text->size() > kMostShown) *text = text->substr(0, kMostShown) + "...";
  }
  Note note{severity, std::move(place), std::move(keyword), std::move(there), std::move(here)};
  if (noted_.insert(note.to_string()).second) notes.push_back(std::move(note));
}

const Keyword* Context::keyword(std::string_view block, std::string_view name, const Place& place) {
  const Keyword* const entry = find_keyword(keywords_, block, name);
  if (entry == nullptr) {
    const auto elsewhere = std::find_if(keywords_.begin(), keywords_.end(),
                                        [&](const Keyword& each) { return each.name == name; });
    if (elsewhere != keywords_.end()) {
      note(Severity::kError, place, std::string(name),
           elsewhere->block.empty()
               ? "it belongs outside of all blocks: is one before it not closed?"
               : fmt::format("it belongs into {}: is a block not closed, or one too many?",
                             elsewhere->block),
           "left out");
      return nullptr;
    }
    std::vector<std::string_view> names;
    if (guesses_ < kMostGuesses) {
      ++guesses_;
      for (const Keyword& each : keywords_) {
        if (each.block == block) names.push_back(each.name);
      }
    }
    const std::string_view near = nearest(name, names);
    note(Severity::kError, place, std::string(name),
         near.empty() ? "no such keyword there" : fmt::format("no such keyword there; {} is", near),
         "left out");
    return nullptr;
  }
  if (entry->fate == Fate::kSame) return entry;
  const std::string here = entry->here.empty() ? "" : fmt::format("{}; ", entry->here);
  note(entry->fate == Fate::kNotNeeded ? Severity::kInfo : Severity::kWarning, place,
       std::string(name), {}, here + std::string(entry->why));
  return entry;
}

Context::Interface& Context::interface(const std::string& there, const Place& place) {
  const auto known = interface_index_.find(there);
  if (known != interface_index_.end()) return interfaces_[known->second].second;
  Interface added;
  added.place = place;
  added.name = there;
  for (const Options::Port& port : options_.ports) {
    if (port.interface == there) added.name = port.name;
  }
  if (added.name == there) added.vlan = vlan_of(there);
  if (added.vlan != 0) {
    added.parent = there.substr(0, there.rfind('.'));
    added.name = fmt::format("{}.{}", interface(added.parent, place).name, added.vlan);
  }
  interface_index_.emplace(there, interfaces_.size());
  return interfaces_.emplace_back(there, std::move(added)).second;
}

std::string Context::port(const std::string& there, const Place& place) {
  return interface(there, place).name;
}

void Context::address(const std::string& there, const Prefix& address, const Place& place) {
  Interface& its = interface(there, place);
  const std::string text = address.to_string();
  if (its.known_addresses.insert(text).second) its.addresses.push_back(text);
}

void Context::mtu(const std::string& there, std::uint16_t mtu, const Place& place) {
  interface(there, place).mtu = mtu;
}

std::string Context::default_port(std::size_t index, const Place& place) {
  if (index < options_.ports.size()) return port(options_.ports[index].interface, place);
  return port(index == 0 ? "wan" : "lan", place);
}

std::string Context::service_name(std::string_view wanted) {
  std::string base;
  for (const char c : wanted.substr(0, kMaxServiceName - 8)) {
    const bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("-_.:/@+").find(c) != std::string_view::npos;
    base += good ? c : '-';
  }
  if (base.empty()) base = "service";
  std::string name = base;
  for (int i = 2; !service_names_.insert(name).second; ++i) name = fmt::format("{}-{}", base, i);
  return name;
}

void Context::finish(std::string_view director_name, const Place& place) {
  Table& director = draft.director();
  if (!director_name.empty()) {
    director.text("name", director_name, place);
  } else if (director.value("name").empty()) {
    director.fill_in("name", "the name of this director, as lb1");
  }
  if (draft.dataplane().value("lcores").empty()) {
    draft.dataplane()
        .text("lcores", "1")
        .comment_on("lcores", "CPUs of the workers; more of them forward more");
  }
  // Drivers on the kernel's interfaces need none, as in the lab.
  const bool needs_hugepages =
      options_.devices.empty() ||
      std::any_of(options_.devices.begin(), options_.devices.end(),
                  [](const auto& device) { return !device.second.starts_with("net_af_"); });
  if (!needs_hugepages) draft.dataplane().text("memory", "no-huge");
  // The operator has them, whatever the files name.
  for (const Options::Port& each : options_.ports) {
    if (interface_index_.contains(each.interface)) continue;
    note(Severity::kInfo, place, fmt::format("--ports {}={}", each.name, each.interface),
         fmt::format("no file names {}", each.interface), "a port of that name");
    port(each.interface, {});
  }
  if (interfaces_.empty()) default_port(0, place);
  const bool no_route = std::none_of(draft.root().tables().begin(), draft.root().tables().end(),
                                     [](const Table& table) { return table.path() == "route"; });
  bool says_routes = false;
  std::unordered_map<std::string, std::vector<const Interface*>> vlans;
  for (const auto& [there, interface] : interfaces_) {
    if (interface.vlan != 0) vlans[interface.parent].push_back(&interface);
  }
  for (const auto& [there, interface] : interfaces_) {
    if (interface.vlan != 0) continue;
    Table& port = draft.add_port(interface.place);
    if (no_route && std::exchange(says_routes, true) == false) {
      port.comment(
          "Routes are the system's there. Here each is a [[route]], the default one, too:");
      port.comment("destination = \"default\", via = the gateway.");
    }
    port.text("name", interface.name);
    const auto device = options_.devices.find(interface.name);
    if (device != options_.devices.end()) {
      port.text("device", device->second);
    } else {
      port.fill_in("device", fmt::format("the PCI address of {}, as 0000:03:00.0 (lspci)", there));
    }
    if (interface.mtu != 0 && interface.mtu != 1500) port.number("mtu", interface.mtu);
    const auto set_addresses = [&](Table& table, const Interface& each) {
      const auto given = options_.addresses.find(each.name);
      if (given != options_.addresses.end()) {
        table.texts("addresses", given->second);
      } else if (!each.addresses.empty()) {
        table.texts("addresses", each.addresses);
      } else {
        table.fill_in_list(
            "addresses",
            fmt::format("the director's own addresses on {}, as 192.0.2.2/24", each.name));
      }
    };
    set_addresses(port, interface);
    for (const Interface* vlan : vlans[there]) {
      Table& table = port.add("vlan", vlan->place);
      table.text("name", vlan->name).number("id", vlan->vlan);
      set_addresses(table, *vlan);
    }
  }
}

}  // namespace lb::importer
