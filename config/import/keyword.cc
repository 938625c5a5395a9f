#include "config/import/keyword.h"

#include <fmt/format.h>

#include <algorithm>

namespace lb::importer {

const Keyword* find_keyword(std::span<const Keyword> table, std::string_view block,
                            std::string_view name) {
  const auto at = std::find_if(table.begin(), table.end(), [&](const Keyword& each) {
    return each.block == block && each.name == name;
  });
  return at == table.end() ? nullptr : &*at;
}

std::string keyword_reference(std::span<const Keyword> table) {
  std::string text;
  const Keyword* last = nullptr;
  for (const Keyword& each : table) {
    if (last == nullptr || last->block != each.block) {
      if (!each.block.empty()) text += fmt::format("\n### `{}`\n", each.block);
      text += "\n| keyword | is | here | remarks |\n|---|---|---|---|\n";
    }
    text += fmt::format("| `{}` | {} | {} | {} |\n", each.name, name_of(each.fate),
                        each.here.empty() ? "-" : each.here, each.why);
    last = &each;
  }
  return text;
}

}  // namespace lb::importer
