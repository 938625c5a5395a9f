// What becomes of each keyword of an origin: one table for the importer and for docs/migration, so
// that they cannot differ.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "config/base/enum_names.h"

namespace lb::importer {

enum class Fate : std::uint8_t {
  kSame,      // the same here, with the default of the origin
  kOther,     // here with another meaning, or in another way
  kNot,       // not here
  kNotNeeded  // nothing to do here
};
constexpr auto enum_names(Fate) {
  return std::to_array<EnumName<Fate>>({
      {"same", Fate::kSame},
      {"differs", Fate::kOther},
      {"missing", Fate::kNot},
      {"not needed", Fate::kNotNeeded},
  });
}

struct Keyword {
  std::string_view block;  // where it stands in the origin: "vrrp_instance"; empty: outside of all
  std::string_view name;
  Fate fate;
  std::string_view here;  // "`[[ha.instance]] virtual_router_id`"; empty: nowhere
  std::string_view why;   // what differs, why it is missing, what to do; empty only for kSame
};

// Null: it is not one of the origin's keywords there.
const Keyword* find_keyword(std::span<const Keyword> table, std::string_view block,
                            std::string_view name);

// The table as Markdown: keyword | here | remarks, one heading per block.
std::string keyword_reference(std::span<const Keyword> table);

}  // namespace lb::importer
