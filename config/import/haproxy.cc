#include "config/import/haproxy.h"

#include "config/import/haproxy_real.h"
#include "config/import/importer.h"

namespace lb::importer {

Result<std::vector<Node>> import_haproxy(const std::vector<File>& files, const Options& options) {
  std::vector<Node> nodes;
  nodes.push_back({files.front().path, Context(options, haproxy_keywords())});
  Context& context = nodes.back().context;
  haproxy::Configuration configuration;
  configuration.sections = haproxy::read_sections(context, files);
  if (configuration.sections.empty()) {
    return fail(files.front().path + ": no haproxy.cfg: there is no section");
  }
  haproxy::read_proxies(context, configuration);
  for (const haproxy::Proxy& proxy : configuration.proxies) {
    if (proxy.is_backend()) {
      configuration.servers.emplace(&proxy, haproxy::read_servers(context, proxy));
    }
  }
  haproxy::find_tables(configuration);
  haproxy::read_services(context, configuration);
  haproxy::read_rest(context, configuration);
  // Servers of NAT are on another network than clients.
  context.default_port(0, {});
  context.default_port(1, {});
  context.finish({}, {});
  return nodes;
}

}  // namespace lb::importer
