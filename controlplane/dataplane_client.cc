#include "controlplane/dataplane_client.h"

#include <optional>
#include <utility>

#include "controlplane/dataplane_connection.h"
#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/frame.h"

namespace lb::controlplane {

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
  bool ready = false;                  // the running snapshot was read
  std::optional<std::string> waiting;  // a serialized ApplyRequest
  std::string last_sent;               // the same, sent last on this connection
  std::uint64_t generation = 0;
  bool confirmed = false;  // last_sent
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
    if (events.connected) events.connected(response.snapshot());
  });
}

void DataplaneClient::Impl::lose() {
  waiting.reset();
  last_sent.clear();
  confirmed = false;
  if (std::exchange(ready, false) && events.disconnected) events.disconnected();
}

void DataplaneClient::Impl::send_waiting() {
  if (!ready || connection.busy() || !waiting) return;
  std::string bytes = std::move(*waiting);
  waiting.reset();
  api::Request request;
  if (!api::from_bytes(bytes, *request.mutable_apply())) return;
  last_sent = std::move(bytes);
  confirmed = false;
  connection.call(std::move(request), [this](const api::Response& response) {
    if (response.error().empty()) {
      generation = response.apply().generation();
      confirmed = true;
      if (events.applied) events.applied(generation);
    } else {
      last_sent.clear();
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

void DataplaneClient::push(const api::Snapshot& snapshot) {
  if (!connected()) return;
  api::ApplyRequest request;
  *request.mutable_snapshot() = snapshot;
  std::string bytes = request.SerializeAsString();
  // What is on its way already need not wait behind itself: nobody would be told of its end.
  impl_->waiting.reset();
  if (bytes != impl_->last_sent) impl_->waiting = std::move(bytes);
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

bool DataplaneClient::up_to_date() const {
  return impl_->ready && impl_->confirmed && !impl_->waiting;
}

std::uint64_t DataplaneClient::generation() const {
  return impl_->generation;
}

}  // namespace lb::controlplane
