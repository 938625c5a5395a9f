#include "controlplane/sync/link.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <optional>
#include <set>
#include <utility>

#include "config/base/log.h"
#include "controlplane/sync/credentials.h"
#include "controlplane/sync/sync.pb.h"
#include "dataplane/api/frame.h"

namespace lb::controlplane::sync {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

constexpr milliseconds kRedial{200};
constexpr milliseconds kListenAgain{1000};
constexpr milliseconds kGreetingLimit{3000};  // connect, handshake and Hello
constexpr std::size_t kMaxFrameBytes = std::size_t{4} << 20;
constexpr std::size_t kMaxGreeting = 4;  // connections that have not said Hello yet
// Silence after which a session is given up. Whether the peer lives is judged much earlier.
constexpr milliseconds kLeastSilence{2000};
constexpr int kSilentBeats = 10;

struct RefusalText {
  std::string_view name, text;
};
constexpr std::array<RefusalText, kRefusals> kRefusalTexts = {{
#define X(name, text) {#name, text},
    LB_SYNC_REFUSALS(X)
#undef X
}};

tcp::endpoint endpoint_of(const Ipv4Endpoint& endpoint) {
  return {asio::ip::address_v4(endpoint.address.host()), endpoint.port};
}

// One connection. Its handlers keep it alive; after close() they do nothing.
struct Session {
  Session(tcp::socket socket, asio::ssl::context& context)
      : stream(std::move(socket), context), limit(stream.get_executor()) {}

  asio::ssl::stream<tcp::socket> stream;
  asio::steady_timer limit;  // greeting, then silence
  api::FramePrefix prefix{};
  std::string in;
  std::string out;   // being written
  std::string next;  // to be written after it
  bool greeted = false;
  bool closed = false;
  Link::Clock::time_point heard;
};
using SessionPtr = std::shared_ptr<Session>;

}  // namespace

std::string_view name_of(Refusal refusal) {
  return kRefusalTexts[static_cast<std::size_t>(refusal)].name;
}
std::string_view text_of(Refusal refusal) {
  return kRefusalTexts[static_cast<std::size_t>(refusal)].text;
}

struct Link::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io_context, Options o, std::unique_ptr<Credentials> c, Events e)
      : io(io_context),
        options(std::move(o)),
        credentials(std::move(c)),
        events(std::move(e)),
        again(io_context),
        beat_timer(io_context),
        acceptor(io_context) {}

  void dial();
  void dial_later();
  void listen();
  void listen_later(const std::string& why);
  void accept();
  void handshake(const SessionPtr& of, asio::ssl::stream_base::handshake_type as);
  void greet(const SessionPtr& of);
  void read_prefix(const SessionPtr& of);
  void read_body(const SessionPtr& of);
  void receive(const SessionPtr& of);
  void receive_hello(const SessionPtr& of, const lb::sync::Hello& hello);
  void watch_silence(const SessionPtr& of);
  void write(const SessionPtr& of, const Message& message);
  void flush(const SessionPtr& of);
  void beat_on();
  void beat();
  void close(const SessionPtr& of, const std::string& why);
  void refuse(const SessionPtr& of, Refusal refusal, const std::string& what);
  void count(Refusal refusal, const std::string& what);
  bool is_dialler() const { return options.listen < options.peer; }

  asio::io_context& io;
  Options options;
  std::unique_ptr<Credentials> credentials;
  Events events;
  asio::steady_timer again;
  asio::steady_timer beat_timer;
  tcp::acceptor acceptor;
  std::set<SessionPtr> greeting;
  SessionPtr session;  // the one that is up
  Counters counters;
  std::string last_trouble;            // logged once
  std::array<bool, kRefusals> told{};  // since the last session that was up
  bool stopped = false;
};

// ---- getting connected

void Link::Impl::dial() {
  auto fresh = std::make_shared<Session>(tcp::socket(io), credentials->client());
  auto& socket = fresh->stream.next_layer();
  error_code error;
  socket.open(tcp::v4(), error);
  // From our own address, by which the peer knows us.
  if (!error) socket.bind({asio::ip::address_v4(options.listen.address.host()), 0}, error);
  greeting.insert(fresh);
  fresh->limit.expires_after(kGreetingLimit);
  fresh->limit.async_wait([self = shared_from_this(), fresh](const error_code& cancelled) {
    if (!cancelled && !fresh->greeted) self->close(fresh, "no answer from the peer");
  });
  if (error) return close(fresh, options.listen.address.to_string() + ": " + error.message());
  socket.async_connect(endpoint_of(options.peer),
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
  acceptor.open(tcp::v4(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint_of(options.listen), error);
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
    log::warning("sync: cannot listen on {}: {}; trying again", options.listen.to_string(), why);
  }
  last_trouble = why;
  again.expires_after(kListenAgain);
  again.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && !self->stopped) self->listen();
  });
}

