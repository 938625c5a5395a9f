#include "config/import/haproxy_keywords.h"

#include <algorithm>

#include "config/import/importer.h"

namespace lb::importer {
namespace haproxy {

std::span<const Keyword> section_keywords() {
  const std::span<const Keyword> all = global_keywords();
  const auto end =
      std::find_if(all.begin(), all.end(), [](const Keyword& each) { return !each.block.empty(); });
  return all.first(static_cast<std::size_t>(end - all.begin()));
}

}  // namespace haproxy

std::span<const Keyword> haproxy_keywords() {
  static const std::vector<Keyword> kAll = [] {
    std::vector<Keyword> all;
    for (const auto part : {haproxy::global_keywords(), haproxy::proxy_keywords(),
                            haproxy::server_keywords(), haproxy::other_keywords()}) {
      all.insert(all.end(), part.begin(), part.end());
    }
    return all;
  }();
  return kAll;
}

}  // namespace lb::importer
