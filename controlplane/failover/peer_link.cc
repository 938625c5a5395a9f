#include "controlplane/failover/peer_link.h"

#include <boost/asio/io_context.hpp>
#include <optional>
#include <utility>

#include "config/base/log.h"
#include "config/base/log_limit.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/failover/lateness.h"
#include "controlplane/sync/credentials.h"
#include "controlplane/sync/sync.pb.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::controlplane {
namespace {

using std::chrono::milliseconds;

// Missing heartbeats after which the peer counts as dead.
constexpr int kMissedBeats = 3;
constexpr int kLateBeats = 2;  // default of warn_after
constexpr std::chrono::minutes kReportAgain{10};

milliseconds since(PeerLink::Clock::time_point then) {
  return std::chrono::duration_cast<milliseconds>(PeerLink::Clock::now() - then);
}

}  // namespace

struct PeerLink::Impl : std::enable_shared_from_this<Impl> {
  Impl(SettingsPtr s, Events e) : settings(std::move(s)), events(std::move(e)) {}

  void make_parts(boost::asio::io_context& io, std::unique_ptr<sync::Credentials> credentials);
  void up(const lb::sync::Hello& hello);
  void down(const std::string& why);
  void on_message(const lb::sync::Message& message);
  void on_heartbeat(const lb::sync::Heartbeat& heartbeat);
  void watch_heartbeats();
  void answer(const lb::sync::CheckQuestion& question);
  void answered(std::uint64_t number, std::uint64_t session, const sync::CheckOpinions& opinions);
  void on_check_answer(const lb::sync::CheckAnswer& answer);

  SettingsPtr settings;
  Events events;
  std::unique_ptr<sync::Link> link;
  std::unique_ptr<sync::Mirror> mirror;

  std::string director, release;
  PeerGroups groups;
  Clock::time_point last_heartbeat;
  Lateness late;
  LogLimit late_log;
  std::optional<Clock::time_point> late_reported;  // the last time
  std::optional<Clock::time_point> unreachable = Clock::now();
  bool was_complete = false;  // at the end of the last session

  struct Asked {
    std::size_t keys;
    sync::OnCheckOpinions done;
  };
  std::uint64_t question = 0;  // the last one's number
  std::optional<Asked> asked;  // not answered yet
  bool answering = false;      // a query of the peer is being answered
};

void PeerLink::Impl::make_parts(boost::asio::io_context& io,
                                std::unique_ptr<sync::Credentials> credentials) {
  const config::HaSync& ha = *settings->ha.sync;
  sync::Link::Options options{ha.listen,          ha.peer,        ha.sync_id, ha.heartbeat,
                              settings->director, settings->ports};
  link = std::make_unique<sync::Link>(
      io, options, std::move(credentials),
      sync::Link::Events{.up = [this](const lb::sync::Hello& hello) { up(hello); },
                         .down = [this](const std::string& why) { down(why); },
                         .message = [this](const auto& message) { on_message(message); },
                         .fill_beat = [this](auto& beat) { events.fill_beat(beat); }});
  mirror = std::make_unique<sync::Mirror>(
      io, settings->dataplane_socket,
      sync::Mirror::Events{
          .send = [this](const auto& message) { link->send(message); },
          .refuse = [this](auto refusal, const auto& what) { link->refuse(refusal, what); },
          .reset = [this](const std::string& why) { link->reset(why); },
          .progress = [this] { events.progress(); }});
}

void PeerLink::Impl::up(const lb::sync::Hello& hello) {
  director = hello.director();
  release = hello.release();
  unreachable.reset();
  groups.clear();
  late.reset();
  mirror->up({hello.ports().begin(), hello.ports().end()});
  link->send(*settings->services);
  link->beat();
  events.link(true, "with " + director);
}

void PeerLink::Impl::down(const std::string& why) {
  was_complete = mirror->complete();
  unreachable = Clock::now();
  asked.reset();
  mirror->down();
  events.link(false, why);
  events.update();
}

