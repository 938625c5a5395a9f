// Connects two directors: dials, listens, limits unknown peers.
#include <linux/filter.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "config/base/socket_address.h"
#include "controlplane/sync/link_impl.h"

namespace lb::controlplane::sync {
namespace {

constexpr milliseconds kRedial{200};
constexpr milliseconds kListenAgain{1000};
constexpr milliseconds kGreetingLimit{3000};  // connect, handshake and Hello
constexpr milliseconds kAcceptAgain{200};     // without descriptors or memory
// Connections without a Hello yet. A new one replaces the oldest: who holds the peer's address
// cannot take all places for longer than a handshake lasts.
constexpr std::size_t kMaxGreeting = 8;
// So many wait in the kernel: strangers among them are refused within milliseconds.
constexpr unsigned kBacklog = 512;
// Limits the time that unknown peers cost this thread: in each window so many connections are
// accepted, and so many handshakes started. A step of a handshake takes some
// milliseconds at most, by the limits of Credentials.
constexpr milliseconds kWindow{100};
constexpr unsigned kMostAccepted = 64;
constexpr unsigned kMostHandshakes = 8;
// With more strangers in a window the kernel drops their packets, for so long, and the peer alone
// reaches the queue.
constexpr unsigned kMostStrangers = 32;
constexpr milliseconds kShutOut{10'000};

// Passes packets from `peer` alone. The filter of a TCP socket sees the TCP header; the IP header is
// at SKF_NET_OFF.
bool filter_by_source(int fd, const Address& peer) {
  const std::string bytes = to_bytes(peer);
  const std::uint32_t source_at =
      static_cast<std::uint32_t>(SKF_NET_OFF) + (peer.is_ipv4() ? 12 : 8);
  const auto words = static_cast<unsigned>(bytes.size() / 4);
  std::vector<sock_filter> code;
  for (unsigned i = 0; i < words; ++i) {
    std::uint32_t word = 0;
    std::memcpy(&word, bytes.data() + 4 * std::size_t{i}, sizeof(word));
    const auto left = static_cast<std::uint8_t>(2 * (words - i) - 1);  // statements to the refusal
    code.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, source_at + 4 * i));
    code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(word), 0, left));
  }
  code.push_back(BPF_STMT(BPF_RET | BPF_K, UINT32_MAX));
  code.push_back(BPF_STMT(BPF_RET | BPF_K, 0));
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
}

}  // namespace

void Link::Impl::dial() {
  auto fresh = std::make_shared<Session>(tcp::socket(io), credentials->client());
  auto& socket = fresh->stream.next_layer();
  error_code error;
  const auto from = asio_endpoint<tcp>({options.listen.address, 0});
  socket.open(from.protocol(), error);
  // From our own address, which the peer expects.
  if (!error) socket.bind(from, error);
  greeting.insert(fresh);
  fresh->limit.expires_after(kGreetingLimit);
  fresh->limit.async_wait([self = shared_from_this(), fresh](const error_code& cancelled) {
    if (!cancelled && !fresh->greeted) self->close(fresh, "no answer from the peer");
  });
  if (error) return close(fresh, options.listen.address.to_string() + ": " + error.message());
  socket.async_connect(asio_endpoint<tcp>(options.peer),
                       [self = shared_from_this(), fresh](const error_code& failed) {
                         if (fresh->closed) return;
                         if (failed) return self->close(fresh, failed.message());
                         self->handshake(fresh, asio::ssl::stream_base::client);
                       });
}

void Link::Impl::dial_later() {
  again.expires_after(kRedial);
  again.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->stopped) self->dial();
  });
}

void Link::Impl::listen() {
  error_code error;
  const auto at = asio_endpoint<tcp>(options.listen);
  acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(static_cast<int>(kBacklog), error);
  if (error) {
    error_code ignored;
    acceptor.close(ignored);
    return listen_later(error.message());
  }
  accept();
}

void Link::Impl::listen_later(const std::string& why) {
  if (last_trouble != why) {
    states.write(log::Level::kWarning, "", "", "sync: cannot listen on {}: {}; trying again",
                 options.listen.to_string(), why);
  }
  last_trouble = why;
  again.expires_after(kListenAgain);
  again.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->stopped) self->listen();
  });
}

