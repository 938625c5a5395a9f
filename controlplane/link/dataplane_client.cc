#include "controlplane/link/dataplane_client.h"

#include <optional>
#include <utility>

#include "config/base/log.h"
#include "controlplane/link/dataplane_connection.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/snapshot_codec.h"

namespace lb::controlplane {

namespace {

// A data plane without a snapshot has generation 0.
SnapshotSpec running_in(const api::Snapshot& message) {
  if (message.generation() == 0) return {};
  auto spec = from_api(message);
  if (spec) return std::move(*spec);
  log::error("data plane: its snapshot cannot be read and is treated as unknown: {}",
             spec.error().message);
  return {};
}

}  // namespace

struct DataplaneClient::Impl {
  Impl(boost::asio::io_context& io, std::string socket_path, Events e)
      : events(std::move(e)),
        connection(io, std::move(socket_path), "configuration",
                   {.connected = [this] { read_running(); }, .disconnected = [this] { lose(); }}) {}

  void read_running();
  void lose();
  void send_waiting();

  Events events;
  DataplaneConnection connection;
  bool ready = false;  // the running snapshot was read
  std::optional<SnapshotSpec> waiting;
  std::optional<SnapshotSpec> last_sent;  // on this connection, and not refused
  std::uint64_t generation = 0;
  bool confirmed = false;  // last_sent
  std::uint64_t pushed = 0;
  std::uint64_t sent = 0;  // number of last_sent
  std::uint64_t in_use = 0;
};

void DataplaneClient::Impl::read_running() {
  api::Request request;
  request.mutable_snapshot();
  connection.call(std::move(request), [this](const api::Response& response) {
    if (!response.error().empty()) {
      connection.reset("data plane: " + response.error());
      return;
    }
    ready = true;
    generation = response.snapshot().generation();
    if (events.connected) events.connected(running_in(response.snapshot()));
  });
}

void DataplaneClient::Impl::lose() {
  waiting.reset();
  last_sent.reset();
  confirmed = false;
  if (std::exchange(ready, false) && events.disconnected) events.disconnected();
}

void DataplaneClient::Impl::send_waiting() {
  if (!ready || connection.busy() || !waiting) return;
  last_sent = std::exchange(waiting, std::nullopt);
  sent = pushed;
  confirmed = false;
  api::Request request;
  *request.mutable_apply()->mutable_snapshot() = to_api(*last_sent);
  connection.call(std::move(request), [this](const api::Response& response) {
    if (response.error().empty()) {
      generation = response.apply().generation();
      confirmed = true;
      in_use = sent;
      if (events.applied) events.applied(generation);
    } else {
      last_sent.reset();
      if (events.refused) events.refused(response.error());
    }
    send_waiting();
  });
}

DataplaneClient::DataplaneClient(boost::asio::io_context& io, std::string socket_path,
                                 Events events)
    : impl_(std::make_unique<Impl>(io, std::move(socket_path), std::move(events))) {}

DataplaneClient::~DataplaneClient() = default;

void DataplaneClient::start() {
  impl_->connection.start();
}

void DataplaneClient::stop() {
  impl_->ready = false;
  impl_->events = {};
  impl_->connection.stop();
}

void DataplaneClient::push(SnapshotSpec snapshot) {
  if (!connected()) return;
  // An equal snapshot is on its way already: a second one would get no answer.
  ++impl_->pushed;
  impl_->waiting.reset();
  if (snapshot != impl_->last_sent) {
    impl_->waiting = std::move(snapshot);
  } else {
    impl_->sent = impl_->pushed;
    if (impl_->confirmed) impl_->in_use = impl_->pushed;
  }
  impl_->send_waiting();
}

bool DataplaneClient::try_ask(api::Request request,
                              std::function<void(const api::Response&)> on_answer) {
  if (!impl_->ready || impl_->connection.busy()) return false;
  impl_->connection.call(std::move(request), [impl = impl_.get(), on_answer = std::move(on_answer)](
                                                 const api::Response& response) {
    on_answer(response);
    impl->send_waiting();
  });
  return true;
}

bool DataplaneClient::connected() const {
  return impl_->ready;
}

std::uint64_t DataplaneClient::pushed() const {
  return impl_->pushed;
}

std::uint64_t DataplaneClient::in_use() const {
  return impl_->in_use;
}

std::uint64_t DataplaneClient::generation() const {
  return impl_->generation;
}

}  // namespace lb::controlplane
