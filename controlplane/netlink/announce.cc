#include "controlplane/netlink/announce.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <map>
#include <span>
#include <utility>

#include "config/base/log.h"

namespace lb::netlink {
namespace {

using Clock = std::chrono::steady_clock;

// A director with thousands of addresses must not overrun the transmit queue of a TAP (1000).
constexpr int kPerTurn = 64;
constexpr auto kTurn = std::chrono::milliseconds(10);

using Key = std::pair<std::string, Ipv4Address>;  // interface and address

struct Announcement {
  std::uint32_t left = 0;
  Clock::time_point due;
};

}  // namespace

ArpFrame make_gratuitous_arp(const MacAddress& mac, Ipv4Address address, ArpForm form) {
  ArpFrame frame{};
  std::uint8_t* at = frame.data();
  const auto put = [&at](std::span<const std::uint8_t> bytes) {
    at = std::copy(bytes.begin(), bytes.end(), at);
  };
  const MacAddress broadcast{{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  std::array<std::uint8_t, 4> ip{};
  std::memcpy(ip.data(), &address.be.raw, ip.size());
  const std::uint8_t operation = form == ArpForm::kRequest ? 1 : 2;

  put(broadcast.bytes);
  put(mac.bytes);
  // EtherType ARP; hardware Ethernet, protocol IPv4, their address lengths (RFC 826).
  put(std::array<std::uint8_t, 8>{0x08, 0x06, 0x00, 0x01, 0x08, 0x00, 6, 4});
  put(std::array<std::uint8_t, 2>{0, operation});
  put(mac.bytes);
  put(ip);
  // Target hardware address: ignored in a request; in a reply the sender's own.
  put(form == ArpForm::kRequest ? MacAddress{}.bytes : mac.bytes);
  put(ip);
  return frame;
}

struct Announcer::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io, Pace p, FindLink find)
      : pace(p), find_link(std::move(find)), timer(io) {
    // Protocol 0: it sends, and receives nothing.
    fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
      log::error("gratuitous ARP is not sent: raw socket: {}; run as root or with CAP_NET_RAW",
                 std::strerror(errno));
    }
  }
  ~Impl() {
    if (fd >= 0) ::close(fd);
  }

  void arm();
  void turn();
  void send(const Key& what) const;

  const Pace pace;
  FindLink find_link;
  int fd = -1;
  boost::asio::steady_timer timer;
  Clock::time_point turned;  // the last one
  std::map<Key, Announcement> announcements;
};

void Announcer::Impl::send(const Key& what) const {
  const auto& [interface, address] = what;
  const Link* const link = find_link(interface);
  if (link == nullptr || !link->up || fd < 0) return;
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_protocol = Be16::from_host(ETH_P_ARP).raw;
  to.sll_ifindex = link->index;
  to.sll_halen = ETH_ALEN;
  std::fill_n(to.sll_addr, ETH_ALEN, std::uint8_t{0xff});
  for (const ArpForm form : {ArpForm::kRequest, ArpForm::kReply}) {
    const ArpFrame frame = make_gratuitous_arp(link->mac, address, form);
    // A frame that cannot be sent now is repeated anyway.
    if (::sendto(fd, frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to),
                 sizeof to) < 0) {
      log::debug("gratuitous ARP on {}: {}", interface, std::strerror(errno));
    }
  }
}

// Ticks while there is something to announce.
void Announcer::Impl::arm() {
  if (announcements.empty()) return;
  const auto next = std::ranges::min_element(announcements, {},
                                             [](const auto& entry) { return entry.second.due; });
  timer.expires_at(std::max(next->second.due, turned + kTurn));
  timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self || error) return;
    self->turn();
    self->arm();
  });
}

void Announcer::Impl::turn() {
  const auto now = turned = Clock::now();
  int sent = 0;
  for (auto& [what, announcement] : announcements) {
    if (announcement.due > now) continue;
    send(what);
    --announcement.left;
    announcement.due = now + pace.interval;
    if (++sent == kPerTurn) break;
  }
  std::erase_if(announcements, [](const auto& entry) { return entry.second.left == 0; });
}

Announcer::Announcer(boost::asio::io_context& io, Pace pace, FindLink find_link)
    : impl_(std::make_shared<Impl>(io, pace, std::move(find_link))) {}

Announcer::~Announcer() = default;

void Announcer::announce(const std::string& interface, const Address& address) {
  const auto ipv4 = address.to_ipv4();
  if (!ipv4) return;
  impl_->announcements[{interface, *ipv4}] = {impl_->pace.count, Clock::now()};
  if (impl_->turned + kTurn <= Clock::now()) impl_->turn();
  impl_->arm();
}

void Announcer::forget(const std::string& interface, const Address& address) {
  if (const auto ipv4 = address.to_ipv4()) impl_->announcements.erase({interface, *ipv4});
}

}  // namespace lb::netlink
