// Rows of cells below each other, two blanks between columns.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace lb::view {

enum class Align : std::uint8_t { kLeft, kRight };

class Columns {
 public:
  explicit Columns(std::vector<Align> align) : align_(std::move(align)) {}

  // Cells that are missing at the end of a row are empty; what is not printable in one is escaped.
  void row(std::vector<std::string> cells);
  // Each line begins with `indent` blanks.
  std::string text(std::size_t indent = 0) const;

 private:
  std::vector<Align> align_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace lb::view
