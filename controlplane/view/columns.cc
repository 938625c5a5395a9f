#include "controlplane/view/columns.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/base/printable.h"

namespace lb::view {

void Columns::row(std::vector<std::string> cells) {
  for (std::string& cell : cells) cell = printable(cell);
  rows_.push_back(std::move(cells));
}

std::string Columns::text(std::size_t indent) const {
  std::vector<std::size_t> widths(align_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line(indent, ' ');
    for (std::size_t i = 0; i < std::min(row.size(), widths.size()); ++i) {
      if (i > 0) line += "  ";
      line += align_[i] == Align::kRight ? fmt::format("{:>{}}", row[i], widths[i])
                                         : fmt::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

}  // namespace lb::view
