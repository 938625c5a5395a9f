#include "controlplane/link/dataplane_connection.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <utility>

#include "config/base/log_limit.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/frame.h"

namespace lb::controlplane {
namespace {

using boost::system::error_code;
using Socket = boost::asio::local::stream_protocol::socket;
using std::chrono::milliseconds;

constexpr milliseconds kFirstBackOff{50};
constexpr milliseconds kLongestBackOff{500};
// The data plane answers within milliseconds. One that does not is stuck, or stopped in a debugger.
constexpr milliseconds kAnswerLimit{10'000};

using OnAnswer = DataplaneConnection::OnAnswer;

// One connection. Its handlers keep it alive; close() makes them do nothing.
struct Session {
  explicit Session(boost::asio::io_context& io) : socket(io), limit(io) {}

  Socket socket;
  boost::asio::steady_timer limit;
  std::string out;
  api::FramePrefix prefix{};
  std::string in;
  OnAnswer on_answer;  // of the request that is under way, if any
  std::uint64_t last_id = 0;
  bool greeted = false;
};

}  // namespace

struct DataplaneConnection::Impl : std::enable_shared_from_this<Impl> {
  using SessionPtr = std::shared_ptr<Session>;

  Impl(boost::asio::io_context& io_context, std::string socket_path, std::string what, Events e)
      : io(io_context),
        path(std::move(socket_path)),
        purpose(std::move(what)),
        events(std::move(e)),
        back_off(io_context) {}

  void connect();
  void connect_later();
  void lose(const SessionPtr& of, const std::string& why);
  void call(const SessionPtr& of, api::Request request, OnAnswer on_answer);
  void read_prefix(const SessionPtr& of);
  void read_body(const SessionPtr& of);
  void answer(const SessionPtr& of);
  void greet(const SessionPtr& of);

  boost::asio::io_context& io;
  std::string path;
  std::string purpose;
  Events events;
  boost::asio::steady_timer back_off;
  milliseconds next_back_off = kFirstBackOff;
  std::string last_trouble;  // not logged again
  LogLimit limit{10};        // of lines about the connection, which may come and go
  SessionPtr session;        // null between connections
  bool stopped = false;
};

void DataplaneConnection::Impl::connect() {
  auto fresh = std::make_shared<Session>(io);
  session = fresh;
  fresh->socket.async_connect(
      boost::asio::local::stream_protocol::endpoint(path),
      [self = shared_from_this(), fresh](const error_code& error) {
        if (self->session != fresh) return;
        if (error) {
          self->lose(fresh, "waiting for the data plane at " + self->path + ": " + error.message());
          return;
        }
        self->read_prefix(fresh);
        self->greet(fresh);
      });
}

void DataplaneConnection::Impl::connect_later() {
  if (stopped) return;
  back_off.expires_after(next_back_off);
  next_back_off = std::min(next_back_off * 2, kLongestBackOff);
  back_off.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->stopped) self->connect();
  });
}

// The connection ended or failed; another one follows.
void DataplaneConnection::Impl::lose(const SessionPtr& of, const std::string& why) {
  if (session != of) return;
  session.reset();
  error_code ignored;
  of->socket.close(ignored);
  of->limit.cancel();
  of->on_answer = nullptr;
  if (last_trouble != why) limit.write(log::Level::kWarning, "", "", "{}: {}", purpose, why);
  last_trouble = why;
  connect_later();
  if (of->greeted && events.disconnected) events.disconnected();
}

void DataplaneConnection::Impl::call(const SessionPtr& of, api::Request request,
                                     OnAnswer on_answer) {
  request.set_id(++of->last_id);
  auto frame = api::to_frame(request);
  if (!frame) {
    lose(of, "data plane: " + frame.error().message);
    return;
  }
  of->out = std::move(*frame);
  of->on_answer = std::move(on_answer);
  of->limit.expires_after(kAnswerLimit);
  of->limit.async_wait([self = shared_from_this(), of, id = of->last_id](const error_code& error) {
    if (error || !of->on_answer || of->last_id != id) return;
    self->lose(of, "the data plane does not answer; reconnecting");
  });
  boost::asio::async_write(of->socket, boost::asio::buffer(of->out),
                           [self = shared_from_this(), of](const error_code& error, std::size_t) {
                             if (error) self->lose(of, "the data plane closed the connection");
                           });
}

