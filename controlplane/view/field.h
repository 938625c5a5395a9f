// The field table of a row type: each field once, with all that a back end (text, JSON, a document)
// needs to know of it. A row type is a plain struct; its table stands beside it:
//
//   struct PortRow { std::string name; std::uint64_t rx_packets = 0; };
//   constexpr auto fields(const PortRow*) {
//     return std::tuple(
//         field("name", &PortRow::name, "Name of the port.", {.heading = "Port"}),
//         field("rx_packets", &PortRow::rx_packets, "Packets from the device.",
//               {.unit = "packets", .counter = true, .heading = "RxPkts"}));
//   }
//
// A member may be text, a number, true or false, a list of texts, another row, a list of rows, and
// each but lists also std::optional.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>

#include "controlplane/view/columns.h"

namespace lb::view {

// Services and real servers are part of several answers, not in each with all of their fields.
using Answers = std::uint8_t;
inline constexpr Answers kInService = 1;
inline constexpr Answers kInRs = 2;
inline constexpr Answers kInStats = 4;
inline constexpr Answers kInAll = 7;

// What a std::optional without a value is in JSON.
enum class Without : std::uint8_t { kNull, kLeftOut };

template <typename Row>
using Cell = std::string (*)(const Row&);

// What need not be said of every field.
template <typename Row>
struct About {
  std::string_view unit = {};       // "ms", "bytes"; empty: none
  bool counter = false;             // since a daemon started; never goes down
  std::string_view heading = {};    // of the column in tables of text; empty: it is none
  Cell<Row> cell = nullptr;         // null: the value as it is
  std::optional<Align> align = {};  // none: numbers to the right
  Answers in = kInAll;
  Without without = Without::kNull;
};

template <typename Row, typename T>
struct Field {
  using Member = T;

  std::string_view name;  // the key in JSON; never changed, since scripts rely on it
  T Row::*member;
  std::string_view help;
  About<Row> about;
};

template <typename Row, typename T>
constexpr Field<Row, T> field(std::string_view name, T Row::*member, std::string_view help,
                              std::type_identity_t<About<Row>> about = {}) {
  return {name, member, help, about};
}

// A column of text that no single field is.
template <typename Row>
struct Column {
  std::string_view heading;
  Cell<Row> cell;
  Align align;
};

template <typename Row>
constexpr Column<Row> column(std::string_view heading, Cell<Row> cell, Align align = Align::kLeft) {
  return {heading, cell, align};
}

// The fields of another row (or none: std::optional) as if they were this one's; no columns.
template <typename Row, typename T>
struct Inlined {
  using Member = T;

  T Row::*member;
  Answers in;
};

template <typename Row, typename T>
constexpr Inlined<Row, T> inlined(T Row::*member, Answers in = kInAll) {
  return {member, in};
}

template <typename T>
concept RowType = requires {
  fields(static_cast<const T*>(nullptr));
};

// The table of Row.
template <RowType Row>
inline constexpr auto kFields = fields(static_cast<const Row*>(nullptr));

// Calls `visit` with each entry of the table, in its order.
template <RowType Row, typename Visitor>
constexpr void for_each_field(Visitor&& visit) {
  std::apply([&visit](const auto&... entry) { (visit(entry), ...); }, kFields<Row>);
}

template <typename T>
inline constexpr bool kIsOptional = false;
template <typename T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

// The cell of a member that is a number, or none: "-".
template <auto kMember, std::string (*kText)(double), typename Row>
std::string number_cell(const Row& row) {
  const auto& value = row.*kMember;
  if constexpr (kIsOptional<std::remove_cvref_t<decltype(value)>>) {
    return value ? kText(*value) : "-";
  } else {
    return kText(value);
  }
}

// Of an entry of a table.
template <typename T>
inline constexpr bool kIsColumn = false;
template <typename Row>
inline constexpr bool kIsColumn<Column<Row>> = true;
template <typename T>
inline constexpr bool kIsInlined = false;
template <typename Row, typename T>
inline constexpr bool kIsInlined<Inlined<Row, T>> = true;

}  // namespace lb::view
