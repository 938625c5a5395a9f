// The socket of one virtual router: adverts out, checked adverts in. Multicast on the interface, or
// unicast to each peer. The interface may vanish with the data plane and come back: open() is
// called again then. One thread: the one that runs the io_context.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/base/net.h"
#include "config/base/result.h"
#include "vrrp/packet.h"

namespace boost::asio {
class io_context;
}

namespace lb::vrrp {

class Io {
 public:
  struct Options {
    std::string interface;
    Advert own;  // what is sent, but for the priority; what is expected, but for it
    bool owner = false;
    std::vector<Ipv4Address> unicast_peers;  // empty: multicast
  };
  struct Refused {
    Reject reject{};
    Ipv4Address source;
    std::optional<MacAddress> mac;  // nullopt: not known
    std::uint8_t priority = 0;      // 0 also: not readable
  };
  // An advert that passed every check of accept(). Returns why it does not count; nullopt: it does.
  using OnAdvert = std::function<std::optional<Reject>(const Advert& advert, Ipv4Address source)>;
  // For the log, at the pace of LogLimit for each kind and source; `left_out` were not reported.
  using OnReject = std::function<void(const Refused& refused, std::uint64_t left_out)>;

  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t send_errors = 0;
    std::uint64_t received = 0;
    std::array<std::uint64_t, kRejects> rejected{};
  };

  Io(boost::asio::io_context& io, Options options, OnAdvert on_advert, OnReject on_reject);
  ~Io();
  Io(const Io&) = delete;
  Io& operator=(const Io&) = delete;

  // On the interface as it is now; `source` is the address to send from. Replaces an open socket.
  Result<void> open(int interface_index, Ipv4Address source);
  void close();
  bool is_open() const;

  void send(std::uint8_t priority);
  // An advert that counted, or was ignored, when it arrived.
  void refuse(Reject reject, Ipv4Address from, std::uint8_t priority);
  // Takes what has arrived already: to be called before a master is taken for silent, since a busy
  // event loop may come to its timers first.
  void drain();
  const Counters& counters() const;
  // The last advert of a router that is not known (is_unknown()), and when it came.
  struct Unknown {
    Refused advert;
    std::chrono::steady_clock::time_point at;
  };
  const std::optional<Unknown>& unknown() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// The checks that need to know what this director is configured with; a pure function (accept.cc).
// `unicast_peers` empty: any sender.
bool accept(const Advert& advert, const Io::Options& options, Ipv4Address source,
            Ipv4Address own_address, Reject& reject);

// Whether an advert of another virtual router lists an address of `own`: two directors that were
// not given the same ID would both be master of it, without ever heeding each other.
bool claims_ours(const Advert& advert, const Advert& own);

}  // namespace lb::vrrp