// A read is always pending, so that the end of the connection is noticed at once.
void DataplaneConnection::Impl::read_prefix(const SessionPtr& of) {
  boost::asio::async_read(of->socket, boost::asio::buffer(of->prefix),
                          [self = shared_from_this(), of](const error_code& error, std::size_t) {
                            if (self->session != of) return;
                            if (error) {
                              self->lose(of, "the data plane closed the connection");
                            } else {
                              self->read_body(of);
                            }
                          });
}

void DataplaneConnection::Impl::read_body(const SessionPtr& of) {
  const std::size_t bytes = api::decode_prefix(of->prefix);
  if (bytes > api::kMaxMessageBytes) {
    lose(of, "the data plane sent an invalid message");
    return;
  }
  of->in.resize(bytes);
  boost::asio::async_read(of->socket, boost::asio::buffer(of->in),
                          [self = shared_from_this(), of](const error_code& error, std::size_t) {
                            if (self->session != of) return;
                            if (error) {
                              self->lose(of, "the data plane closed the connection");
                            } else {
                              self->answer(of);
                            }
                          });
}

void DataplaneConnection::Impl::answer(const SessionPtr& of) {
  api::Response response;
  if (!api::from_bytes(of->in, response)) {
    lose(of, "the data plane sent an invalid message");
    return;
  }
  if (!of->on_answer || response.id() != of->last_id) {
    // An error before it closes the connection, not an answer to a request.
    lose(of, "data plane: " + (response.error().empty() ? "unexpected message" : response.error()));
    return;
  }
  of->limit.cancel();
  const OnAnswer on_answer = std::exchange(of->on_answer, nullptr);
  read_prefix(of);
  on_answer(response);
}

void DataplaneConnection::Impl::greet(const SessionPtr& of) {
  api::Request request;
  api::Hello& hello = *request.mutable_hello();
  hello.set_protocol(api::kProtocolVersion);
  hello.set_program("lb-controlplane");
  hello.set_release(LB_RELEASE);
  call(of, std::move(request), [self = shared_from_this(), of](const api::Response& response) {
    if (!response.error().empty()) {
      self->lose(of, "data plane: " + response.error());
    } else if (response.hello().protocol() != api::kProtocolVersion) {
      self->lose(of, "the data plane is release " + response.hello().release() +
                         ", which speaks another protocol; install the same release of both");
    } else {
      self->limit.write(log::Level::kInfo, "", "", "{}: connected to {} {}", self->purpose,
                        response.hello().program(), response.hello().release());
      of->greeted = true;
      self->next_back_off = kFirstBackOff;
      self->last_trouble.clear();
      if (self->events.connected) self->events.connected();
    }
  });
}

DataplaneConnection::DataplaneConnection(boost::asio::io_context& io, std::string socket_path,
                                         std::string purpose, Events events)
    : impl_(std::make_shared<Impl>(io, std::move(socket_path), std::move(purpose),
                                   std::move(events))) {}

DataplaneConnection::~DataplaneConnection() {
  stop();
}

void DataplaneConnection::start() {
  impl_->connect();
}

void DataplaneConnection::stop() {
  impl_->stopped = true;
  impl_->events = {};
  impl_->back_off.cancel();
  if (const auto session = std::exchange(impl_->session, nullptr)) {
    error_code ignored;
    session->socket.close(ignored);
    session->limit.cancel();
    session->on_answer = nullptr;
  }
}

bool DataplaneConnection::connected() const {
  return impl_->session != nullptr && impl_->session->greeted;
}

bool DataplaneConnection::busy() const {
  return impl_->session != nullptr && impl_->session->on_answer != nullptr;
}

void DataplaneConnection::call(api::Request request, OnAnswer on_answer) {
  impl_->call(impl_->session, std::move(request), std::move(on_answer));
}

void DataplaneConnection::reset(const std::string& why) {
  impl_->lose(impl_->session, why);
}

}  // namespace lb::controlplane
