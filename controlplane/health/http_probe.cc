// The one translation unit that includes Beast and Asio's TLS: they take long to compile.
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <map>
#include <type_traits>
#include <utility>

#include "controlplane/health/probes.h"
#include "controlplane/health/tls_context.h"

namespace lb::health {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using PlainStream = tcp::socket;
using TlsStream = asio::ssl::stream<tcp::socket>;

constexpr std::uint32_t kMaxHeaderBytes = 16 * 1024;
// Enough to see that the server sends a page; what is longer is cut off, and is no error.
constexpr std::size_t kMaxBodyBytes = 64 * 1024;

enum class Stage : std::uint8_t { kConnect, kHandshake, kExchange, kClose };

http::request<http::empty_body> make_http_request(const Request& request) {
  http::request<http::empty_body> message;
  message.version(11);
  message.method_string(request.method);
  message.target(request.path);
  message.set(http::field::host, request.host);
  message.set(http::field::user_agent, "ballast");
  message.set(http::field::connection, "close");
  return message;
}

Outcome exchange_failure(error_code ec, bool header_done) {
  if (ec == http::error::end_of_stream) return bad("L7RSP", "connection closed before a response");
  if (ec == http::error::partial_message || ec == asio::ssl::error::stream_truncated) {
    return bad("L7RSP", header_done ? "connection closed before the end of the body"
                                    : "connection closed before the end of the header");
  }
  if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
    return bad("L7RSP", "response header over " + std::to_string(kMaxHeaderBytes) + " bytes");
  }
  if (ec == asio::error::connection_reset || ec == asio::error::broken_pipe) {
    return bad("L7RSP", "connection reset");
  }
  if (ec.category() == asio::error::get_ssl_category()) return bad("L6RSP", ec.message());
  return bad("L7RSP", "invalid HTTP response");
}

// connect -> (handshake ->) exchange -> close. One deadline covers them all; the stage that it
// finds names the result. The result is out before the connection is closed: the server, which was
// asked to close, does so first where it can, and so keeps TIME_WAIT on its side.
template <typename Stream>
class HttpProbe final : public Probe, public std::enable_shared_from_this<HttpProbe<Stream>> {
 public:
  static constexpr bool kTls = std::is_same_v<Stream, TlsStream>;

  template <typename... StreamArgs>
  HttpProbe(asio::io_context& io, const Request& request, Done done, StreamArgs&... stream_args)
      : stream_(io, stream_args...),
        deadline_(io),
        to_(asio::ip::address_v4(request.to.address.host()), request.to.port),
        timeout_(request.timeout),
        expect_status_(request.expect_status),
        tls_server_name_(request.tls_server_name),
        done_(std::move(done)),
        request_(make_http_request(request)) {
    parser_.header_limit(kMaxHeaderBytes);
    parser_.body_limit(boost::none);
    parser_.skip(request_.method() == http::verb::head);
  }

  void begin() {
    error_code ec;
    socket().open(tcp::v4(), ec);
    if (ec) {
      asio::post(deadline_.get_executor(), [self = this->shared_from_this(), ec] {
        self->end(socket_failure("L4CON", ec.value()));
      });
      return;
    }
    set_deadline(started_ + timeout_);
    socket().async_connect(
        to_, [self = this->shared_from_this()](error_code error) { self->on_connected(error); });
  }

  void cancel() override {
    done_ = nullptr;
    abort();
  }

 private:
  tcp::socket& socket() {
    if constexpr (kTls) {
      return stream_.next_layer();
    } else {
      return stream_;
    }
  }

  bool closed() { return !socket().is_open(); }

  void set_deadline(std::chrono::steady_clock::time_point when) {
    deadline_.expires_at(when);
    deadline_.async_wait([self = this->shared_from_this()](error_code ec) {
      if (!ec && !self->closed()) self->on_deadline();
    });
  }

