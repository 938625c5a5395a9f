// A small HTTP/1.1 server (RFC 9110, RFC 9112) on a thread of its own, so that no stranger delays anything else.
// It answers each request with the page of the address that it came to, and closes the connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>

#include "config/base/address.h"
#include "controlplane/os/learnt_files.h"

namespace lb::controlplane::web {

// What strangers may use up.
struct Limits {
  std::size_t connections = 512;             // of all addresses; beyond it the oldest one ends
  std::chrono::milliseconds request{5'000};  // until a whole header is there
  std::chrono::milliseconds reply{30'000};   // until the client has read the page
};

class HttpServer {
 public:
  // Where it listens, and the file that it answers with there, under status 503.
  using Pages = std::map<Endpoint, LearntFile>;

  explicit HttpServer(const Limits& limits = {});
  // Ends all connections, and waits for the thread, which waits for nothing.
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // From now on; connections that are open go on. Listens also on an address that the machine does not have yet,
  // as a standby does not. Where another program listens it says so in the log and tries again every few
  // seconds. Without pages, from the start on, there is no thread. One thread calls it.
  void serve(Pages pages);

 private:
  class Impl;
  const Limits limits_;
  std::unique_ptr<Impl> impl_;
};

}  // namespace lb::controlplane::web
