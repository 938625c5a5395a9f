#include "config/import/importer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "config/base/printable.h"
#include "config/load.h"
#include "config/placeholder.h"

namespace lb::importer {
namespace {

constexpr std::size_t kMistakesOfLine = 10;  // as lists with many addresses have

struct Entry {
  Format format;
  std::string_view page;
  std::span<const Keyword> keywords;
  Result<std::vector<Node>> (*import)(const std::vector<File>& files, const Options& options);
};

const Entry& entry_of(Format format) {
  static const std::vector<Entry> kEntries = {
      {Format::kKeepalived, "keepalived.md", keepalived_keywords(), import_keepalived},
      {Format::kLdirectord, "ldirectord.md", ldirectord_keywords(), import_ldirectord},
      {Format::kHeartbeat, "heartbeat.md", heartbeat_keywords(), import_heartbeat},
      {Format::kIpvsadm, "ipvsadm.md", ipvsadm_keywords(), import_ipvsadm},
      {Format::kDpvs, "dpvs.md", dpvs_keywords(), import_dpvs},
      {Format::kLoxilb, "loxilb.md", loxilb_keywords(), import_loxilb},
      {Format::kHaproxy, "haproxy.md", haproxy_keywords(), import_haproxy},
  };
  return *std::find_if(kEntries.begin(), kEntries.end(),
                       [&](const Entry& entry) { return entry.format == format; });
}

Imported write(const Node& node, Format format) {
  Imported imported;
  imported.name = node.name;
  imported.notes = node.context.notes;
  std::vector<Place> places;
  imported.text = node.context.draft.write(
      fmt::format("{}\nFormat: {}. Origin: {}.", kHeader, name_of(format), node.name), places);
  // Whatever the importer did: nothing leaves it that a director would refuse without a note.
  const config::Loaded loaded = config::load_text(imported.text, node.name, config::Machine::any());
  std::map<std::uint32_t, std::size_t> of_line;
  for (const config::Mistake& mistake : loaded.mistakes) {
    if (mistake.message.find(config::kStillToBeFilledIn) != std::string::npos) {
      imported.to_fill_in.push_back(mistake.message);
      continue;
    }
    if (++of_line[mistake.where.line] > kMistakesOfLine) continue;
    const Place place = mistake.where.line < places.size() ? places[mistake.where.line] : Place{};
    imported.notes.push_back({Severity::kError,
                              place.file.empty() ? Place{node.name, 0} : place,
                              fmt::format("line {} of the result", mistake.where.line),
                              {},
                              mistake.message});
  }
  for (const auto& [line, count] : of_line) {
    if (count <= kMistakesOfLine) continue;
    const Place place = line < places.size() ? places[line] : Place{node.name, 0};
    imported.notes.push_back({Severity::kError,
                              place,
                              fmt::format("line {} of the result", line),
                              {},
                              fmt::format("and {} more", count - kMistakesOfLine)});
  }
  std::stable_sort(imported.notes.begin(), imported.notes.end(),
                   [](const Note& a, const Note& b) { return a.place < b.place; });
  return imported;
}

// Of files that both directors have, each note is of both: the first one keeps it.
void keep_once(const std::vector<Note>& first, std::vector<Note>& second) {
  std::set<std::string> known;
  for (const Note& note : first) known.insert(note.to_string());
  std::erase_if(second, [&](const Note& note) { return known.contains(note.to_string()); });
}

// The first place in each file that is no text.
std::vector<Note> not_utf8(const std::vector<File>& files) {
  std::vector<Note> notes;
  for (const File& file : files) {
    std::uint32_t line = 1;
    for (std::string_view text = file.text; !text.empty();) {
      const Character first = first_character(text);
      if (!first.is_valid) {
        notes.push_back({Severity::kError,
                         {file.path, line},
                         "UTF-8",
                         "bytes that are not UTF-8",
                         "each is a ? in what is written"});
        break;
      }
      if (text.front() == '\n') ++line;
      text.remove_prefix(first.bytes);
    }
  }
  return notes;
}

// Both nodes have the addresses of --address, which are the first one's.
void set_peer_addresses(Table& port, const Options& options) {
  const std::string name = port.text_of("name");
  if (const auto own = options.peer_addresses.find(name); own != options.peer_addresses.end()) {
    port.texts("addresses", own->second);
  } else if (options.addresses.contains(name)) {
    port.fill_in_list("addresses", fmt::format("this director's own addresses on {}", name));
  }
  for (Table& vlan : port.tables()) set_peer_addresses(vlan, options);
}

Result<void> check_port_names(const std::vector<Node>& nodes, const Options& options) {
  std::vector<std::string> names;
  for (const Node& node : nodes) {
    for (const Table& port : node.context.draft.root().tables()) {
      if (port.path() != "port") continue;
      names.push_back(port.text_of("name"));
      for (const Table& vlan : port.tables()) names.push_back(vlan.text_of("name"));
    }
  }
  const auto check = [&](std::string_view option, const std::string& name) -> Result<void> {
    if (std::find(names.begin(), names.end(), name) != names.end()) return {};
    return fail(fmt::format("--{} {}: there is no port of this name; there is {}", option, name,
                            fmt::join(names, ", ")));
  };
  Result<void> good;
  for (const auto& [name, device] : options.devices) {
    if (good) good = check("device", name);
  }
  for (const auto& [option, addresses] : {std::pair{"address", &options.addresses},
                                          std::pair{"peer-address", &options.peer_addresses}}) {
    for (const auto& [name, values] : *addresses) {
      if (good) good = check(option, name);
    }
  }
  return good;
}

}  // namespace

Result<Import> import_files(Format format, const std::vector<File>& files, const Options& options) {
  auto nodes = entry_of(format).import(files, options);
  if (!nodes) return tl::make_unexpected(nodes.error());
  if (auto good = check_port_names(*nodes, options); !good) {
    return tl::make_unexpected(good.error());
  }
  if (nodes->size() == 2) {
    for (Table& table : nodes->back().context.draft.root().tables()) {
      if (table.path() == "port") set_peer_addresses(table, options);
    }
  } else if (!options.peer_addresses.empty()) {
    return fail("--peer-address: there is one director in these files; use --address");
  }
  Import result;
  for (const Node& node : *nodes) result.directors.push_back(write(node, format));
  if (nodes->size() == 2) keep_once(result.directors.front().notes, result.directors.back().notes);
  std::vector<Note>& notes = result.directors.front().notes;
  for (Note& note : not_utf8(files)) notes.push_back(std::move(note));
  if (nodes->size() == 2) result.differences = compare(nodes->front(), nodes->back());
  return result;
}

std::string_view migration_page(Format format) {
  return entry_of(format).page;
}

std::span<const Keyword> keywords_of(Format format) {
  return entry_of(format).keywords;
}

}  // namespace lb::importer
