// Flows of the kernel's own sockets: what the kernel sent lately, by the key of the replies. It
// tells a reply to a health check or a segment of an established ssh connection from what a
// stranger sends to a port where nobody listens, without asking the kernel.
//
// Shared by all workers: the one that polls a kernel interface notes a flow, any other receives its
// replies. An entry is one atomic word and is a hint alone: a lost update is repeated by the
// flow's next packet, and a wrong hit (41 bits of a keyed hash) moves a packet to another class.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "dataplane/conn/hash.h"

namespace lb {

class OwnFlows {
 public:
  // Power of two; 8 bytes each. When a bucket is full, a flow that has ended leaves it, else the
  // one that has been idle longest.
  static constexpr std::size_t kEntries = 65'536;

  // `key`: random and secret, so that no stranger can choose a bucket to fill.
  explicit OwnFlows(const HashKey& key);

  enum class Known : std::uint8_t { kNo, kAccepted, kOpened };
  // How long a flow is known after the director's last packet. A TCP connection is asked by the
  // kernel after two hours without a word (RFC 1122 4.2.3.6); of a datagram the reply comes soon.
  enum class Kind : std::uint8_t { kTcp, kDatagram };
  static constexpr std::uint32_t kTcpSeconds = 3 * 3600;
  static constexpr std::uint32_t kDatagramSeconds = 120;
  static constexpr std::uint32_t kClosedSeconds = 60;  // of one that was closed

  const HashKey& key() const { return key_; }
  // Keys are hashes of the flow as its replies have it, by key(). Any worker; `now` is the coarse
  // tick. `opened`: the director began the flow.
  void note(std::uint64_t flow, Kind kind, bool opened, std::uint32_t now);
  // A further packet of a flow, if it is known. One that was closed goes on as long as the director
  // acknowledges what the other side, which has not closed, sends.
  void renew(std::uint64_t flow, std::uint32_t now);
  // The flow ends. It remains known for a while, unless its entry is needed.
  void close(std::uint64_t flow, std::uint32_t now);
  Known find(std::uint64_t flow, std::uint32_t now) const;

 private:
  static constexpr std::size_t kWays = 8;  // a cache line
  using Word = std::atomic<std::uint64_t>;

  Word* bucket(std::uint64_t flow) const;
  Word* entry(std::uint64_t flow) const;  // null: it is not known

  const HashKey key_;
  const std::unique_ptr<Word[]> words_;
};

}  // namespace lb
