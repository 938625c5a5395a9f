#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <random>
#include <unordered_map>
#include <utility>

#include "controlplane/health/icmp_echo.h"
#include "controlplane/health/probes.h"

// After <net/if.h>, which Asio includes and which it would collide with.
#include <linux/icmp.h>

namespace lb::health {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class PingProbe;

// The socket that all ping probes of a family share.
class PingSocket : public std::enable_shared_from_this<PingSocket> {
 public:
  PingSocket(asio::io_context& io, Family family) : family_(family), descriptor_(io) {
    std::random_device random;
    secret_ = std::uint64_t{random()} << 32 | random();
    id_ = static_cast<std::uint16_t>(random());
  }

  // 0, or the errno.
  int open();
  // Sends an echo request with a unique number, which is returned; the errno goes to `error`.
  std::uint64_t send(const Address& to, const std::shared_ptr<PingProbe>& probe, int& error);
  // Reads the replies that have arrived.
  void receive_all();
  void forget(std::uint64_t number) { waiting_.erase(number); }
  void close() {
    error_code ignored;
    descriptor_.close(ignored);
  }

 private:
  struct Waiting {
    Address from;
    std::weak_ptr<PingProbe> probe;
  };

  void wait_readable();
  void receive(std::span<const std::uint8_t> bytes, const Address& from);
  void filter(int fd) const;

  Family family_;
  asio::posix::stream_descriptor descriptor_;
  bool raw_ = false;
  std::uint64_t secret_ = 0;
  std::uint16_t id_ = 0;
  std::uint64_t last_number_ = 0;
  std::unordered_map<std::uint64_t, Waiting> waiting_;
};

class PingProbe final : public Probe, public std::enable_shared_from_this<PingProbe> {
 public:
  PingProbe(asio::io_context& io, std::shared_ptr<PingSocket> socket, const Request& request,
            Done done)
      : io_(io),
        socket_(std::move(socket)),
        deadline_(io),
        to_(request.to.address),
        timeout_(request.timeout),
        done_(std::move(done)) {}

  void begin() {
    int error = socket_->open();
    if (error != 0) return finish_soon({Verdict::kInconclusive, "SOCKERR " + error_text(error)});
    number_ = socket_->send(to_, shared_from_this(), error);
    if (error != 0) return finish_soon(socket_failure("L3CON", error));
    deadline_.expires_at(started_ + timeout_);
    deadline_.async_wait([self = shared_from_this()](error_code ec) {
      if (!ec) self->on_deadline();
    });
  }

  void on_reply() { finish(good("L3OK", std::chrono::steady_clock::now() - started_)); }

  void cancel() override {
    done_ = nullptr;
    socket_->forget(number_);
    deadline_.cancel();
  }

 private:
  void on_deadline() {
    // On an overloaded director the reply may be unread.
    socket_->receive_all();
    finish(timed_out("L3TOUT", timeout_));
  }

  void finish_soon(Outcome outcome) {
    asio::post(
        io_, [self = shared_from_this(), outcome = std::move(outcome)] { self->finish(outcome); });
  }

  void finish(const Outcome& outcome) {
    const Done done = std::exchange(done_, nullptr);
    if (!done) return;
    cancel();
    done(outcome);
  }

  asio::io_context& io_;
  std::shared_ptr<PingSocket> socket_;
  asio::steady_timer deadline_;
  Address to_;
  std::chrono::milliseconds timeout_;
  Done done_;
  std::uint64_t number_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

int PingSocket::open() {
  if (descriptor_.is_open()) return 0;
  const bool ipv4 = family_ == Family::kIpv4;
  const auto open_as = [&](int type) {
    return ::socket(ipv4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    ipv4 ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6});
  };
  int fd = open_as(SOCK_DGRAM);
  raw_ = fd < 0;
  if (raw_) fd = open_as(SOCK_RAW);
  if (fd < 0) return errno;
  if (raw_) filter(fd);
  // Room for the replies to the burst of first checks; the default works, too.
  const int receive_bytes = 1 << 20;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes);
  error_code ec;
  descriptor_.assign(fd, ec);
  if (ec) return ec.value();
  wait_readable();
  return 0;
}

