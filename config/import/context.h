// What an importer works with, for one director: the draft, the notes, and the network as far as
// the origin says anything of it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "config/base/address.h"
#include "config/base/result.h"
#include "config/import/draft.h"
#include "config/import/keyword.h"
#include "config/import/note.h"

namespace lb::importer {

struct File {
  std::string path;
  std::string text;
};

// The operator's choices, and the files that files name. Both functions are set.
struct Options {
  struct Port {
    std::string name;       // of the port here
    std::string interface;  // there
  };
  std::vector<Port> ports;
  std::map<std::string, std::string> devices;                      // by the port's name here
  std::map<std::string, std::vector<std::string>> addresses;       // likewise: "192.0.2.2/24"
  std::map<std::string, std::vector<std::string>> peer_addresses;  // of the second director
  std::function<Result<std::string>(const std::string& path)> read;
  // The files that a pattern with * and ? names, sorted.
  std::function<std::vector<std::string>(const std::string& pattern)> glob;
};

class Context {
 public:
  Context(const Options& options, std::span<const Keyword> keywords)
      : options_(options), keywords_(keywords) {}

  Draft draft;
  std::vector<Note> notes;
  const Options& options() const { return options_; }

  void note(Severity severity, Place place, std::string keyword, std::string there,
            std::string here);
  // By the table of keywords: an error if it is not there at all (a typing mistake, with the nearest
  // one), nothing for one that is the same here, a warning or an info for the others, each once per
  // keyword and place. Returns the entry, null for an unknown one.
  const Keyword* keyword(std::string_view block, std::string_view name, const Place& place);

  // ---- The network. Ports are written by finish().

  // The port or VLAN here that is `interface` there ("eth0", "eth0.100"), by the operator's mapping,
  // else of the same name. From then on it is part of the configuration.
  std::string port(const std::string& interface, const Place& place);
  // An address of the director itself on that interface.
  void address(const std::string& interface, const Prefix& address, const Place& place);
  void mtu(const std::string& interface, std::uint16_t mtu, const Place& place);
  // For origins that name no interfaces: "wan" (and for NAT "lan"), or the operator's in that order.
  std::string default_port(std::size_t index, const Place& place);

  // A service name that is valid and not in use: "web", "web-2", "192.0.2.10:80/udp".
  std::string service_name(std::string_view wanted);

  // Tables that every director needs, ports, and what is left to be filled in. Call last.
  void finish(std::string_view director_name, const Place& place);

 private:
  struct Interface {
    std::string name;    // here
    std::string parent;  // there: of a VLAN
    std::uint16_t vlan = 0;
    std::uint16_t mtu = 0;  // 0: the default
    std::vector<std::string> addresses;
    std::unordered_set<std::string> known_addresses;
    Place place;
  };
  Interface& interface(const std::string& there, const Place& place);

  const Options& options_;
  std::span<const Keyword> keywords_;
  std::vector<std::pair<std::string, Interface>> interfaces_;  // by their names there
  std::unordered_map<std::string, std::size_t> interface_index_;
  std::set<std::string> service_names_;
  std::unordered_set<std::string> noted_;
  std::size_t guesses_ = 0;
};

}  // namespace lb::importer
