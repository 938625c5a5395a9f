// A packet source and sink for any DPDK program: loaded with EAL's option -d, it puts callbacks on
// the queues of net_null0 (towards clients) and net_null1 (towards real servers), which write
// frames into what these ports receive and count what they send. The program under test sees two
// ordinary ports.
//
// The environment variable BALLAST_SOURCE names the file by which the suite controls it (page.h).
#include <fcntl.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <thread>

#include "perf/source/generator.h"
#include "perf/source/page.h"

namespace lb::perf {
namespace {

constexpr unsigned kMaxBurst = 64;
constexpr const char* kPorts[2] = {"net_null0", "net_null1"};

Page* page;
std::uint64_t tsc_hz;
std::uint8_t macs[2][6];
Generator* generators[kMaxLcores];

// The calling lcore's; the main lcore (0) neither receives nor sends.
Generator* generator_here() {
  const unsigned lcore = rte_lcore_id();
  return lcore >= 1 && lcore <= kMaxLcores ? generators[lcore - 1] : nullptr;
}

unsigned side_of(void* parameter) {
  return static_cast<unsigned>(reinterpret_cast<std::uintptr_t>(parameter));
}

std::uint16_t on_receive(std::uint16_t, std::uint16_t, rte_mbuf* buffers[], std::uint16_t count,
                         std::uint16_t, void* parameter) {
  Generator* const generator = generator_here();
  unsigned filled = 0;
  if (generator != nullptr) {
    std::uint8_t* frames[kMaxBurst];
    std::uint16_t lengths[kMaxBurst];
    const unsigned room = std::min<unsigned>(count, kMaxBurst);
    for (unsigned i = 0; i < room; ++i) frames[i] = rte_pktmbuf_mtod(buffers[i], std::uint8_t*);
    const std::uint64_t now_tsc = rte_rdtsc();
    generator->refresh(now_tsc, tsc_hz);
    filled = generator->emit(side_of(parameter), frames, lengths, room, now_tsc);
    for (unsigned i = 0; i < filled; ++i) {
      buffers[i]->data_len = lengths[i];
      buffers[i]->pkt_len = lengths[i];
    }
  }
  if (filled < count) rte_pktmbuf_free_bulk(buffers + filled, count - filled);
  return static_cast<std::uint16_t>(filled);
}

std::uint16_t on_send(std::uint16_t, std::uint16_t, rte_mbuf* buffers[], std::uint16_t count,
                      void* parameter) {
  Generator* const generator = generator_here();
  if (generator == nullptr) return count;
  for (unsigned from = 0; from < count; from += kMaxBurst) {
    const std::uint8_t* frames[kMaxBurst];
    std::uint16_t lengths[kMaxBurst];
    const unsigned part = std::min<unsigned>(count - from, kMaxBurst);
    for (unsigned i = 0; i < part; ++i) {
      frames[i] = rte_pktmbuf_mtod(buffers[from + i], const std::uint8_t*);
      lengths[i] = buffers[from + i]->data_len;
    }
    generator->sink(side_of(parameter), frames, lengths, part, rte_rdtsc());
  }
  return count;
}

bool is_up(std::uint16_t port) {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

// DPDK tells nobody in time that a port is ready, so a thread waits for it.
void attach() {
  std::uint16_t ports[2] = {};
  for (unsigned side = 0; side < 2; ++side) {
    while (rte_eth_dev_get_port_by_name(kPorts[side], &ports[side]) != 0 || !is_up(ports[side])) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    rte_ether_addr mac{};
    rte_eth_macaddr_get(ports[side], &mac);
    std::copy(std::begin(mac.addr_bytes), std::end(mac.addr_bytes), macs[side]);
  }
  tsc_hz = rte_get_tsc_hz();
  for (unsigned i = 0; i < kMaxLcores; ++i) generators[i] = new Generator(i, macs, *page);
  for (unsigned side = 0; side < 2; ++side) {
    rte_eth_dev_info info{};
    rte_eth_dev_info_get(ports[side], &info);
    void* const parameter = reinterpret_cast<void*>(std::uintptr_t{side});
    for (std::uint16_t q = 0; q < info.nb_rx_queues; ++q) {
      if (rte_eth_add_rx_callback(ports[side], q, on_receive, parameter) != nullptr) {
        ++page->attached;
      }
    }
    for (std::uint16_t q = 0; q < info.nb_tx_queues; ++q) {
      if (rte_eth_add_tx_callback(ports[side], q, on_send, parameter) != nullptr) {
        ++page->attached;
      }
    }
  }
}

Page* map_page(const char* path) {
  const int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return nullptr;
  struct stat status {};
  void* mapped = MAP_FAILED;
  if (fstat(file, &status) == 0 && status.st_size == static_cast<off_t>(sizeof(Page))) {
    mapped = mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  }
  close(file);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const found = static_cast<Page*>(mapped);
  return found->magic == kPageMagic ? found : nullptr;
}

__attribute__((constructor)) void start() {
  const char* const path = std::getenv("BALLAST_SOURCE");
  page = path == nullptr ? nullptr : map_page(path);
  if (page == nullptr) {
    std::fputs("packet source: BALLAST_SOURCE names no control file; perf/run makes one\n", stderr);
    return;
  }
  std::thread(attach).detach();
}

}  // namespace
}  // namespace lb::perf
