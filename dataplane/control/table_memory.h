// Zeroed memory for the connection table, apart from DPDK's: on hugepages when there are any to
// spare, else on ordinary pages that the kernel may join. Touched at once, so that a packet never
// waits for a page.
#pragma once

#include <cstddef>
#include <span>

#include "config/base/result.h"

namespace lb {

class TableMemory {
 public:
  // What `bytes` come to in whole pages of 2 MB.
  static std::size_t rounded(std::size_t bytes);

  static Result<TableMemory> take(std::size_t bytes, bool hugepages);
  TableMemory(TableMemory&& other) noexcept;
  TableMemory& operator=(TableMemory&&) = delete;
  TableMemory(const TableMemory&) = delete;
  ~TableMemory();

  std::span<std::byte> bytes() const { return bytes_; }

 private:
  TableMemory(void* start, std::size_t bytes) : bytes_(static_cast<std::byte*>(start), bytes) {}
  std::span<std::byte> bytes_;
};

}  // namespace lb
