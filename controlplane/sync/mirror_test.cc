// A flush ends, whatever answers no more.
#include "controlplane/sync/mirror.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <optional>

#include "controlplane/link/fake_dataplane.h"
#include "controlplane/os/test_namespace.h"
#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane::sync {
namespace {

using std::chrono::milliseconds;
using Server = api::Server<api::Request, api::Response>;

constexpr milliseconds kLong{3'600'000};

class MirrorFlush : public testing::Test {
 protected:
  MirrorFlush()
      : mirror(io, path,
               {.send = [](const lb::sync::Message&) {},
                .refuse = [](Refusal, const std::string&) {},
                .reset = [](const std::string&) {},
                .progress = [] {}}) {}

  // A data plane that greets, and then answers nothing.
  void start_silent_dataplane() {
    silent.emplace(io, api::ServerOptions{.path = path, .program = "silent-dataplane"},
                   [this](const api::Request&) {
                     asked = true;
                     return Server::Later([this](const Server::Reply& reply) { held = reply; });
                   });
    ASSERT_TRUE(silent->listen());
  }
  void start_session() {
    mirror.start();
    mirror.set_ready(true);
    mirror.up({});
  }
  void flush(milliseconds limit) {
    mirror.flush(limit, [this](bool done) { result = done; });
  }
  bool wait(const std::function<bool()>& done) { return test::run_until(io, done); }

  boost::asio::io_context io;
  TestFolder folder;
  std::string path = folder.path + "/dataplane.sock";
  Server::Reply held;
  std::optional<Server> silent;
  bool asked = false;
  std::optional<bool> result;
  Mirror mirror;
};

TEST_F(MirrorFlush, SucceedsWhenThereIsNothingToSend) {
  FakeDataplane dataplane(io, path);
  start_session();
  flush(kLong);  // not connected yet
  EXPECT_EQ(result, false);
  ASSERT_TRUE(wait([this] {
    if (result != true) flush(kLong);
    return result == true;
  }));
}

TEST_F(MirrorFlush, FailsWithoutASession) {
  FakeDataplane dataplane(io, path);
  mirror.start();
  flush(kLong);
  EXPECT_EQ(result, false);
}

TEST_F(MirrorFlush, FailsInTimeWhenTheDataPlaneHangs) {
  start_silent_dataplane();
  start_session();
  ASSERT_TRUE(wait([this] { return asked; }));
  flush(milliseconds(20));
  EXPECT_FALSE(result);
  ASSERT_TRUE(wait([this] { return result.has_value(); }));
  EXPECT_EQ(result, false);
}

TEST_F(MirrorFlush, FailsWhenTheDataPlaneIsLost) {
  start_silent_dataplane();
  start_session();
  ASSERT_TRUE(wait([this] { return asked; }));
  flush(kLong);
  silent->close();
  ASSERT_TRUE(wait([this] { return result.has_value(); }));
  EXPECT_EQ(result, false);
}

TEST_F(MirrorFlush, FailsWhenTheSessionEnds) {
  start_silent_dataplane();
  start_session();
  ASSERT_TRUE(wait([this] { return asked; }));
  flush(kLong);
  mirror.down();
  EXPECT_EQ(result, false);
}

}  // namespace
}  // namespace lb::controlplane::sync
