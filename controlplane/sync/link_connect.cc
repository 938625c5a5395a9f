// Connects two directors: dials, listens, limits unknown peers.
#include <netinet/tcp.h>

#include <utility>

#include "config/base/socket_address.h"
#include "controlplane/sync/link_impl.h"

namespace lb::controlplane::sync {
namespace {

constexpr milliseconds kRedial{200};
constexpr milliseconds kListenAgain{1000};
constexpr milliseconds kGreetingLimit{3000};  // connect, handshake and Hello
constexpr std::size_t kMaxGreeting = 4;       // connections without a Hello yet
// Limits the time that unknown peers cost this thread: in each window so many connections are
// accepted, and so many handshakes started. A step of a handshake takes some
// milliseconds at most, by the limits of Credentials.
constexpr milliseconds kWindow{100};
constexpr unsigned kMostAccepted = 64;
constexpr unsigned kMostHandshakes = 8;

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
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
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
    accepts = handshakes = 0;
  }
  if (accepts >= kMostAccepted) {
    again.expires_at(window_began + kWindow);
    again.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error && !self->stopped) self->accept();
    });
    return;
  }
  acceptor.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
    if (self->stopped || error == asio::error::operation_aborted) return;
    ++self->accepts;
    if (!error) self->accepted(std::move(socket));
    self->accept();
  });
}

void Link::Impl::accepted(tcp::socket socket) {
  error_code gone;
  const auto from = socket.remote_endpoint(gone);
  if (gone) return;
  if (from.address() != asio_endpoint<tcp>(options.peer).address()) {
    return count(Refusal::wrong_address, from.address().to_string());
  }
  if (greeting.size() >= kMaxGreeting || handshakes >= kMostHandshakes) return;
  ++handshakes;
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
