#include "controlplane/view/field.h"

#include <gtest/gtest.h>

#include "controlplane/view/format.h"
#include "controlplane/view/table.h"

namespace lb::view {
namespace {

struct Inner {
  std::uint64_t packets = 0;
};

struct Row {
  std::string name;
  std::optional<double> ratio;
  Inner inner;
  bool up = false;
};

constexpr auto fields(const Inner*) {
  return std::tuple(
      field("packets", &Inner::packets, "Packets.", {.unit = "packets", .heading = "Pkts"}));
}

std::string up_cell(const Row& row) {
  return row.up ? "up" : "down";
}

constexpr auto fields(const Row*) {
  return std::tuple(field("name", &Row::name, "Its name.", {.heading = "Name"}),
                    field("ratio", &Row::ratio, "A ratio.",
                          {.heading = "Ratio", .cell = number_cell<&Row::ratio, whole>}),
                    inlined(&Row::inner), field("up", &Row::up, "Whether it is up."),
                    column("State", up_cell, Align::kRight));
}

TEST(FieldTable, KeepsItsOrder) {
  std::vector<std::string> names;
  for_each_field<Row>([&names](const auto& entry) {
    using Entry = std::remove_cvref_t<decltype(entry)>;
    if constexpr (kIsInlined<Entry>) {
      names.emplace_back("inlined");
    } else if constexpr (kIsColumn<Entry>) {
      names.emplace_back(entry.heading);
    } else {
      names.emplace_back(entry.name);
    }
  });
  EXPECT_EQ(names, (std::vector<std::string>{"name", "ratio", "inlined", "up", "State"}));
}

TEST(FieldTable, MakesATableOfItsColumns) {
  std::vector<Row> rows(2);
  rows[0].name = "a";
  rows[0].ratio = 12.4;
  rows[0].up = true;
  rows[1].name = "long";
  EXPECT_EQ(table_text(rows),
            "Name  Ratio  State\n"
            "a        12     up\n"
            "long      -   down\n");
  EXPECT_EQ(table_text(std::vector<Row>{}), "Name  Ratio  State\n");
}

TEST(FieldTable, MakesTheColumnsOfATree) {
  Tree<Inner> tree("Service", "  -> Server");
  tree.row("web", {.packets = 20});
  EXPECT_EQ(tree.text(),
            "Service      Pkts\n"
            "  -> Server\n"
            "web            20\n");
}

}  // namespace
}  // namespace lb::view
