// Conditions of rules, as far as they are about the client's address or its rate of connections.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/import/haproxy.h"

namespace lb::importer::haproxy {

struct Clients {
  std::vector<Prefix> prefixes;
  std::vector<std::string> files;
  bool all = false;      // whoever it is
  bool negated = false;  // all but these
};

// More connections than so many within the period of the stick table.
struct Rate {
  std::int64_t most = 0;
};

// The ACLs of one section.
class Acls {
 public:
  // `room`: for so many addresses in all; each is counted as often as a rule names it.
  Acls(Context& context, const Proxy& proxy, std::size_t& room);

  // What stands behind "if" or "unless" from word `begin` on; without one of them, all clients. Empty
  // when it asks for anything else.
  std::optional<Clients> clients(const Line& line, std::size_t begin) const;
  std::optional<Rate> rate(const Line& line, std::size_t begin) const;

 private:
  using Words = std::vector<std::string>;

  bool add(const Line& line, const Words& criterion, Clients& to) const;
  bool add_named(const Line& line, const std::string& name, Clients& to) const;
  void add_value(const Line& line, const std::string& value, Clients& to) const;

  Context& context_;
  std::size_t& room_;
  std::map<std::string, std::vector<const Line*>, std::less<>> named_;
};

}  // namespace lb::importer::haproxy
