// The control plane's client of the data plane's local API. Connects, and always reconnects with a
// small back-off; reads the data plane's snapshot; then sends snapshots, one at a time and always
// the latest. Nothing here blocks. One thread: the event loop's.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "dataplane/api/snapshot_spec.h"

namespace boost::asio {
class io_context;
}

namespace lb::api {
class Request;
class Response;
}  // namespace lb::api

namespace lb::controlplane {

class DataplaneClient {
 public:
  struct Events {
    // After the version exchange, with the data plane's snapshot; empty when there is none yet or
    // it cannot be read. push() may be called.
    std::function<void(const SnapshotSpec& running)> connected;
    std::function<void()> disconnected;
    // The data plane uses the last snapshot that was sent.
    std::function<void(std::uint64_t generation)> applied;
    // It refused a snapshot and keeps the old one.
    std::function<void(const std::string& why)> refused;
  };

  DataplaneClient(boost::asio::io_context& io, std::string socket_path, Events events);
  ~DataplaneClient();
  DataplaneClient(const DataplaneClient&) = delete;
  DataplaneClient& operator=(const DataplaneClient&) = delete;

  void start();
  void stop();  // no event comes after it

  // Sends the snapshot as soon as the previous one is answered; a waiting one is replaced by a
  // later one. While not connected it is dropped: push() a new one on `connected`. A snapshot that
  // equals the last one sent on this connection is not sent again.
  void push(SnapshotSpec snapshot);

  // Sends a query between two snapshots. False: there is no connection, or a snapshot or a query is
  // under way.
  bool try_ask(api::Request request, std::function<void(const api::Response&)> on_answer);

  bool connected() const;
  // The number of the last push(), from 1; of the last one that the data plane uses, or a later one
  // that equals it.
  std::uint64_t pushed() const;
  std::uint64_t in_use() const;
  std::uint64_t generation() const;  // last one confirmed by this or an earlier connection

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
