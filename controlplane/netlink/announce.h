// Gratuitous ARP (RFC 5227 section 3, RFC 5944 section 4.6): announces to the neighbours of a link
// that an address is here now. Each announcement is sent in both forms, request and reply, because
// some hosts accept only one, and several times, in case one is lost.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "config/base/address.h"
#include "controlplane/netlink/model.h"

namespace boost::asio {
class io_context;
}

namespace lb::netlink {

inline constexpr std::size_t kArpFrameBytes = 42;
using ArpFrame = std::array<std::uint8_t, kArpFrameBytes>;
enum class ArpForm : std::uint8_t { kRequest, kReply };

// A broadcast Ethernet frame; the driver pads it to the minimum.
ArpFrame make_gratuitous_arp(const MacAddress& mac, Ipv4Address address, ArpForm form);

class Announcer {
 public:
  // Finds the link at the time of sending: it may have been created again since.
  using FindLink = std::function<const Link*(const std::string& name)>;

  struct Pace {
    std::uint32_t count = 3;
    std::chrono::milliseconds interval{1000};
  };

  Announcer(boost::asio::io_context& io, Pace pace, FindLink find_link);
  ~Announcer();

  // Sends the first pair of frames at once (of many addresses the later ones soon) and the others
  // at the pace. A running announcement of the same address starts over. ARP is for IPv4 only:
  // other addresses are ignored.
  void announce(const std::string& interface, const Address& address);
  // The address is removed: its announcement stops.
  void forget(const std::string& interface, const Address& address);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::netlink