void Link::Impl::accept() {
  const auto now = Clock::now();
  if (now - window_began >= kWindow) {
    window_began = now;
    accepts = handshakes = strangers = 0;
  }
  // While they are shut out, the few that were in the queue before are refused at once.
  if (accepts >= kMostAccepted + (shut_out ? kBacklog : 0)) {
    again.expires_at(window_began + kWindow);
    again.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error && !self->stopped) self->accept();
    });
    return;
  }
  acceptor.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
    if (self->stopped || error == asio::error::operation_aborted) return;
    ++self->accepts;
    // One that is gone again is no fault of ours. Without descriptors or memory it stays in the
    // queue, so that the next call would fail at once.
    if (error && error != asio::error::connection_aborted) {
      return self->accept_later(error.message());
    }
    if (std::exchange(self->cannot_accept, false)) {
      self->states.write(log::Level::kInfo, "", "", "sync: connections are accepted again");
    }
    if (!error) self->accepted(std::move(socket));
    self->accept();
  });
}

void Link::Impl::accept_later(const std::string& why) {
  if (!std::exchange(cannot_accept, true)) {
    states.write(log::Level::kError, "", "",
                 "sync: cannot accept connections on {}: {}; trying again",
                 options.listen.to_string(), why);
  }
  again.expires_after(kAcceptAgain);
  again.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->stopped) self->accept();
  });
}

void Link::Impl::refuse_stranger(const std::string& address) {
  count(Refusal::wrong_address, address);
  if (++strangers >= kMostStrangers && !shut_out) shut_out_strangers();
}

void Link::Impl::shut_out_strangers() {
  if (!filter_by_source(acceptor.native_handle(), options.peer.address)) return;
  shut_out = true;
  refusals.write(log::Level::kWarning, "flood", "",
                 "sync: many connections from unknown hosts; they get no answer for {} s",
                 kShutOut.count() / 1000);
  shut_out_timer.expires_after(kShutOut);
  shut_out_timer.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || self->stopped) return;
    self->shut_out = false;
    const int none = 0;
    setsockopt(self->acceptor.native_handle(), SOL_SOCKET, SO_DETACH_FILTER, &none, sizeof(none));
  });
}

void Link::Impl::accepted(tcp::socket socket) {
  error_code gone;
  const auto from = socket.remote_endpoint(gone);
  if (gone) return;
  if (from.address() != asio_endpoint<tcp>(options.peer).address()) {
    return refuse_stranger(from.address().to_string());
  }
  if (handshakes >= kMostHandshakes) return;
  ++handshakes;
  if (greeting.size() >= kMaxGreeting) {
    const SessionPtr oldest = *std::ranges::min_element(
        greeting, {}, [](const SessionPtr& each) { return each->limit.expiry(); });
    refuse(oldest, Refusal::silent, "");
  }
  auto fresh = std::make_shared<Session>(std::move(socket), credentials->server());
  greeting.insert(fresh);
  fresh->limit.expires_after(kGreetingLimit);
  fresh->limit.async_wait([self = shared_from_this(), fresh](const error_code& cancelled) {
    if (!cancelled && !fresh->greeted) self->refuse(fresh, Refusal::silent, "");
  });
  handshake(fresh, asio::ssl::stream_base::server);
}

void Link::Impl::handshake(const SessionPtr& of, asio::ssl::stream_base::handshake_type as) {
  error_code ignored;
  of->stream.next_layer().set_option(tcp::no_delay(true), ignored);
  of->stream.async_handshake(as, [self = shared_from_this(), of](const error_code& error) {
    if (of->closed) return;
    if (error) {
      self->refuse(of, Refusal::not_proved, error.message());
    } else if (!self->credentials->proved(of->stream.native_handle())) {
      self->refuse(of, Refusal::not_proved, "the peer has another key");
    } else {
      self->greet(of);
    }
  });
}

}  // namespace lb::controlplane::sync