void Link::Impl::accept() {
  acceptor.async_accept([self = shared_from_this()](const error_code& error, tcp::socket socket) {
    if (self->stopped || error == asio::error::operation_aborted) return;
    if (!error) {
      error_code gone;
      const auto from = socket.remote_endpoint(gone);
      if (!gone && from.address().to_v4().to_uint() != self->options.peer.address.host()) {
        self->count(Refusal::wrong_address, from.address().to_string());
      } else if (!gone && self->greeting.size() < kMaxGreeting) {
        auto fresh = std::make_shared<Session>(std::move(socket), self->credentials->server());
        self->greeting.insert(fresh);
        fresh->limit.expires_after(kGreetingLimit);
        fresh->limit.async_wait([self, fresh](const error_code& cancelled) {
          if (!cancelled && !fresh->greeted) self->refuse(fresh, Refusal::silent, "");
        });
        self->handshake(fresh, asio::ssl::stream_base::server);
      }
    }
    self->accept();
  });
}

void Link::Impl::handshake(const SessionPtr& of, asio::ssl::stream_base::handshake_type as) {
  error_code ignored;
  of->stream.next_layer().set_option(tcp::no_delay(true), ignored);
  of->stream.async_handshake(as, [self = shared_from_this(), of](const error_code& error) {
    if (of->closed) return;
    if (error) {
      self->refuse(of, Refusal::not_proved, error.message());
    } else if (!self->credentials->proved(of->stream.native_handle())) {
      self->refuse(of, Refusal::not_proved, "the peer knows another key");
    } else {
      self->greet(of);
    }
  });
}

void Link::Impl::greet(const SessionPtr& of) {
  Message message;
  lb::sync::Hello& hello = *message.mutable_hello();
  hello.set_protocol(kSyncProtocol);
  hello.set_sync_id(options.sync_id);
  hello.set_director(options.director);
  hello.set_release(LB_RELEASE);
  for (const std::string& port : options.ports) hello.add_ports(port);
  hello.set_persistence(true);
  hello.set_checks(true);
  write(of, message);
  read_prefix(of);
}

// ---- reading

void Link::Impl::read_prefix(const SessionPtr& of) {
  asio::async_read(of->stream, asio::buffer(of->prefix),
                   [self = shared_from_this(), of](const error_code& error, std::size_t) {
                     if (of->closed) return;
                     if (error) return self->close(of, "the peer closed the connection");
                     self->read_body(of);
                   });
}

void Link::Impl::read_body(const SessionPtr& of) {
  const std::size_t bytes = api::decode_prefix(of->prefix);
  if (bytes > kMaxFrameBytes) {
    return refuse(of, Refusal::malformed, "a message of " + std::to_string(bytes) + " bytes");
  }
  of->in.resize(bytes);
  asio::async_read(of->stream, asio::buffer(of->in),
                   [self = shared_from_this(), of](const error_code& error, std::size_t) {
                     if (of->closed) return;
                     if (error) return self->close(of, "the peer closed the connection");
                     self->receive(of);
                   });
}

void Link::Impl::receive(const SessionPtr& of) {
  counters.bytes_received += of->in.size() + of->prefix.size();
  of->heard = Clock::now();
  Message message;
  if (!api::from_bytes(of->in, message)) {
    return refuse(of, Refusal::malformed, "not a message");
  }
  if (message.has_hello() == of->greeted) {
    return refuse(of, Refusal::malformed, of->greeted ? "a second greeting" : "no greeting");
  }
  if (!of->greeted) {
    receive_hello(of, message.hello());
  } else if (events.message) {
    events.message(message);
  }
  if (!of->closed) read_prefix(of);
}

void Link::Impl::receive_hello(const SessionPtr& of, const lb::sync::Hello& hello) {
  if (hello.protocol() != kSyncProtocol) {
    return refuse(of, Refusal::other_protocol,
                  "release " + hello.release() + " speaks " + std::to_string(hello.protocol()) +
                      ", we speak " + std::to_string(kSyncProtocol) +
                      "; install the same release on both directors");
  }
  if (hello.sync_id() != options.sync_id) {
    return refuse(of, Refusal::other_sync_id,
                  "it has " + std::to_string(hello.sync_id()) + ", we have " +
                      std::to_string(options.sync_id));
  }
  // A peer that was started again before its old connection was seen to be dead.
  if (const SessionPtr old = session) close(old, "the peer connected anew");
  greeting.erase(of);
  of->greeted = true;
  session = of;
  ++counters.sessions;
  told = {};
  last_trouble.clear();
  log::info("sync: connected to {} ({}, release {})", hello.director(), options.peer.to_string(),
            hello.release());
  watch_silence(of);
  if (events.up) events.up(hello);
}