void PeerLink::Impl::on_message(const lb::sync::Message& message) {
  switch (message.kind_case()) {
    case lb::sync::Message::kHeartbeat:
      return on_heartbeat(message.heartbeat());
    case lb::sync::Message::kBatch:
      return mirror->on_batch(message.batch());
    case lb::sync::Message::kAck:
      return mirror->on_ack(message.ack());
    case lb::sync::Message::kServices:
      return events.services(director, message.services());
    case lb::sync::Message::kSwitchover:
      return events.switchover(message.switchover());
    case lb::sync::Message::kCheckQuestion:
      return answer(message.check_question());
    case lb::sync::Message::kCheckAnswer:
      return on_check_answer(message.check_answer());
    case lb::sync::Message::kHello:  // the link's own
    case lb::sync::Message::KIND_NOT_SET:
      break;
  }
  link->refuse(sync::Refusal::malformed, "a message of an unknown kind");
}

void PeerLink::Impl::on_heartbeat(const lb::sync::Heartbeat& heartbeat) {
  last_heartbeat = Clock::now();
  watch_heartbeats();
  auto read = peer_groups(heartbeat);
  if (!read) return link->refuse(sync::Refusal::malformed, "a heartbeat");
  groups = std::move(*read);
  events.update();
}

void PeerLink::Impl::watch_heartbeats() {
  const config::HaSync& ha = *settings->ha.sync;
  const milliseconds limit = ha.warn_after.count() != 0 ? ha.warn_after : kLateBeats * ha.heartbeat;
  const auto after = late.received(last_heartbeat, limit);
  if (!after) return;
  const std::string text =
      fmt::format("{} ms after the one before, which is more than warn_after ({} ms)",
                  after->count(), limit.count());
  late_log.write(log::Level::kWarning, "", "", "sync: late heartbeat of {}: {}", director, text);
  if (late_reported && last_heartbeat - *late_reported < kReportAgain) return;
  late_reported = last_heartbeat;
  events.late_heartbeat(text);
}

// One query at a time: another one before the answer is dropped.
void PeerLink::Impl::answer(const lb::sync::CheckQuestion& question_in) {
  const auto keys = sync::read(question_in);
  if (!keys) return link->refuse(sync::Refusal::malformed, "a question about checks");
  if (std::exchange(answering, true)) return;
  events.check_opinions(*keys,
                        [weak = weak_from_this(), number = question_in.number(),
                         session = link->counters().sessions](const sync::CheckOpinions& opinions) {
                          if (const auto self = weak.lock()) {
                            self->answered(number, session, opinions);
                          }
                        });
}

void PeerLink::Impl::answered(std::uint64_t number, std::uint64_t session,
                              const sync::CheckOpinions& opinions) {
  answering = false;
  if (link->counters().sessions != session) return;
  lb::sync::Message message;
  message.mutable_check_answer()->set_number(number);
  sync::write(opinions, *message.mutable_check_answer());
  link->send(message);
}

// An answer that comes too late belongs to an abandoned query.
void PeerLink::Impl::on_check_answer(const lb::sync::CheckAnswer& answer_in) {
  if (!asked || answer_in.number() != question) return;
  const auto opinions = sync::read(answer_in, asked->keys);
  if (!opinions) return link->refuse(sync::Refusal::malformed, "an answer about checks");
  const sync::OnCheckOpinions done = std::exchange(asked, std::nullopt)->done;
  done(*opinions);
}

