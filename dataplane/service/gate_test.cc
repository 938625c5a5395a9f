#include "dataplane/service/gate.h"

#include <gtest/gtest.h>

#include <thread>

namespace lb {
namespace {

constexpr Be32 kClient = Be32::from_host(0xc6336407);

// How many of `tries` at this tick are let in.
unsigned let_in(const Gate& gate, std::uint32_t tick, unsigned tries, Be32 client = kClient) {
  unsigned count = 0;
  for (unsigned i = 0; i < tries; ++i) {
    count += gate.admit(client, tick, 0) == DropReason::none ? 1u : 0u;
  }
  return count;
}

Gate service_limit(std::uint32_t per_second, std::uint32_t burst_ms, const Gate* before = nullptr) {
  return {0,
          nullptr,
          {.new_per_second = per_second, .burst = std::chrono::milliseconds(burst_ms)},
          nullptr,
          before};
}

Gate client_limit(std::uint32_t per_second, std::uint8_t prefix,
                  std::shared_ptr<ClientBuckets> clients, std::uint32_t slot = 0) {
  return {slot,
          nullptr,
          {.new_per_second_per_client = per_second,
           .client_prefix = prefix,
           .burst = std::chrono::seconds(1)},
          std::move(clients),
          nullptr};
}

TEST(Gate, ABurstAndThenTheRate) {
  const Gate gate = service_limit(100, 2'000);
  EXPECT_EQ(let_in(gate, 1'000, 500), 200u);
  EXPECT_EQ(let_in(gate, 1'000, 10), 0u);
  EXPECT_EQ(let_in(gate, 1'001, 500), 10u);
  EXPECT_EQ(let_in(gate, 1'003, 500), 20u);
  EXPECT_EQ(let_in(gate, 9'999, 500), 200u) << "no more than the burst is saved up";
  EXPECT_EQ(gate.refused().service_rate_limited, 2'010u - 430);
}

TEST(Gate, ALowRateHasNoRoundingLoss) {
  const Gate gate = service_limit(3, 100);
  unsigned count = 0;
  for (std::uint32_t tick = 1; tick <= 600; ++tick) count += let_in(gate, tick, 5);
  EXPECT_NEAR(count, 180, 1);
}

TEST(Gate, AHighRateIsExactFromTickToTick) {
  const Gate gate = service_limit(10'000'000, 100);
  EXPECT_EQ(let_in(gate, 5, 1'100'000), 1'000'000u);
  EXPECT_EQ(let_in(gate, 6, 1'100'000), 1'000'000u);
}

TEST(Gate, AppliesANewLimitAtOnce) {
  const Gate slow = service_limit(1, 3'600'000);
  EXPECT_EQ(let_in(slow, 10, 3'600), 3'600u);
  const Gate fast = service_limit(100, 1'000, &slow);
  EXPECT_EQ(let_in(fast, 10, 200), 0u);
  EXPECT_EQ(let_in(fast, 20, 200), 100u);
  EXPECT_EQ(fast.refused().service_rate_limited, 300u) << "counters go on";
}

TEST(Gate, EachClientHasItsOwnBucket) {
  const auto clients = std::make_shared<ClientBuckets>(1'024);
  const Gate gate = client_limit(10, 24, clients);
  EXPECT_EQ(let_in(gate, 1, 50, Be32::from_host(0x0a000001)), 10u);
  EXPECT_EQ(let_in(gate, 1, 50, Be32::from_host(0x0a0000fe)), 0u) << "of the same /24";
  EXPECT_EQ(let_in(gate, 1, 50, Be32::from_host(0x0a000101)), 10u);
  EXPECT_EQ(let_in(gate, 2, 50, Be32::from_host(0x0a000001)), 1u);
  EXPECT_EQ(let_in(client_limit(10, 24, clients, 1), 1, 50, Be32::from_host(0x0a000001)), 10u)
      << "of another service";
}

TEST(Gate, AClientBeyondItsLimitLeavesTheServicesAlone) {
  const Gate gate(0, nullptr, {.new_per_second = 100, .new_per_second_per_client = 10},
                  std::make_shared<ClientBuckets>(1'024), nullptr);
  EXPECT_EQ(let_in(gate, 1, 1'000, Be32::from_host(1)), 10u);
  for (std::uint32_t client = 2; client <= 10; ++client) {
    EXPECT_EQ(let_in(gate, 1, 10, Be32::from_host(client)), 10u);
  }
  EXPECT_EQ(gate.admit(Be32::from_host(11), 1, 0), DropReason::service_rate_limited);
}

// More clients than there is room for: who opens the most is remembered.
TEST(Gate, AFloodOfClientsDoesNotHideTheBusyOne) {
  const auto clients = std::make_shared<ClientBuckets>(1'024);
  const Gate gate = client_limit(10, 32, clients);
  EXPECT_EQ(let_in(gate, 1, 50), 10u);
  for (std::uint32_t client = 1; client <= 100'000; ++client) {
    EXPECT_EQ(gate.admit(Be32::from_host(client), 1, 0), DropReason::none);
  }
  EXPECT_EQ(let_in(gate, 1, 50), 0u);
}

TEST(Gate, ListsComeBeforeLimits) {
  AccessListSpec rules;
  rules.deny = {*Ipv4Prefix::parse("198.51.100.0/24")};
  const Gate gate(0, std::make_shared<const AccessList>(rules), {.new_per_second = 1}, nullptr,
                  nullptr);
  EXPECT_EQ(gate.admit(kClient, 1, 0), DropReason::denied);
  EXPECT_EQ(gate.admit(Be32::from_host(9), 1, 3), DropReason::none);
  EXPECT_EQ(gate.admit(Be32::from_host(9), 1, 3), DropReason::service_rate_limited);
  EXPECT_EQ(gate.refused().denied, 1u);
}

// A client that is not proven takes nothing of the limits, and is refused as admit() would.
TEST(Gate, APreviewTakesNothing) {
  const auto clients = std::make_shared<ClientBuckets>(1'024);
  const Gate gate(
      0, nullptr,
      {.new_per_second = 20, .new_per_second_per_client = 10, .burst = std::chrono::seconds(1)},
      clients, nullptr);
  const auto preview = [&](std::uint32_t client, std::uint32_t tick = 1) {
    return gate.preview(Be32::from_host(client), tick, 0);
  };
  for (std::uint32_t client = 0; client < 100'000; ++client) {
    ASSERT_EQ(preview(client % 5'000), DropReason::none);
  }
  EXPECT_EQ(let_in(gate, 1, 50, Be32::from_host(7)), 10u);
  EXPECT_EQ(preview(7), DropReason::client_rate_limited);
  EXPECT_EQ(preview(8), DropReason::none);
  EXPECT_EQ(let_in(gate, 1, 10, Be32::from_host(8)), 10u);
  EXPECT_EQ(preview(9), DropReason::service_rate_limited);
  EXPECT_EQ(gate.refused().client_rate_limited, 40u + 1);
  EXPECT_EQ(gate.refused().service_rate_limited, 1u);
  EXPECT_EQ(preview(9, 2), DropReason::none) << "two are there again";
  EXPECT_EQ(let_in(gate, 2, 10, Be32::from_host(9)), 2u) << "and were not taken by the preview";
}

TEST(Gate, APreviewAsksTheListsFirst) {
  AccessListSpec rules;
  rules.deny = {*Ipv4Prefix::parse("198.51.100.0/24")};
  const Gate gate(0, std::make_shared<const AccessList>(rules), {}, nullptr, nullptr);
  EXPECT_EQ(gate.preview(kClient, 1, 0), DropReason::denied);
  EXPECT_EQ(gate.preview(Be32::from_host(9), 1, 0), DropReason::none);
  EXPECT_EQ(gate.refused().denied, 1u);
}

TEST(Gate, IsExactOverSeveralWorkers) {
  const Gate gate = service_limit(10'000, 1'000);
  std::atomic<unsigned> count{0};
  for (std::uint32_t tick = 100; tick < 105; ++tick) {
    std::vector<std::thread> workers;
    for (int w = 0; w < 4; ++w) {
      workers.emplace_back([&] { count += let_in(gate, tick, 5'000); });
    }
    for (std::thread& worker : workers) worker.join();
  }
  // The burst, and what 4 ticks bring.
  EXPECT_EQ(count.load(), 10'000u + 4 * 1'000u);
}

// One that is a tick behind gives nothing back.
TEST(Gate, AllowsNoMoreToAWorkerThatLags) {
  const Gate gate = service_limit(100, 1'000);
  EXPECT_EQ(let_in(gate, 20, 200), 100u);
  EXPECT_EQ(let_in(gate, 19, 200), 0u);
  EXPECT_EQ(let_in(gate, 20, 200), 0u);
  EXPECT_EQ(let_in(gate, 21, 200), 10u);
}

}  // namespace
}  // namespace lb
