// A counter with its meaning: a reason or an outcome.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "controlplane/view/field.h"

namespace lb::view {

struct CountRow {
  std::string name;
  std::uint64_t count = 0;
  std::string description;
};

// Of a list of messages with these three fields.
template <typename Messages>
std::vector<CountRow> counts_of(const Messages& messages) {
  std::vector<CountRow> out;
  for (const auto& message : messages) {
    out.push_back(
        {.name = message.name(), .count = message.count(), .description = message.description()});
  }
  return out;
}

constexpr auto fields(const CountRow*) {
  return std::tuple(field("name", &CountRow::name, "Name of the reason or outcome."),
                    field("count", &CountRow::count, "How often.", {.counter = true}),
                    field("description", &CountRow::description, "What it means."));
}

}  // namespace lb::view