// A raw socket receives all ICMP of the machine.
void PingSocket::filter(int fd) const {
  if (family_ == Family::kIpv4) {
    icmp_filter only_replies{};
    only_replies.data = ~(std::uint32_t{1} << ICMP_ECHOREPLY);
    ::setsockopt(fd, SOL_RAW, ICMP_FILTER, &only_replies, sizeof only_replies);
  } else {
    icmp6_filter only_replies;
    ICMP6_FILTER_SETBLOCKALL(&only_replies);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &only_replies);
    ::setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &only_replies, sizeof only_replies);
  }
}

std::uint64_t PingSocket::send(const Address& to, const std::shared_ptr<PingProbe>& probe,
                               int& error) {
  const std::uint64_t number = ++last_number_;
  const auto packet =
      make_echo_request({id_, static_cast<std::uint16_t>(number), secret_, number}, family_);
  const SocketAddress address(Endpoint(to, 0));
  const ssize_t sent = ::sendto(descriptor_.native_handle(), packet.data(), packet.size(),
                                MSG_NOSIGNAL, address.data(), address.size());
  error = sent < 0 ? errno : 0;
  if (error == 0) waiting_.emplace(number, Waiting{to, probe});
  return number;
}

void PingSocket::wait_readable() {
  descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                         [weak = weak_from_this()](error_code ec) {
                           const auto self = weak.lock();
                           if (ec || !self) return;
                           self->receive_all();
                           if (self->descriptor_.is_open()) self->wait_readable();
                         });
}

void PingSocket::receive_all() {
  // Bounded, so that a flood of replies does not block the event loop.
  for (int i = 0; i < 256 && descriptor_.is_open(); ++i) {
    std::array<std::uint8_t, 256> buffer;
    SocketAddress address;
    const ssize_t got = ::recvfrom(descriptor_.native_handle(), buffer.data(), buffer.size(), 0,
                                   address.data(), address.size());
    if (got < 0) return;
    const auto from = address.endpoint();
    if (!from) continue;
    const auto bytes = std::span<const std::uint8_t>(buffer).first(static_cast<std::size_t>(got));
    // A raw IPv4 socket delivers the IP header, too.
    receive(raw_ && from->address.is_ipv4() ? ipv4_payload(bytes) : bytes, from->address);
  }
}

void PingSocket::receive(std::span<const std::uint8_t> bytes, const Address& from) {
  const auto echo = parse_echo_reply(bytes, family_);
  if (!echo || echo->secret != secret_) return;
  // The kernel chooses the id of a datagram socket, and matches it.
  if (raw_ && echo->id != id_) return;
  if (echo->sequence != static_cast<std::uint16_t>(echo->number)) return;
  const auto found = waiting_.find(echo->number);
  if (found == waiting_.end() || found->second.from != from) return;
  if (const auto probe = found->second.probe.lock()) probe->on_reply();
}

class PingProber final : public Prober {
 public:
  explicit PingProber(asio::io_context& io)
      : io_(io),
        ipv4_(std::make_shared<PingSocket>(io, Family::kIpv4)),
        ipv6_(std::make_shared<PingSocket>(io, Family::kIpv6)) {}
  ~PingProber() override {
    ipv4_->close();
    ipv6_->close();
  }

  std::shared_ptr<Probe> start(const Request& request, Done done) override {
    auto probe = std::make_shared<PingProbe>(io_, request.to.address.is_ipv4() ? ipv4_ : ipv6_,
                                             request, std::move(done));
    probe->begin();
    return probe;
  }

 private:
  asio::io_context& io_;
  std::shared_ptr<PingSocket> ipv4_;
  std::shared_ptr<PingSocket> ipv6_;
};

}  // namespace

std::unique_ptr<Prober> make_ping_prober(asio::io_context& io) {
  return std::make_unique<PingProber>(io);
}

}  // namespace lb::health
