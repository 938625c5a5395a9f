#include "controlplane/sync/link.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "controlplane/sync/link_impl.h"
#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane::sync {
namespace {

constexpr std::size_t kMaxFrameBytes = std::size_t{4} << 20;
// Unsent bytes, far more than ever under way: the peer does not read.
constexpr std::size_t kMaxUnsent = std::size_t{32} << 20;
// Silence after which a session ends. The failover code detects a dead peer much earlier.
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

}  // namespace

std::string_view name_of(Refusal refusal) {
  return kRefusalTexts[static_cast<std::size_t>(refusal)].name;
}
std::string_view text_of(Refusal refusal) {
  return kRefusalTexts[static_cast<std::size_t>(refusal)].text;
}

void Link::Impl::greet(const SessionPtr& of) {
  Message message;
  lb::sync::Hello& hello = *message.mutable_hello();
  hello.set_protocol(kSyncProtocol);
  hello.set_sync_id(options.sync_id);
  hello.set_director(options.director);
  hello.set_release(LB_RELEASE);
  for (const std::string& port : options.ports) hello.add_ports(port);
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
  of->last_received = Clock::now();
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
  // A peer that restarted before its old connection timed out.
  if (const SessionPtr old = session) close(old, "the peer reconnected");
  greeting.erase(of);
  of->greeted = true;
  session = of;
  ++counters.sessions;
  last_trouble.clear();
  states.write(log::Level::kInfo, "", "", "sync: connected to {} ({}, release {})",
               hello.director(), options.peer.to_string(), hello.release());
  watch_silence(of);
  if (events.up) events.up(hello);
}

void Link::Impl::watch_silence(const SessionPtr& of) {
  const milliseconds most = std::max<milliseconds>(kLeastSilence, kSilentBeats * options.heartbeat);
  of->limit.expires_at(of->last_received + most);
  of->limit.async_wait([self = shared_from_this(), of, most](const error_code& error) {
    if (error || of->closed) return;
    if (Clock::now() >= of->last_received + most) {
      self->close(of, "nothing received from the peer for " + std::to_string(most.count()) + " ms");
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
  if (of->next.size() > kMaxUnsent) return close(of, "the peer does not read what is sent");
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
  if (was_up) {
    states.write(log::Level::kWarning, "", "", "sync: lost the peer at {}: {}",
                 options.peer.to_string(), why);
  } else if (last_trouble != why) {
    states.write(log::Level::kWarning, "", "", "sync: no connection with {}: {}",
                 options.peer.to_string(), why);
  }
  last_trouble = why;
  if (is_dialler() && greeting.empty() && !session) dial_later();
  if (was_up && events.down) events.down(why);
}

void Link::Impl::refuse(const SessionPtr& of, Refusal refusal, const std::string& what) {
  if (of->closed) return;
  count(refusal, what);
  // It is logged already.
  last_trouble = std::string(text_of(refusal));
  close(of, last_trouble);
}

void Link::Impl::count(Refusal refusal, const std::string& what) {
  ++counters.refused[static_cast<std::size_t>(refusal)];
  // `what` may be anything that a stranger says; his address distinguishes those from elsewhere.
  const std::string source = refusal == Refusal::wrong_address ? what : std::string();
  refusals.write(log::Level::kWarning, name_of(refusal), source, "sync: refused: {}{}{}",
                 text_of(refusal), what.empty() ? "" : ": ", what);
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
  impl_->shut_out_timer.cancel();
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

Link::Clock::time_point Link::last_received() const {
  return impl_->session ? impl_->session->last_received : Clock::time_point{};
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
