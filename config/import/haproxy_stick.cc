// Clients that stay with their server: stick tables and cookies.
#include <fmt/format.h>

#include <algorithm>

#include "config/import/haproxy_real.h"

namespace lb::importer::haproxy {
namespace {}  // namespace

void persistence(Context&, Table&, const Proxy&, const Proxy&) {}

}  // namespace lb::importer::haproxy
