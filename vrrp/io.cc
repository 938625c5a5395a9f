#include "vrrp/io.h"

#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

#include "config/base/log_limit.h"
#include "vrrp/sender_macs.h"

namespace lb::vrrp {
namespace {

constexpr std::size_t kLargestPacket = 2048;
constexpr unsigned kPacketsAtOnce = 64;  // then the event loop has its turn

template <typename T>
bool set_option(int fd, int level, int name, const T& value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

sockaddr_in address_of(Ipv4Address address) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_addr.s_addr = address.be.raw;
  return in;
}

}  // namespace

struct Io::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io_context, Options o, OnAdvert advert, OnReject reject)
      : io(io_context),
        options(std::move(o)),
        on_advert(std::move(advert)),
        on_reject(std::move(reject)) {}

  Result<int> make_socket(int interface_index) const;
  void wait();
  void receive();
  void read_all();
  void handle(std::span<const std::uint8_t> packet);
  void refuse(Reject reject, Ipv4Address source, std::uint8_t priority);
  void send_to(Ipv4Address destination, std::uint8_t priority);

  boost::asio::io_context& io;
  Options options;
  OnAdvert on_advert;
  OnReject on_reject;
  std::optional<boost::asio::posix::stream_descriptor> socket;
  unsigned opened = 0;  // how often: what waits for an earlier socket is void
  Ipv4Address source;
  SenderMacs macs;
  Counters counters;
  std::optional<Unknown> unknown;
  LogLimit limit;
};

Result<int> Io::Impl::make_socket(int interface_index) const {
  const auto failed = [this](const char* what) {
    return fail(options.interface + ": VRRP socket: " + what + ": " + std::strerror(errno));
  };
  const int fd = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, kProtocol);
  if (fd < 0) return failed("socket");
  const int ttl = kTtl;
  const int off = 0;
  const int priority = 6;      // network control: ahead of bulk traffic in the queues
  const int class_cs6 = 0xc0;  // the same, for the switches
  char name[IFNAMSIZ] = {};
  // Without a name the socket would receive on every interface.
  bool good = if_indextoname(static_cast<unsigned>(interface_index), name) != nullptr &&
              setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name,
                         static_cast<socklen_t>(std::strlen(name))) == 0 &&
              set_option(fd, IPPROTO_IP, IP_TTL, ttl) &&
              set_option(fd, IPPROTO_IP, IP_TOS, class_cs6) &&
              set_option(fd, SOL_SOCKET, SO_PRIORITY, priority);
  if (good && options.unicast_peers.empty()) {
    ip_mreqn group{};
    group.imr_multiaddr.s_addr = kMulticastGroup.be.raw;
    group.imr_ifindex = interface_index;
    good = set_option(fd, IPPROTO_IP, IP_MULTICAST_TTL, ttl) &&
           set_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP, off) &&
           set_option(fd, IPPROTO_IP, IP_MULTICAST_IF, group) &&
           set_option(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, group);
  }
  const sockaddr_in from = address_of(source);
  if (good) {
    // Sent packets have this source; multicast is received whatever a raw socket is bound to only
    // when it is not bound, so the binding is for unicast.
    if (!options.unicast_peers.empty()) {
      good = bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof(from)) == 0;
    }
  }
  if (good) return fd;
  auto error = failed("options");
  ::close(fd);
  return error;
}

void Io::Impl::wait() {
  socket->async_wait(
      boost::asio::posix::stream_descriptor::wait_read,
      [weak = weak_from_this(), mine = opened](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!self || error || self->opened != mine) return;
        self->receive();
      });
}

void Io::Impl::receive() {
  const unsigned mine = opened;
  read_all();
  macs.read();
  if (socket && opened == mine) wait();
}

void Io::Impl::read_all() {
  std::array<std::uint8_t, kLargestPacket> packet;
  const unsigned mine = opened;  // handling an advert may close or reopen the socket
  for (unsigned i = 0; i < kPacketsAtOnce && socket && opened == mine; ++i) {
    const ssize_t got = recv(socket->native_handle(), packet.data(), packet.size(), 0);
    if (got < 0) {
      // The interface is gone: its watcher reopens the socket.
      if (errno == ENETDOWN || errno == ENODEV) socket.reset();
      return;
    }
    handle({packet.data(), static_cast<std::size_t>(got)});
  }
}

