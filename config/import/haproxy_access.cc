// Rules that accept and reject by the client's address.
#include <fmt/format.h>

#include <algorithm>

#include "config/import/haproxy_real.h"

namespace lb::importer::haproxy {

void access(Context&, Table&, const Proxy&, const Proxy&) {}

}  // namespace lb::importer::haproxy
