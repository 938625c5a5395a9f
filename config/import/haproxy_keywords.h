// The table of keywords by its parts.
#pragma once

#include <span>

#include "config/import/haproxy.h"

namespace lb::importer::haproxy {

std::span<const Keyword> global_keywords();  // sections first, their block is empty
std::span<const Keyword> proxy_keywords();
std::span<const Keyword> server_keywords();  // of bind, too
std::span<const Keyword> other_keywords();

}  // namespace lb::importer::haproxy