  void on_deadline() {
    const short awaited = stage_ == Stage::kConnect ? POLLOUT : POLLIN;
    if (stage_ != Stage::kClose && !extended_ &&
        has_unread_news(socket().native_handle(), awaited)) {
      extended_ = true;
      return set_deadline(std::chrono::steady_clock::now() + timeout_);
    }
    switch (stage_) {
      case Stage::kConnect:
        return end(timed_out("L4TOUT", timeout_));
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
    if (ec == asio::error::timed_out) return end(timed_out("L4TOUT", timeout_));
    if (ec) return end(socket_failure("L4CON", ec.value()));
    if constexpr (kTls) {
      handshake();
    } else {
      send_request();
    }
  }

  void handshake() {
    stage_ = Stage::kHandshake;
    if (!expect_server_name(stream_.native_handle(), tls_server_name_)) {
      return end(bad("L6RSP", "not a name for TLS: " + tls_server_name_));
    }
    stream_.async_handshake(asio::ssl::stream_base::client,
                            [self = this->shared_from_this()](error_code ec) {
                              if (self->closed()) return;
                              if (ec) return self->end(self->handshake_failure(ec));
                              self->send_request();
                            });
  }

  Outcome handshake_failure(error_code ec) {
    const std::string reason = verify_failure(stream_.native_handle(), tls_server_name_);
    if (!reason.empty()) return bad("L6RSP", reason);
    if (ec == asio::ssl::error::stream_truncated || ec == asio::error::eof ||
        ec == asio::error::connection_reset || ec == asio::error::broken_pipe) {
      return bad("L6RSP", "connection closed during the handshake");
    }
    return bad("L6RSP", "handshake failed: " + ec.message());
  }

  void send_request() {
    stage_ = Stage::kExchange;
    http::async_write(stream_, request_,
                      [self = this->shared_from_this()](error_code ec, std::size_t) {
                        if (self->closed()) return;
                        // A server may answer and close without having read the request.
                        (void)ec;
                        self->read_header();
                      });
  }

  void read_header() {
    http::async_read_header(stream_, buffer_, parser_,
                            [self = this->shared_from_this()](error_code ec, std::size_t) {
                              if (self->closed()) return;
                              if (ec) return self->end(exchange_failure(ec, false));
                              self->read_body();
                            });
  }

  // Reads to the end and forgets what it read.
  void read_body() {
    if (parser_.is_done()) return succeed();
    if (body_bytes_ >= kMaxBodyBytes) return end(status_outcome());
    auto& body = parser_.get().body();
    body.data = chunk_.data();
    body.size = chunk_.size();
    http::async_read(stream_, buffer_, parser_,
                     [self = this->shared_from_this()](error_code ec, std::size_t) {
                       if (!self->closed()) self->on_body(ec);
                     });
  }

  void on_body(error_code ec) {
    body_bytes_ += chunk_.size() - parser_.get().body().size;
    if (ec == http::error::need_buffer) ec = {};
    if constexpr (kTls) {
      // The body ends with the connection, and some servers skip close_notify.
      if (ec == asio::ssl::error::stream_truncated && parser_.need_eof()) return succeed();
    }
    if (ec) return end(exchange_failure(ec, true));
    read_body();
  }

  Outcome status_outcome() {
    return http_status(parser_.get().result_int(), expect_status_,
                       std::chrono::steady_clock::now() - started_);
  }

  // A complete response: reports it, then lets the server close.
  void succeed() {
    stage_ = Stage::kClose;
    report(status_outcome());
    if (closed()) return;
    // The server has closed already. To wait for that again would be to wait for an edge that
    // epoll has shown.
    if (parser_.need_eof()) return close();
    const auto on_closed = [self = this->shared_from_this()](error_code, std::size_t = 0) {
      self->close();
    };
    if constexpr (kTls) {
      stream_.async_shutdown(on_closed);
    } else {
      stream_.async_read_some(asio::buffer(chunk_), on_closed);
    }
  }

  // Reports, and leaves nothing of the connection.
  void end(const Outcome& outcome) {
    abort();
    report(outcome);
  }

  void report(const Outcome& outcome) {
    const Done done = std::exchange(done_, nullptr);
    if (done) done(outcome);
  }

  void abort() {
    error_code ignored;
    if (!closed()) socket().set_option(asio::socket_base::linger(true, 0), ignored);
    close();
  }

  void close() {
    error_code ignored;
    socket().close(ignored);
    deadline_.cancel();
  }

  Stream stream_;
  asio::steady_timer deadline_;
  tcp::endpoint to_;
  std::chrono::milliseconds timeout_;
  unsigned expect_status_;
  std::string tls_server_name_;
  Done done_;
  Stage stage_ = Stage::kConnect;
  bool extended_ = false;  // the director was late, the server got its time once more
  http::request<http::empty_body> request_;
  http::response_parser<http::buffer_body> parser_;
  boost::beast::flat_buffer buffer_{kMaxHeaderBytes + 1024};
  std::array<char, 4096> chunk_;
  std::size_t body_bytes_ = 0;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

// A probe that cannot even start.
class FailedProbe final : public Probe, public std::enable_shared_from_this<FailedProbe> {
 public:
  explicit FailedProbe(Done done) : done_(std::move(done)) {}

  void begin(asio::io_context& io, Outcome outcome) {
    asio::post(io, [self = shared_from_this(), outcome = std::move(outcome)] {
      const Done done = std::exchange(self->done_, nullptr);
      if (done) done(outcome);
    });
  }

  void cancel() override { done_ = nullptr; }

 private:
  Done done_;
};

class HttpProber final : public Prober {
 public:
  explicit HttpProber(asio::io_context& io) : io_(io) {}

  std::shared_ptr<Probe> start(const Request& request, Done done) override {
    if (request.type != config::CheckType::kHttps) {
      auto probe = std::make_shared<HttpProbe<PlainStream>>(io_, request, std::move(done));
      probe->begin();
      return probe;
    }
    auto context = tls_context(request.tls_verify, request.tls_ca_file);
    if (!context) {
      auto probe = std::make_shared<FailedProbe>(std::move(done));
      probe->begin(io_, bad("L6RSP", context.error().message));
      return probe;
    }
    auto probe = std::make_shared<HttpProbe<TlsStream>>(io_, request, std::move(done), **context);
    probe->begin();
    return probe;
  }

 private:
  // Running probes keep the context alive by themselves (SSL_new counts a reference).
  Result<asio::ssl::context*> tls_context(bool verify, const std::string& ca_file) {
    const auto key = std::pair(verify, ca_file);
    const auto known = contexts_.find(key);
    if (known != contexts_.end()) return &known->second;
    Result<TlsContext> made = make_client_context(verify, ca_file);
    if (!made) return fail(std::move(made.error().message));
    return &contexts_.emplace(key, asio::ssl::context(made->release())).first->second;
  }

  asio::io_context& io_;
  std::map<std::pair<bool, std::string>, asio::ssl::context> contexts_;
};

}  // namespace

std::unique_ptr<Prober> make_http_prober(asio::io_context& io) {
  return std::make_unique<HttpProber>(io);
}

}  // namespace lb::health
