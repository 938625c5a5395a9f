// What probes over TCP and TLS share: connect -> (handshake ->) exchange -> close, with the
// deadlines. For the .cc files of such probes alone: it includes Asio's TLS, which takes long to
// compile.
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <type_traits>
#include <utility>

#include "controlplane/health/probes.h"
#include "controlplane/health/tls_context.h"

namespace lb::health {

using PlainStream = boost::asio::ip::tcp::socket;
using TlsStream = boost::asio::ssl::stream<boost::asio::ip::tcp::socket>;

// One deadline covers it all, and an earlier one the connection; the stage that it finds names the
// result. The result is out before the connection is closed: the server, which was asked to close,
// does so first where it can, and so keeps TIME_WAIT on its side.
template <typename Stream>
class StreamProbe : public Probe, public std::enable_shared_from_this<StreamProbe<Stream>> {
 public:
  using error_code = boost::system::error_code;
  using Clock = std::chrono::steady_clock;
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  // `tls`: the SSL* of a TLS stream, which takes it over.
  template <typename... Tls>
  StreamProbe(boost::asio::io_context& io, const Request& request, Done done, Tls... tls)
      : stream_(boost::asio::ip::tcp::socket(io), tls...),
        deadline_(io),
        to_(asio_endpoint<boost::asio::ip::tcp>(request.to)),
        source_(request.source),
        timeout_(request.timeout),
        connect_timeout_(std::min(request.connect_timeout, request.timeout)),
        tls_server_name_(request.tls_server_name),
        done_(std::move(done)) {}

  void begin() {
    error_code ec;
    socket().open(to_.protocol(), ec);
    if (!ec && source_) bind_source(socket().native_handle(), *source_, ec);
    if (ec) {
      boost::asio::post(deadline_.get_executor(), [this, self = this->shared_from_this(), ec] {
        end(socket_failure("L4CON", ec.value()));
      });
      return;
    }
    set_deadline(started_ + connect_timeout_);
    socket().async_connect(
        to_, [this, self = this->shared_from_this()](error_code error) { on_connected(error); });
  }

  void cancel() override {
    done_ = nullptr;
    abort();
  }

 protected:
  // The connection to the server's application is open.
  virtual void talk() = 0;

  Stream& stream() { return stream_; }
  bool closed() { return !socket().is_open(); }
  Clock::duration took() const { return Clock::now() - started_; }

  // Reports, then lets the server close.
  void succeed(const Outcome& outcome, bool server_has_closed) {
    stage_ = Stage::kClose;
    report(outcome);
    if (closed()) return;
    // The close has arrived already; epoll would not signal it again.
    if (server_has_closed) return close();
    const auto on_closed = [this, self = this->shared_from_this()](error_code, std::size_t = 0) {
      close();
    };
    if constexpr (kTls) {
      stream_.async_shutdown(on_closed);
    } else {
      stream_.async_read_some(boost::asio::buffer(rest_), on_closed);
    }
  }

  // Reports, and leaves nothing of the connection.
  void end(const Outcome& outcome) {
    abort();
    report(outcome);
  }

  static bool is_reset(error_code ec) {
    return ec == boost::asio::error::connection_reset || ec == boost::asio::error::broken_pipe;
  }

 private:
  enum class Stage : std::uint8_t { kConnect, kHandshake, kExchange, kClose };

  boost::asio::ip::tcp::socket& socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  void set_deadline(Clock::time_point when) {
    deadline_.expires_at(when);
    deadline_.async_wait([this, self = this->shared_from_this()](error_code ec) {
      if (!ec && !closed()) on_deadline();
    });
  }

  void on_deadline() {
    const short awaited = stage_ == Stage::kConnect ? POLLOUT : POLLIN;
    if (stage_ != Stage::kClose && !extended_ &&
        has_unread_events(socket().native_handle(), awaited)) {
      extended_ = true;
      return set_deadline(Clock::now() + timeout_);
    }
    switch (stage_) {
      case Stage::kConnect:
        return end(timed_out("L4TOUT", connect_timeout_));
      case Stage::kHandshake:
        return end(timed_out("L6TOUT", timeout_));
      case Stage::kExchange:
        return end(timed_out("L7TOUT", timeout_));
      case Stage::kClose:
        return abort();
    }
  }

  void on_connected(error_code ec) {
    if (closed()) return;
    if (ec == boost::asio::error::timed_out) return end(timed_out("L4TOUT", connect_timeout_));
    if (ec) return end(socket_failure("L4CON", ec.value()));
    if (connect_timeout_ != timeout_ && !extended_) set_deadline(started_ + timeout_);
    if constexpr (kTls) {
      handshake();
    } else {
      stage_ = Stage::kExchange;
      talk();
    }
  }

  void handshake() {
    stage_ = Stage::kHandshake;
    if (!expect_server_name(stream_.native_handle(), tls_server_name_)) {
      return end(bad("L6RSP", "not a name for TLS: " + tls_server_name_));
    }
    stream_.async_handshake(boost::asio::ssl::stream_base::client,
                            [this, self = this->shared_from_this()](error_code ec) {
                              if (closed()) return;
                              if (ec) return end(handshake_failure(ec));
                              stage_ = Stage::kExchange;
                              talk();
                            });
  }

  Outcome handshake_failure(error_code ec) {
    const std::string reason = verify_failure(stream_.native_handle(), tls_server_name_);
    if (!reason.empty()) return bad("L6RSP", reason);
    if (ec == boost::asio::ssl::error::stream_truncated || ec == boost::asio::error::eof ||
        is_reset(ec)) {
      return bad("L6RSP", "connection closed during the handshake");
    }
    return bad("L6RSP", "handshake failed: " + ec.message());
  }

  void report(const Outcome& outcome) {
    const Done done = std::exchange(done_, nullptr);
    if (done) done(outcome);
  }

  void abort() {
    error_code ignored;
    if (!closed()) {
      socket().set_option(boost::asio::socket_base::linger(true, 0), ignored);
    }
    close();
  }

  void close() {
    error_code ignored;
    socket().close(ignored);
    deadline_.cancel();
  }

  Stream stream_;
  boost::asio::steady_timer deadline_;
  boost::asio::ip::tcp::endpoint to_;
  std::optional<Address> source_;
  std::chrono::milliseconds timeout_;
  std::chrono::milliseconds connect_timeout_;
  std::string tls_server_name_;
  Done done_;
  Stage stage_ = Stage::kConnect;
  bool extended_ = false;  // the director was late, the server got its time once more
  std::array<char, 4096> rest_;
  Clock::time_point started_ = Clock::now();
};

// Makes a PlainProbe or a TlsProbe for the request, or one that fails without a TLS context.
template <typename PlainProbe, typename TlsProbe, typename... More>
std::shared_ptr<Probe> start_stream_probe(boost::asio::io_context& io, const Request& request,
                                          Done done, TlsContexts& contexts, More&&... more) {
  if (!request.tls) {
    auto probe =
        std::make_shared<PlainProbe>(io, request, std::move(done), std::forward<More>(more)...);
    probe->begin();
    return probe;
  }
  const auto context = contexts.get(request.tls_verify, request.tls_ca_file);
  if (!context) return start_failed_probe(io, bad("L6RSP", context.error().message), done);
  auto probe = std::make_shared<TlsProbe>(io, request, std::move(done), std::forward<More>(more)...,
                                          SSL_new(*context));
  probe->begin();
  return probe;
}

}  // namespace lb::health
