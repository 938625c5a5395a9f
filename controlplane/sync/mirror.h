// Synchronizes the two connection tables: batches from the data plane go to the peer, the peer's
// batches to the data plane, and acknowledgements back. Unacknowledged data is bounded; a slow peer
// gets no more until it has acknowledged, and the data plane keeps what is still to be sent. One
// thread: the one that runs the io_context; a batch takes some milliseconds at most.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "controlplane/sync/link.h"

namespace lb::api {
class SyncStats;
}
namespace lb::sync {
class Ack;
class Batch;
}  // namespace lb::sync

namespace lb::controlplane::sync {

class Mirror {
 public:
  struct Events {
    std::function<void(const lb::sync::Message&)> send;  // to the peer
    // The peer violated the protocol.
    std::function<void(Refusal, const std::string& what)> refuse;
    // Our data plane restarted: the session must restart.
    std::function<void(const std::string& why)> reset;
    // complete() may have changed.
    std::function<void()> progress;
  };
  struct Status {
    std::uint64_t batches_sent = 0;  // since the start, as all of these
    std::uint64_t batches_received = 0;
    std::uint64_t bytes_sent = 0;  // of entries
    std::uint64_t bytes_received = 0;
    std::uint64_t watermark = 0;   // last batch of this session that the peer acknowledged
    std::uint64_t last_batch = 0;  // last one sent in this session
    std::uint64_t unacked_bytes = 0;
    std::chrono::milliseconds lag{0};  // age of the oldest batch that is not acknowledged
    bool complete = false;             // our table has all that the peer has
    bool peer_complete = false;        // the peer has said that its table has all that we have
  };

  Mirror(boost::asio::io_context& io, const std::string& dataplane_socket, Events events);
  ~Mirror();
  Mirror(const Mirror&) = delete;
  Mirror& operator=(const Mirror&) = delete;

  void start();
  void stop();

  // Whether the data plane runs our configuration: before that it has no services, and would refuse
  // all entries of the peer.
  void set_ready(bool ready);

  // A session began or ended. `peer_ports` are the names of the peer's ports by their numbers.
  void up(std::vector<std::string> peer_ports);
  void down();
  void on_batch(const lb::sync::Batch& batch);
  void on_ack(const lb::sync::Ack& ack);

  // Calls back when all changes until now are acknowledged; with false after `limit`, and when the
  // session or the data plane is lost.
  void flush(std::chrono::milliseconds limit, std::function<void(bool done)> done);

  // Whether our table has all that the peer had when the session began, and what came since.
  bool complete() const;
  Status status() const;
  const api::SyncStats& stats() const;  // the data plane's latest

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane::sync
