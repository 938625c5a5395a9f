// Tables of text, by the field tables of their rows. For the .cc files of this folder.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "controlplane/view/columns.h"
#include "controlplane/view/field.h"

namespace lb::view {

// The value as it is. Rows and lists have none: as columns they need a cell of their own.
template <typename T>
std::string cell_text(const T& value) {
  if constexpr (kIsOptional<T>) {
    return value ? cell_text(*value) : "-";
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    return std::string(value);
  } else {
    return {};
  }
}

// Calls `visit` with each entry of the table that is a column.
template <RowType Row, typename Visitor>
void for_each_column(Visitor&& visit) {
  for_each_field<Row>([&visit](const auto& entry) {
    using Entry = std::remove_cvref_t<decltype(entry)>;
    if constexpr (kIsColumn<Entry>) {
      visit(entry);
    } else if constexpr (!kIsInlined<Entry>) {
      if (!entry.about.heading.empty()) visit(entry);
    }
  });
}

// Headings, alignment and cells of Row's columns, behind what `out` has already.
template <RowType Row>
std::vector<std::string> headings_of(std::vector<std::string> out = {}) {
  for_each_column<Row>([&out](const auto& entry) {
    if constexpr (kIsColumn<std::remove_cvref_t<decltype(entry)>>) {
      out.emplace_back(entry.heading);
    } else {
      out.emplace_back(entry.about.heading);
    }
  });
  return out;
}

template <RowType Row>
std::vector<Align> alignment_of(std::vector<Align> out = {}) {
  for_each_column<Row>([&out](const auto& entry) {
    using Entry = std::remove_cvref_t<decltype(entry)>;
    if constexpr (kIsColumn<Entry>) {
      out.push_back(entry.align);
    } else {
      using Member = typename Entry::Member;
      const bool number =
          (std::is_arithmetic_v<Member> && !std::is_same_v<Member, bool>) || kIsOptional<Member>;
      out.push_back(entry.about.align.value_or(number ? Align::kRight : Align::kLeft));
    }
  });
  return out;
}

template <RowType Row>
std::vector<std::string> cells_of(const Row& row, std::vector<std::string> out = {}) {
  for_each_column<Row>([&](const auto& entry) {
    using Entry = std::remove_cvref_t<decltype(entry)>;
    if constexpr (kIsColumn<Entry>) {
      out.push_back(entry.cell(row));
    } else {
      out.push_back(entry.about.cell != nullptr ? entry.about.cell(row)
                                                : cell_text(row.*entry.member));
    }
  });
  return out;
}

// With the headings.
template <RowType Row>
Columns table_of() {
  Columns columns(alignment_of<Row>());
  columns.row(headings_of<Row>());
  return columns;
}

template <RowType Row>
std::string table_text(const std::vector<Row>& rows) {
  Columns columns = table_of<Row>();
  for (const Row& row : rows) columns.row(cells_of(row));
  return columns.text();
}

// A table of two levels, as services and their real servers: its first column is not Row's.
template <RowType Row>
class Tree {
 public:
  Tree(std::string heading, std::string second_heading)
      : columns_(alignment_of<Row>({Align::kLeft})) {
    columns_.row(headings_of<Row>({std::move(heading)}));
    columns_.row({std::move(second_heading)});
  }
  void row(std::string name, const Row& row) { columns_.row(cells_of(row, {std::move(name)})); }
  std::string text() const { return columns_.text(); }

 private:
  Columns columns_;
};

}  // namespace lb::view
