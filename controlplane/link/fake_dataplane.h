// For tests: a data plane that stores snapshots, on the test's own event loop.
#pragma once

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/server.h"

namespace lb::controlplane {

class FakeDataplane {
 public:
  FakeDataplane(boost::asio::io_context& io, const std::string& path)
      : server_(io, {.path = path, .program = "fake-dataplane"},
                [this](const api::Request& request) { return answer(request); }) {
    if (auto result = server_.listen(); !result) failure = result.error().message;
  }
  ~FakeDataplane() { server_.close(); }

  api::Snapshot running;
  std::vector<api::Snapshot> applied;
  api::HandshakeFailureReply handshake_failures;  // sent once
  api::Stats stats;
  std::vector<api::HopsRequest> hops;
  api::HopsReply remembered;  // the answer to those that read
  std::string refusal;        // not empty: the answer to every snapshot
  std::string failure;        // of listening
  std::function<void()> before_answer;
  std::function<void()> before_stats;

 private:
  api::Response answer(const api::Request& request) {
    api::Response response;
    if (request.has_snapshot()) {
      *response.mutable_snapshot() = running;
    } else if (request.has_handshake_failures()) {
      response.mutable_handshake_failures()->Swap(&handshake_failures);
    } else if (request.has_stats()) {
      if (before_stats) before_stats();
      *response.mutable_stats() = stats;
    } else if (request.has_hops()) {
      hops.push_back(request.hops());
      if (request.hops().read()) *response.mutable_hops() = remembered;
    } else if (!refusal.empty()) {
      response.set_error(refusal);
    } else {
      if (before_answer) before_answer();
      const auto generation = running.generation() + 1;
      running = request.apply().snapshot();
      running.set_generation(generation);
      applied.push_back(running);
      response.mutable_apply()->set_generation(generation);
    }
    return response;
  }

  api::Server<api::Request, api::Response> server_;
};

// A temporary folder for a test's sockets.
class TestFolder {
 public:
  TestFolder() { path = ::mkdtemp(path.data()); }
  ~TestFolder() {
    for (const char* const file : {"/dataplane.sock", "/health.json", "/changes.json"}) {
      ::unlink((path + file).c_str());
    }
    ::rmdir(path.c_str());
  }
  std::string path = "/tmp/ballast-test-XXXXXX";
};

}  // namespace lb::controlplane