void Link::Impl::watch_silence(const SessionPtr& of) {
  const milliseconds most = std::max<milliseconds>(kLeastSilence, kSilentBeats * options.heartbeat);
  of->limit.expires_at(of->heard + most);
  of->limit.async_wait([self = shared_from_this(), of, most](const error_code& error) {
    if (error || of->closed) return;
    if (Clock::now() >= of->heard + most) {
      self->close(of, "nothing heard from the peer for " + std::to_string(most.count()) + " ms");
    } else {
      self->watch_silence(of);
    }
  });
}

// ---- writing

void Link::Impl::write(const SessionPtr& of, const Message& message) {
  auto frame = api::to_frame(message);
  if (!frame) return;  // a batch is far smaller than the limit
  counters.bytes_sent += frame->size();
  of->next += *frame;
  if (of->out.empty()) flush(of);
}

void Link::Impl::flush(const SessionPtr& of) {
  std::swap(of->out, of->next);
  asio::async_write(of->stream, asio::buffer(of->out),
                    [self = shared_from_this(), of](const error_code& error, std::size_t) {
                      if (of->closed) return;
                      if (error) return self->close(of, "writing: " + error.message());
                      of->out.clear();
                      if (!of->next.empty()) self->flush(of);
                    });
}

void Link::Impl::beat_on() {
  beat_timer.expires_after(options.heartbeat);
  beat_timer.async_wait([self = shared_from_this()](const error_code& error) {
    if (error || self->stopped) return;
    self->beat();
    self->beat_on();
  });
}

void Link::Impl::beat() {
  if (!session) return;
  Message message;
  if (events.fill_beat) events.fill_beat(*message.mutable_heartbeat());
  write(session, message);
}

// ---- the end

void Link::Impl::close(const SessionPtr& of, const std::string& why) {
  if (std::exchange(of->closed, true)) return;
  error_code ignored;
  of->stream.next_layer().close(ignored);
  of->limit.cancel();
  greeting.erase(of);
  const bool was_up = session == of;
  if (was_up) session.reset();
  if (stopped) return;
  if (was_up || last_trouble != why) {
    log::warning("sync: {} {}: {}", was_up ? "lost the peer at" : "no connection with",
                 options.peer.to_string(), why);
  }
  last_trouble = why;
  if (is_dialler() && greeting.empty() && !session) dial_later();
  if (was_up && events.down) events.down(why);
}

void Link::Impl::refuse(const SessionPtr& of, Refusal refusal, const std::string& what) {
  if (of->closed) return;
  count(refusal, what);
  // The log has said it.
  last_trouble = std::string(text_of(refusal));
  close(of, last_trouble);
}

void Link::Impl::count(Refusal refusal, const std::string& what) {
  const auto kind = static_cast<std::size_t>(refusal);
  ++counters.refused[kind];
  if (std::exchange(told[kind], true)) return;
  log::warning("sync: refused: {}{}{}", text_of(refusal), what.empty() ? "" : ": ", what);
}

// ---- for callers

Link::Link(asio::io_context& io, Options options, std::unique_ptr<Credentials> credentials,
           Events events)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(credentials),
                                   std::move(events))) {}

Link::~Link() {
  stop();
}

void Link::start() {
  if (impl_->is_dialler()) {
    impl_->dial();
  } else {
    impl_->listen();
  }
  impl_->beat_on();
}

void Link::stop() {
  if (std::exchange(impl_->stopped, true)) return;
  impl_->events = {};
  impl_->again.cancel();
  impl_->beat_timer.cancel();
  error_code ignored;
  impl_->acceptor.close(ignored);
  const std::set<SessionPtr> greeting = impl_->greeting;
  for (const SessionPtr& each : greeting) impl_->close(each, "stopping");
  if (impl_->session) impl_->close(impl_->session, "stopping");
}

bool Link::up() const {
  return impl_->session != nullptr;
}

Link::Clock::time_point Link::last_heard() const {
  return impl_->session ? impl_->session->heard : Clock::time_point{};
}

void Link::send(const Message& message) {
  if (impl_->session) impl_->write(impl_->session, message);
}

void Link::beat() {
  impl_->beat();
}

void Link::refuse(Refusal refusal, const std::string& what) {
  if (impl_->session) impl_->refuse(impl_->session, refusal, what);
}

void Link::reset(const std::string& why) {
  if (impl_->session) impl_->close(impl_->session, why);
}

const Link::Counters& Link::counters() const {
  return impl_->counters;
}

}  // namespace lb::controlplane::sync
