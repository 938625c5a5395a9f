// The connection table: who has its places, and what ended to make room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lb::api {
class Stats;
}

namespace lb::view {

struct TableShareRow {
  std::string service;
  std::string_view protocol;
  std::uint64_t connections = 0;
  double table_percent = 0;  // of the table
  std::uint64_t kept = 0;
};

struct ShedRow {
  std::string kind;
  std::uint64_t connections = 0;
  std::string description;
};

// `show table`
struct ConnTableUse {
  std::uint64_t connections = 0;
  std::uint64_t max_connections = 0;
  std::uint64_t refused_packets = 0;
  std::vector<TableShareRow> services;
  std::vector<ShedRow> shed;  // every class, also those at 0
};

ConnTableUse conn_table_of(const api::Stats& stats);

}  // namespace lb::view
