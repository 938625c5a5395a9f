// Keeps the peer's connection table like ours and ours like the peer's: batches from the data plane
// go to the peer, the peer's batches to the data plane, and acknowledgements back. What is not
// acknowledged is bounded; a peer that does not keep up gets no more until it has, and the data
// plane remembers what it still has to be told. One thread: the one that runs the io_context; a
// batch takes it some milliseconds at most.
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
    // The peer did what it must not.
    std::function<void(Refusal, const std::string& what)> refuse;
    // Our data plane is new: the session has to begin anew.
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

  // Whether the data plane runs our configuration: before that it knows no service, and would
  // refuse all that the peer tells.
  void set_ready(bool ready);

  // A session began or ended. `peer_ports` are the names of the peer's ports by their numbers;
  // `persistence`: its release understands entries of persistence.
  void up(std::vector<std::string> peer_ports, bool persistence);
  void down();
  void on_batch(const lb::sync::Batch& batch);
  void on_ack(const lb::sync::Ack& ack);

  // Calls back when everything that has happened until now is acknowledged; with false when that
  // did not come about in `limit`.
  void flush(std::chrono::milliseconds limit, std::function<void(bool done)> done);

  // Whether our table has all that the peer had when the session began, and what came since.
  bool complete() const;
  Status status() const;
  const api::SyncStats& stats() const;  // of the data plane, as it told last

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane::sync
