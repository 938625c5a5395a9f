#include "controlplane/sync/mirror.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <optional>
#include <utility>

#include "controlplane/link/dataplane_connection.h"
#include "controlplane/sync/sync.pb.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::controlplane::sync {
namespace {

using Clock = Link::Clock;
using std::chrono::milliseconds;

constexpr milliseconds kPause{5};  // between two polls of the data plane when idle
constexpr std::uint32_t kPullBytes = 256U << 10;
// Limit of unacknowledged bytes. It covers some 10 ms at 3 Gbit/s.
constexpr std::uint64_t kWindowBytes = std::uint64_t{4} << 20;

struct Sent {
  std::uint64_t number;
  std::size_t bytes;
  Clock::time_point at;
};

struct Flush {
  std::optional<std::uint64_t> until;  // the batch to be acknowledged; none yet: still pulling
  Clock::time_point limit;
  std::function<void(bool)> done;
};

}  // namespace

struct Mirror::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io, const std::string& socket, Events e)
      : events(std::move(e)),
        connection(io, socket, "connection table",
                   {.connected = [this] { found_dataplane(); },
                    .disconnected = [this] { lost_dataplane(); }}),
        pause(io),
        flush_limit(io) {}

  void lost_dataplane();
  void found_dataplane();
  void turn();
  void turn_later();
  void answered(const api::Response& response, bool imported);
  void send_batch(const api::SyncReply& reply);
  void acknowledge(const api::SyncReply& reply);
  void check_flushes();
  void watch_flushes();
  void fail_flushes();

  Events events;
  DataplaneConnection connection;
  boost::asio::steady_timer pause;
  boost::asio::steady_timer flush_limit;  // of the first of `flushes`
  api::SyncStats stats;
  Status status;
  bool stopped = false;
  bool ready = false;
  bool lost = false;  // the data plane, since the session began

  // ---- of the session
  bool session = false;
  bool begin_due = false;
  bool end_due = false;
  std::vector<std::string> peer_ports;
  std::deque<lb::sync::Batch> inbound;    // not yet applied by the data plane
  std::uint64_t received = 0;             // number of the last batch
  std::uint64_t acknowledged = 0;         // by us
  std::optional<std::uint64_t> walk_end;  // the peer's batch that ends its walk
  std::deque<Sent> unacked;
  std::optional<std::uint64_t> our_walk_end;
  std::deque<Flush> flushes;
};

void Mirror::Impl::lost_dataplane() {
  if (stopped) return;
  // Its table is lost, with the entries of the peer. The session goes on until there is another
  // one: it tells the peer at once that this director cannot be master.
  lost = true;
  walk_end.reset();
  fail_flushes();  // what it had not reported yet is lost with it
  events.progress();
}

void Mirror::Impl::found_dataplane() {
  if (std::exchange(lost, false) && session && !begin_due) {
    events.reset("the data plane restarted");
  } else {
    turn();
  }
}

// One exchange with the data plane: a batch in, a batch out.
void Mirror::Impl::turn() {
  if (stopped || !connection.connected() || connection.busy()) return;
  pause.cancel();
  api::Request request;
  api::SyncRequest& sync = *request.mutable_sync();
  if (std::exchange(end_due, false)) sync.set_end(true);
  bool imported = false;
  const bool begun = session && (ready || !begin_due);
  if (begun) {
    if (std::exchange(begin_due, false)) {
      sync.set_begin(true);
      for (const std::string& port : peer_ports) sync.add_peer_ports(port);
    }
    if (!inbound.empty()) {
      sync.set_import(inbound.front().entries());
      imported = true;
    }
    if (status.unacked_bytes < kWindowBytes) sync.set_pull_bytes(kPullBytes);
  } else if (!sync.end()) {
    return;
  }
  connection.call(std::move(request), [this, imported](const api::Response& response) {
    answered(response, imported);
  });
}

void Mirror::Impl::turn_later() {
  pause.expires_after(kPause);
  pause.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->turn();
  });
}

void Mirror::Impl::answered(const api::Response& response, bool imported) {
  if (!response.error().empty()) {
    if (imported && session) {
      events.refuse(Refusal::malformed, response.error());
    } else {
      connection.reset(response.error());
    }
    return;
  }
  const api::SyncReply& reply = response.sync();
  stats = reply.stats();
  if (!session || begin_due) {  // the session ended or restarted meanwhile
    if (ready || !session) turn();
    return;
  }
  bool hurry = reply.more() && status.unacked_bytes < kWindowBytes;
  if (imported && !reply.import_refused()) {
    inbound.pop_front();
    hurry |= !inbound.empty();
  }
  if (!reply.batch().empty()) send_batch(reply);
  acknowledge(reply);
  // The answer holds all changes up to the request of a flush.
  if (!reply.more() && status.unacked_bytes < kWindowBytes) {
    for (Flush& flush : flushes) {
      if (!flush.until) flush.until = status.last_batch;
    }
  }
  check_flushes();
  if (hurry) {
    turn();
  } else {
    turn_later();
  }
}

