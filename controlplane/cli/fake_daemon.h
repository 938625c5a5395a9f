// For tests: daemons on real sockets, and lbcli run against them.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "controlplane/cli/cli.h"
#include "dataplane/api/server.h"

namespace lb::cli {

// A daemon on its own thread.
template <typename Request, typename Response>
class Daemon {
 public:
  using Server = api::Server<Request, Response>;
  Daemon(const std::string& path, const std::string& program, typename Server::Handler handler)
      : server_(context_, {.path = path, .program = program}, std::move(handler)) {
    const auto listening = server_.listen();
    EXPECT_TRUE(listening) << listening.error().message;
    thread_ = std::thread([this] { context_.run(); });
  }
  ~Daemon() {
    context_.stop();
    thread_.join();
    server_.close();
  }

 private:
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_ =
      boost::asio::make_work_guard(context_);
  Server server_;
  std::thread thread_;
};

struct Ran {
  int status;
  std::string out;
  std::string err;
};

inline Ran run_lbcli(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "lbcli");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  std::ostringstream out;
  std::ostringstream err;
  const int status = run(static_cast<int>(argv.size()), argv.data(), out, err);
  return {status, out.str(), err.str()};
}

}  // namespace lb::cli
