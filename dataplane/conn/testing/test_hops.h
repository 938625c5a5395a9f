// A hop table with its memory and a grace period of its own, for tests.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/conn/hop_table.h"
#include "dataplane/conn/testing/test_table.h"

namespace lb::test {

class TestHops {
 public:
  explicit TestHops(std::uint32_t entries, unsigned workers = 1, std::uint64_t key = 12345)
      : epochs_(workers),
        words_(std::make_unique<std::atomic<std::uint64_t>[]>(entries)),
        marks_(std::make_unique<std::atomic<std::uint32_t>[]>(entries)),
        table_({{words_.get(), entries}, {marks_.get(), entries}}, key, epochs_) {}

  HopTable& operator*() { return table_; }
  HopTable* operator->() { return &table_; }
  Epochs& epochs() { return epochs_; }

 private:
  Epochs epochs_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
  std::unique_ptr<std::atomic<std::uint32_t>[]> marks_;
  HopTable table_;
};

// Machine n on a network.
inline ClientHop hop_of(std::uint32_t n, std::uint16_t vlan = 0, std::uint8_t port = 0) {
  const std::uint8_t mac[] = {2,
                              0,
                              static_cast<std::uint8_t>(n >> 24),
                              static_cast<std::uint8_t>(n >> 16),
                              static_cast<std::uint8_t>(n >> 8),
                              static_cast<std::uint8_t>(n)};
  return ClientHop::make(mac, vlan, port);
}

}  // namespace lb::test
