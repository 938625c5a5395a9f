#include <poll.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "controlplane/health/probes.h"

namespace lb::health {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Only connects. The connection is reset instead of closed: nothing was sent on it, and
// thousands of checks would otherwise leave thousands of sockets in TIME_WAIT.
class TcpProbe final : public Probe, public std::enable_shared_from_this<TcpProbe> {
 public:
  TcpProbe(asio::io_context& io, const Request& request, Done done)
      : io_(io),
        socket_(io),
        deadline_(io),
        to_(asio_endpoint<tcp>(request.to)),
        source_(request.source),
        timeout_(std::min(request.connect_timeout, request.timeout)),
        done_(std::move(done)) {}

  void begin() {
    error_code ec;
    socket_.open(to_.protocol(), ec);
    if (!ec && source_) bind_source(socket_.native_handle(), *source_, ec);
    if (ec) {
      asio::post(io_, [self = shared_from_this(), ec] {
        self->finish(socket_failure("L4CON", ec.value()));
      });
      return;
    }
    socket_.set_option(asio::socket_base::linger(true, 0), ec);
    deadline_.expires_at(started_ + timeout_);
    deadline_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->on_deadline();
    });
    socket_.async_connect(to_, [self = shared_from_this()](error_code error) {
      if (error == asio::error::timed_out) return self->finish(timed_out("L4TOUT", self->timeout_));
      if (error) return self->finish(socket_failure("L4CON", error.value()));
      self->finish(good("L4OK", std::chrono::steady_clock::now() - self->started_));
    });
  }

  void cancel() override {
    done_ = nullptr;
    close();
  }

 private:
  void on_deadline() {
    if (!done_) return;
    // Then the connect handler is next.
    if (has_unread_events(socket_.native_handle(), POLLOUT)) return;
    finish(timed_out("L4TOUT", timeout_));
  }

  void finish(const Outcome& outcome) {
    if (!done_) return;  // the other of connect and deadline came first
    const Done done = std::exchange(done_, nullptr);
    close();
    done(outcome);
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
    deadline_.cancel();
  }

  asio::io_context& io_;
  tcp::socket socket_;
  asio::steady_timer deadline_;
  tcp::endpoint to_;
  std::optional<Address> source_;
  std::chrono::milliseconds timeout_;
  Done done_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

std::shared_ptr<Probe> start_tcp_probe(asio::io_context& io, const Request& request, Done done) {
  auto probe = std::make_shared<TcpProbe>(io, request, std::move(done));
  probe->begin();
  return probe;
}

}  // namespace lb::health
