// What the suite tells the packet source, and what the source tells the suite: one file, mapped by
// both. The suite writes the control words and then raises `sequence`; the source rereads them at
// its next burst and confirms. All words are 64 bits in the machine's order, so that Python reads
// them by offset (perf/suite/source.py, which has to agree).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace lb::perf {

inline constexpr std::uint64_t kPageMagic = 0x62616c6c61737432;
inline constexpr unsigned kMaxLcores = 4;

enum class Phase : std::uint64_t {
  kSilent = 0,
  kOpen = 1,  // each live flow once, from 0 on: makes the connections
  kRun = 2,
};

enum class Pick : std::uint64_t { kUniform = 0, kZipf = 1, kOne = 2 };

// What the servers' port sends.
enum class Replies : std::uint64_t {
  kNone = 0,
  kSameWorker = 1,   // of flows picked like the clients', by the worker that has their clients
  kOtherWorker = 2,  // by the next worker
  kEcho = 3,         // to each packet that arrives there
};

// How a new flow goes on after its first packet. TCP's answers come from the servers' port in NAT
// mode; in DR mode the director sees the client's packets only.
enum class Fresh : std::uint64_t {
  kDatagram = 0,
  kFlood = 1,      // no answer
  kHandshake = 2,  // SYN, SYN-ACK
  kLife = 3,       // SYN, SYN-ACK, ACK, data both ways, FIN both ways, ACK
  kQuery = 4,      // a datagram that the server answers
};

struct Control {
  std::atomic<std::uint64_t> sequence;
  Phase phase;
  std::uint64_t flows;   // live
  std::uint64_t active;  // packets are of flows below this
  Pick pick;
  std::uint64_t proto;  // of live flows: 6 or 17
  std::uint64_t bytes;  // of a frame without check sequence, 60 to 1514; 0: IMIX
  Replies replies;
  std::uint64_t dr;           // 1: the director is in DR mode
  std::uint64_t services;     // a power of two; live flow f is of service f modulo this
  std::uint64_t fresh_share;  // of 256 client packets, first ones of new flows
  Fresh fresh;
  std::uint64_t rate;     // packets per second and worker; 0: as fast as they are taken
  std::uint64_t workers;  // the source's lcores are 1 to this
};

// One lcore's; on lines of its own.
struct alignas(64) Tally {
  std::uint64_t confirmed;  // the sequence that is in force
  std::uint64_t emitted;
  std::uint64_t sunk;          // IPv4
  std::uint64_t sunk_other;    // what the kernel behind a port sends
  std::uint64_t opened;        // live flows
  std::uint64_t fresh;         // new flows begun
  std::uint64_t lives;         // ended with both FINs
  std::uint64_t answers_lost;  // no room to remember them: never, or the run is worth nothing
  std::uint64_t verified;      // sunk frames whose checksums were computed
  std::uint64_t wrong;         // and were not right
};

// Of 60-byte UDP frames at a limited rate: from the time at which a frame was due to its being
// sent. Bucket: 32 per power of two of nanoseconds.
inline constexpr unsigned kSubBuckets = 32;
inline constexpr unsigned kLatencyBuckets = 40 * kSubBuckets;

struct Page {
  std::uint64_t magic;
  std::uint64_t attached;  // queues that bear the source
  Control control;
  Tally lcores[kMaxLcores];
  std::uint64_t latency[kLatencyBuckets];  // of lcore 1
};
static_assert(offsetof(Page, control) == 16 && offsetof(Page, lcores) == 128 &&
              sizeof(Tally) == 128 && offsetof(Page, latency) == 640);

}  // namespace lb::perf