void Mirror::Impl::send_batch(const api::SyncReply& reply) {
  lb::sync::Message message;
  lb::sync::Batch& batch = *message.mutable_batch();
  batch.set_number(++status.last_batch);
  batch.set_entries(reply.batch());
  batch.set_walk_begin(reply.walk_begin());
  batch.set_walk_end(reply.walk_end());
  if (reply.walk_begin()) our_walk_end.reset();
  if (reply.walk_end()) our_walk_end = batch.number();
  unacked.push_back({batch.number(), reply.batch().size(), Clock::now()});
  status.unacked_bytes += reply.batch().size();
  status.bytes_sent += reply.batch().size();
  ++status.batches_sent;
  events.send(message);
}

// Acknowledges the peer's batches that are in the table.
void Mirror::Impl::acknowledge(const api::SyncReply& reply) {
  if (reply.imports_done() == acknowledged || reply.imports_done() > received) return;
  acknowledged = reply.imports_done();
  lb::sync::Message message;
  message.mutable_ack()->set_number(acknowledged);
  events.send(message);
  events.progress();
}

void Mirror::Impl::check_flushes() {
  const auto now = Clock::now();
  while (!flushes.empty()) {
    Flush& first = flushes.front();
    const bool done = first.until && status.watermark >= *first.until;
    if (!done && now < first.limit) return;
    const auto call = std::move(first.done);
    flushes.pop_front();
    call(done);
  }
}

// Whatever answers no more: the data plane, the peer.
void Mirror::Impl::watch_flushes() {
  if (flushes.empty()) return;
  flush_limit.expires_at(flushes.front().limit);
  flush_limit.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (!self || error) return;
    self->check_flushes();
    self->watch_flushes();
  });
}

void Mirror::Impl::fail_flushes() {
  for (const Flush& each : std::exchange(flushes, {})) each.done(false);
}

Mirror::Mirror(boost::asio::io_context& io, const std::string& dataplane_socket, Events events)
    : impl_(std::make_shared<Impl>(io, dataplane_socket, std::move(events))) {}

Mirror::~Mirror() {
  stop();
}

void Mirror::start() {
  impl_->connection.start();
}

void Mirror::stop() {
  impl_->stopped = true;
  impl_->connection.stop();
  impl_->pause.cancel();
  impl_->flush_limit.cancel();
}

void Mirror::set_ready(bool ready) {
  impl_->ready = ready;
  if (ready) impl_->turn();
}

void Mirror::up(std::vector<std::string> peer_ports) {
  impl_->session = true;
  impl_->begin_due = true;
  impl_->peer_ports = std::move(peer_ports);
  impl_->turn();
}

void Mirror::down() {
  Impl& impl = *impl_;
  impl.session = false;
  impl.begin_due = false;
  impl.end_due = true;
  impl.inbound.clear();
  impl.received = impl.acknowledged = 0;
  impl.walk_end.reset();
  impl.our_walk_end.reset();
  impl.unacked.clear();
  impl.status.unacked_bytes = 0;
  impl.status.watermark = impl.status.last_batch = 0;
  impl.fail_flushes();
  impl.turn();
}

void Mirror::on_batch(const lb::sync::Batch& batch) {
  Impl& impl = *impl_;
  if (batch.number() != impl.received + 1) {
    return impl.events.refuse(Refusal::out_of_order, "batch " + std::to_string(batch.number()) +
                                                         " after " + std::to_string(impl.received));
  }
  // More than a peer may send before our acknowledgement.
  std::uint64_t waiting = batch.entries().size();
  for (const lb::sync::Batch& each : impl.inbound) waiting += each.entries().size();
  if (batch.entries().empty() || waiting > 2 * kWindowBytes) {
    return impl.events.refuse(Refusal::malformed, batch.entries().empty()
                                                      ? "an empty batch"
                                                      : "more than it may send at a time");
  }
  impl.received = batch.number();
  impl.status.bytes_received += batch.entries().size();
  ++impl.status.batches_received;
  if (batch.walk_begin()) impl.walk_end.reset();
  if (batch.walk_end()) impl.walk_end = batch.number();
  impl.inbound.push_back(batch);
  impl.turn();
}

void Mirror::on_ack(const lb::sync::Ack& ack) {
  Impl& impl = *impl_;
  if (ack.number() <= impl.status.watermark || ack.number() > impl.status.last_batch) {
    return impl.events.refuse(Refusal::out_of_order,
                              "acknowledgement " + std::to_string(ack.number()));
  }
  impl.status.watermark = ack.number();
  while (!impl.unacked.empty() && impl.unacked.front().number <= ack.number()) {
    impl.status.unacked_bytes -= impl.unacked.front().bytes;
    impl.unacked.pop_front();
  }
  impl.check_flushes();
}

void Mirror::flush(milliseconds limit, std::function<void(bool)> done) {
  impl_->flushes.push_back({std::nullopt, Clock::now() + limit, std::move(done)});
  if (!impl_->session || !impl_->connection.connected()) return impl_->fail_flushes();
  impl_->watch_flushes();
  impl_->turn();
}

bool Mirror::complete() const {
  return impl_->session && impl_->walk_end && impl_->acknowledged >= *impl_->walk_end;
}

Mirror::Status Mirror::status() const {
  Status status = impl_->status;
  status.complete = complete();
  status.peer_complete =
      impl_->session && impl_->our_walk_end && status.watermark >= *impl_->our_walk_end;
  if (!impl_->unacked.empty()) {
    status.lag = std::chrono::duration_cast<milliseconds>(Clock::now() - impl_->unacked.front().at);
  }
  return status;
}

const api::SyncStats& Mirror::stats() const {
  return impl_->stats;
}

}  // namespace lb::controlplane::sync
