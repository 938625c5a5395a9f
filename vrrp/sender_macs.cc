#include "vrrp/sender_macs.h"

#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "vrrp/packet.h"

namespace lb::vrrp {
namespace {

constexpr unsigned kReadAtOnce = 128;
constexpr std::size_t kIpHeaderBytes = 20;
constexpr std::uint32_t kProtocolAt = 9;
constexpr std::size_t kSourceAt = 12;

// The first bytes of IPv4 packets of VRRP; nothing of others.
bool filter_vrrp(int fd) {
  std::array<sock_filter, 4> code = {{
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kProtocolAt),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kProtocol, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, kIpHeaderBytes),
      BPF_STMT(BPF_RET | BPF_K, 0),
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

}  // namespace

void SenderMacs::open(int interface_index) {
  close();
  // Protocol 0: nothing is received before the filter is there.
  fd_ = ::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) return;
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_IP);
  at.sll_ifindex = interface_index;
  if (!filter_vrrp(fd_) || bind(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof(at)) != 0) {
    close();
  }
}

void SenderMacs::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void SenderMacs::read() {
  for (unsigned i = 0; fd_ >= 0 && i < kReadAtOnce; ++i) {
    std::array<std::uint8_t, kIpHeaderBytes> header;
    sockaddr_ll from{};
    socklen_t length = sizeof(from);
    const ssize_t got =
        recvfrom(fd_, header.data(), header.size(), 0, reinterpret_cast<sockaddr*>(&from), &length);
    if (got < 0) return;
    Sender sender;
    if (static_cast<std::size_t>(got) < header.size() ||
        from.sll_halen != sender.mac.bytes.size()) {
      continue;
    }
    std::memcpy(&sender.source.be.raw, header.data() + kSourceAt, sizeof(sender.source.be.raw));
    std::copy_n(from.sll_addr, sender.mac.bytes.size(), sender.mac.bytes.begin());
    last_[next_] = sender;
    next_ = (next_ + 1) % kKept;
  }
}

std::optional<MacAddress> SenderMacs::find(Ipv4Address source) const {
  for (std::size_t back = 1; back <= kKept; ++back) {
    const Sender& sender = last_[(next_ + kKept - back) % kKept];
    if (sender.source == source && sender.mac != MacAddress{}) return sender.mac;
  }
  return std::nullopt;
}

}  // namespace lb::vrrp