void Io::Impl::handle(std::span<const std::uint8_t> packet) {
  Datagram datagram;
  if (!split_datagram(packet, datagram)) return;
  Advert advert;
  Reject reject{};
  const bool good = decode(datagram, advert, reject);
  if (vrid_of(datagram.payload) != options.own.vrid) {
    // Another virtual router of the same interface has a socket and addresses of its own.
    if (good && claims_ours(advert, options.own)) {
      refuse(Reject::bad_vrid, datagram.source, advert.priority);
    }
    return;
  }
  if (!good || !accept(advert, options, datagram.source, source, reject)) {
    return refuse(reject, datagram.source, advert.priority);
  }
  if (const auto why = on_advert(advert, datagram.source)) {
    return refuse(*why, datagram.source, advert.priority);
  }
  ++counters.received;
}

void Io::Impl::refuse(Reject reject, Ipv4Address from, std::uint8_t priority) {
  ++counters.rejected[static_cast<std::size_t>(reject)];
  // The kernel gave the packet to that socket first.
  macs.read();
  const Refused refused{reject, from, macs.find(from), priority};
  if (is_unknown(reject)) unknown = Unknown{refused, std::chrono::steady_clock::now()};
  if (const auto left_out = limit.admit(name_of(reject), from.to_string())) {
    on_reject(refused, *left_out);
  }
}

void Io::Impl::send_to(Ipv4Address destination, std::uint8_t priority) {
  Advert advert = options.own;
  advert.priority = priority;
  const std::vector<std::uint8_t> payload = encode(advert, source, destination);
  sockaddr_in to = address_of(destination);
  iovec data{const_cast<std::uint8_t*>(payload.data()), payload.size()};
  // The source per packet: a multicast socket is not bound.
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(in_pktinfo))> control{};
  msghdr message{};
  message.msg_name = &to;
  message.msg_namelen = sizeof(to);
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = IPPROTO_IP;
  header->cmsg_type = IP_PKTINFO;
  header->cmsg_len = CMSG_LEN(sizeof(in_pktinfo));
  in_pktinfo info{};
  info.ipi_spec_dst.s_addr = source.be.raw;
  std::memcpy(CMSG_DATA(header), &info, sizeof(info));
  if (sendmsg(socket->native_handle(), &message, 0) < 0) {
    ++counters.send_errors;
  } else {
    ++counters.sent;
  }
}

Io::Io(boost::asio::io_context& io, Options options, OnAdvert on_advert, OnReject on_reject)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(on_advert),
                                   std::move(on_reject))) {}

Io::~Io() {
  close();
}

Result<void> Io::open(int interface_index, Ipv4Address source) {
  close();
  impl_->source = source;
  auto fd = impl_->make_socket(interface_index);
  if (!fd) return tl::make_unexpected(fd.error());
  impl_->socket.emplace(impl_->io, *fd);
  impl_->macs.open(interface_index);
  ++impl_->opened;
  impl_->wait();
  return {};
}

void Io::close() {
  impl_->socket.reset();
  impl_->macs.close();
}

bool Io::is_open() const {
  return impl_->socket.has_value();
}

void Io::send(std::uint8_t priority) {
  if (!impl_->socket) return;
  if (impl_->options.unicast_peers.empty()) {
    impl_->send_to(kMulticastGroup, priority);
  } else {
    for (const Ipv4Address peer : impl_->options.unicast_peers) impl_->send_to(peer, priority);
  }
}

void Io::refuse(Reject reject, Ipv4Address from, std::uint8_t priority) {
  impl_->refuse(reject, from, priority);
}

void Io::drain() {
  impl_->read_all();
}

const Io::Counters& Io::counters() const {
  return impl_->counters;
}

const std::optional<Io::Unknown>& Io::unknown() const {
  return impl_->unknown;
}

}  // namespace lb::vrrp
