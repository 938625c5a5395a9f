// The parts of the importer of haproxy.cfg. See its configuration manual, release 2.6.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/import/context.h"
#include "config/import/haproxy_file.h"

namespace lb::importer::haproxy {

// The block of the table of keywords that these sections share.
inline constexpr std::string_view kProxies = "defaults, frontend, listen, backend";

// "30", "30s", "2h": milliseconds without a unit. Empty for anything else.
std::optional<config::Milliseconds> duration(std::string_view text);
std::optional<std::int64_t> number(std::string_view text);
// The duration, or the nearer limit, which is noted.
config::Milliseconds within(Context& context, const Line& line, config::Milliseconds value,
                            config::Milliseconds lowest, config::Milliseconds highest);

// A keyword as the table has it: "option httpchk", without "no" before it.
std::string keyword_of(const Line& line);

// A section with traffic: frontend, backend, listen; or the defaults of some.
struct Proxy {
  const Section* section = nullptr;
  const Proxy* defaults = nullptr;                                  // null: none
  int depth = 0;                                                    // of the chain of defaults
  std::unordered_map<std::string, std::vector<const Line*>> lines;  // by keyword_of()

  const std::string& name() const { return section->name; }
  const Place& place() const { return section->place; }
  bool is_frontend() const { return section->type == "frontend" || section->type == "listen"; }
  bool is_backend() const { return section->type == "backend" || section->type == "listen"; }
  // Of its own or of the nearest defaults that have some.
  std::span<const Line* const> all(const std::string& keyword) const;
  // The last one; null: none, or the last one says "no".
  const Line* last(const std::string& keyword) const;
  // The last one of any of these.
  const Line* last_of(std::span<const std::string_view> keywords) const;
  bool is_http() const;
};

struct Option {
  std::string value;
  Place place;
};
using ServerOptions = std::map<std::string, Option, std::less<>>;

struct Server {
  std::string name;
  Place place;
  std::string host;                // as it is written
  std::optional<Address> address;  // none: a name
  std::uint16_t port = 0;          // 0: the one that the client asked for
  std::int32_t offset = 0;         // from the one that the client asked for: "+1000"
  ServerOptions options;

  const Option* option(std::string_view word) const;
  bool has(std::string_view word) const { return option(word) != nullptr; }
};

struct Configuration {
  std::vector<Section> sections;
  std::list<Proxy> proxies;
  std::map<std::string, const Proxy*, std::less<>> backends;  // and listens
  std::map<const Proxy*, std::vector<Server>> servers;        // of backends
  std::map<std::string, const Line*, std::less<>> tables;     // stick tables
  std::map<std::string, int, std::less<>> table_users;        // services of each table
};

// haproxy_proxy.cc
void read_proxies(Context& context, Configuration& configuration);

// haproxy_server.cc: notes what is wrong; servers that cannot be ones here are left out.
std::vector<Server> read_servers(Context& context, const Proxy& backend);

// haproxy_bind.cc: what a frontend listens on.
struct Bound {
  std::vector<std::string> addresses;  // "192.0.2.10:80-90", or what is to be filled in
  std::uint16_t port = 0;              // of the first one; 0: none
  bool is_single = false;              // one address with one port
  std::size_t tls = 0;                 // how many of them are with ssl
};
Bound read_binds(Context& context, const Proxy& frontend);

// haproxy_check.cc: the checks of all servers of a service, into its table and those of its real servers.
class Check {
 public:
  Check(Context& context, const Configuration& configuration, const Proxy& backend);
  ~Check();
  // For servers without a port of their own: the service's, the first one or the only one.
  void set_client_port(std::uint16_t port, bool is_single);
  // Into the service's [service.check]. `server`: the first one that is checked; null: none is.
  void write(Table& service, const Server* server);
  // Into [service.real_server.check], when it differs from the service's.
  void write_own(Table& real_server, const Server& server);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// haproxy_service.cc
void read_services(Context& context, const Configuration& configuration);

// haproxy_global.cc: "global", "mailers" with "email-alert", and what has no counterpart.
void read_rest(Context& context, const Configuration& configuration);

// haproxy_keywords.cc: the words that begin sections have an empty block.
std::span<const Keyword> section_keywords();

}  // namespace lb::importer::haproxy
