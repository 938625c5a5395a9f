#include "dataplane/control/table_memory.h"

#include <linux/mman.h>
#include <sys/mman.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "config/base/log.h"

namespace lb {

namespace {

constexpr std::size_t kPage = std::size_t{2} << 20;
constexpr int kProtection = PROT_READ | PROT_WRITE;
constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;

}  // namespace

std::size_t TableMemory::rounded(std::size_t bytes) {
  return (bytes + kPage - 1) / kPage * kPage;
}

Result<TableMemory> TableMemory::take(std::size_t bytes, bool hugepages) {
  const std::size_t size = rounded(bytes);
  void* start = MAP_FAILED;
  if (hugepages) {
    start = ::mmap(nullptr, size, kProtection, kFlags | MAP_HUGETLB | MAP_HUGE_2MB | MAP_POPULATE,
                   -1, 0);
    if (start == MAP_FAILED) {
      log::info("connection table: {} MB more hugepages are not free, ordinary pages are used",
                size >> 20);
    }
  }
  if (start == MAP_FAILED) {
    start = ::mmap(nullptr, size, kProtection, kFlags, -1, 0);
    if (start == MAP_FAILED) {
      return fail(
          fmt::format("no memory for the connection table ({} MB): {}; lower "
                      "max_connections in [dataplane]",
                      size >> 20, std::generic_category().message(errno)));
    }
    ::madvise(start, size, MADV_HUGEPAGE);
    // Unlike MAP_POPULATE this fails, and does not leave us to be killed, when memory is short.
    if (::madvise(start, size, MADV_POPULATE_WRITE) != 0 && errno == ENOMEM) {
      ::munmap(start, size);
      return fail(
          fmt::format("not enough memory for the connection table ({} MB); lower "
                      "max_connections in [dataplane]",
                      size >> 20));
    }
  }
  return TableMemory(start, size);
}

TableMemory::TableMemory(TableMemory&& other) noexcept
    : bytes_(std::exchange(other.bytes_, std::span<std::byte>())) {}

TableMemory::~TableMemory() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace lb