PeerLink::PeerLink(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

PeerLink::~PeerLink() = default;

Result<std::unique_ptr<PeerLink>> PeerLink::make(boost::asio::io_context& io, SettingsPtr settings,
                                                 Events events) {
  auto credentials = sync::Credentials::load(*settings->ha.sync);
  if (!credentials) {
    return fail("[ha.sync]: " + credentials.error().message);
  }
  auto impl = std::make_shared<Impl>(std::move(settings), std::move(events));
  impl->make_parts(io, std::move(*credentials));
  return std::unique_ptr<PeerLink>(new PeerLink(std::move(impl)));
}

void PeerLink::start() {
  impl_->mirror->start();
  impl_->link->start();
}

void PeerLink::configure(SettingsPtr settings) {
  impl_->settings = std::move(settings);
  impl_->link->send(*impl_->settings->services);
}

void PeerLink::set_dataplane_ready(bool ready) {
  impl_->mirror->set_ready(ready);
}

vrrp::Peer PeerLink::group(const std::string& name) const {
  const auto found = impl_->groups.find(name);
  if (found == impl_->groups.end()) return {};
  vrrp::Peer peer = found->second.vrrp;
  peer.alive = alive();
  peer.reported_at = impl_->last_heartbeat;
  return peer;
}

const PeerGroup* PeerLink::report(const std::string& name) const {
  const auto found = impl_->groups.find(name);
  return connected() && found != impl_->groups.end() ? &found->second : nullptr;
}

bool PeerLink::alive() const {
  return connected() &&
         Clock::now() - impl_->last_heartbeat <= kMissedBeats * impl_->settings->ha.sync->heartbeat;
}

bool PeerLink::complete() const {
  return impl_->link->up() ? impl_->mirror->complete() : impl_->was_complete;
}

bool PeerLink::peer_complete() const {
  return impl_->mirror->status().peer_complete;
}

bool PeerLink::connected() const {
  return impl_->link->up();
}

std::optional<PeerLink::Clock::time_point> PeerLink::unreachable_since() const {
  return impl_->unreachable;
}

void PeerLink::beat() {
  impl_->link->beat();
}

void PeerLink::flush(milliseconds limit, std::function<void(bool)> done) {
  impl_->mirror->flush(limit, std::move(done));
}

void PeerLink::send(const lb::sync::Switchover& message) {
  lb::sync::Message wrapped;
  *wrapped.mutable_switchover() = message;
  impl_->link->send(wrapped);
}

void PeerLink::ask(const sync::CheckKeys& keys, sync::OnCheckOpinions done) {
  if (!connected()) return;
  lb::sync::Message message;
  message.mutable_check_question()->set_number(++impl_->question);
  sync::write(keys, *message.mutable_check_question());
  impl_->asked = Impl::Asked{keys.size(), std::move(done)};
  impl_->link->send(message);
}

void PeerLink::fill(api::control::HaPeer& peer) const {
  peer.set_director(impl_->director);
  peer.set_release(impl_->release);
  peer.set_connected(connected());
  peer.set_alive(alive());
  if (impl_->last_heartbeat != Clock::time_point{}) {
    peer.set_heard_ms(static_cast<std::uint64_t>(since(impl_->last_heartbeat).count()));
  }
  peer.set_late(impl_->late.count());
  peer.set_latest_ms(static_cast<std::uint64_t>(impl_->late.longest().count()));
}

void PeerLink::fill(api::control::Sync& sync) const {
  const config::HaSync& ha = *impl_->settings->ha.sync;
  const sync::Mirror::Status status = impl_->mirror->status();
  const sync::Link::Counters& link = impl_->link->counters();
  sync.set_connected(connected());
  sync.set_listen(ha.listen.to_string());
  sync.set_peer(ha.peer.to_string());
  sync.set_sync_id(ha.sync_id);
  sync.set_complete(status.complete);
  sync.set_peer_complete(status.peer_complete);
  sync.set_last_batch(status.last_batch);
  sync.set_watermark(status.watermark);
  sync.set_lag_ms(static_cast<std::uint64_t>(status.lag.count()));
  sync.set_lag_bytes(status.unacked_bytes);
  sync.set_sessions(link.sessions);
  sync.set_batches_sent(status.batches_sent);
  sync.set_batches_received(status.batches_received);
  sync.set_bytes_sent(link.bytes_sent);
  sync.set_bytes_received(link.bytes_received);
  for (std::size_t i = 0; i < sync::kRefusals; ++i) {
    const auto refusal = static_cast<sync::Refusal>(i);
    api::control::Count& count = *sync.add_refusals();
    count.set_name(std::string(sync::name_of(refusal)));
    count.set_description(std::string(sync::text_of(refusal)));
    count.set_count(link.refused[i]);
  }
  const api::SyncStats& stats = impl_->mirror->stats();
  api::control::SyncTable& table = *sync.mutable_table();
  table.set_changed(stats.changed());
  table.set_ended(stats.ended());
  table.set_walked(stats.walked());
  table.set_refreshed(stats.refreshed());
  table.set_walks(stats.walks());
  table.set_lost(stats.lost());
  table.set_lost_ends(stats.lost_ends());
  table.set_pending(stats.pending());
  for (const api::ImportCount& import : stats.imports()) {
    api::control::Count& count = *table.add_imports();
    count.set_name(import.outcome());
    count.set_description(import.description());
    count.set_count(import.entries());
  }
}

}  // namespace lb::controlplane
