#include "dataplane/api/sockets.h"

#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "dataplane/api/client.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::api {
namespace {

using TestSockets = Sockets<Request, Response>;
using TestClient = Client<Request, Response>;

std::optional<Action> action_of(const Request& request) {
  if (request.has_flush()) return Action{"flush conn --all"};
  if (request.has_sync()) return Action{"sync", false};
  return std::nullopt;
}

class SocketsTest : public testing::Test {
 protected:
  SocketsTest() : folder_("/tmp/lb-sockets-XXXXXX") { folder_ = ::mkdtemp(folder_.data()); }
  ~SocketsTest() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  std::string socket(const char* name) const { return folder_ + "/run/" + name; }

  void start(const std::string& read_group) { start(read_group, group()); }
  void start(const std::string& read_group, const std::string& admin_group) {
    audit_.emplace(AuditLog::open("test", folder_ + "/audit.log").value());
    sockets_.emplace(context_,
                     SocketOptions{folder_ + "/run", "test", "lb-test", admin_group, read_group,
                                   "lb-controlplane"},
                     *audit_, action_of, [](const Request& request, const Caller& caller) {
                       EXPECT_EQ(caller.uid, ::geteuid());
                       EXPECT_EQ(caller.pid, ::getpid());
                       Response response;
                       response.mutable_stats();
                       if (request.flush().filter().service() == "none")
                         response.set_error("no none");
                       return response;
                     });
    const auto listening = sockets_->listen();
    ASSERT_TRUE(listening) << listening.error().message;
    thread_ = std::thread([this] { context_.run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    context_.stop();
    thread_.join();
    sockets_->close();
  }

  Result<Response> ask(const char* name, const Request& request, const char* program = "lbcli") {
    auto client = TestClient::connect(socket(name), {.program = program, .daemon = "lb-test"});
    if (!client) return tl::make_unexpected(client.error());
    return client->call(request);
  }

  // What the audit log holds, without the times and who we are.
  std::vector<std::string> told() const {
    EXPECT_TRUE(audit_->finish(std::chrono::seconds(20)));
    std::ifstream in(folder_ + "/audit.log");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
      EXPECT_NE(line.find("audit: by=lbcli uid=" + std::to_string(::geteuid()) + ' '),
                std::string::npos)
          << line;
      EXPECT_NE(line.find(" pid=" + std::to_string(::getpid()) + ' '), std::string::npos) << line;
      lines.push_back(line.substr(line.find("command=")));
    }
    return lines;
  }

  static std::string group() { return ::getgrgid(::getegid())->gr_name; }
  static Request stats() {
    Request request;
    request.mutable_stats();
    return request;
  }
  static Request flush(const std::string& service = "") {
    Request request;
    request.mutable_flush()->mutable_filter()->set_service(service);
    return request;
  }

  std::string folder_;
  boost::asio::io_context context_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_ =
      boost::asio::make_work_guard(context_);
  std::optional<AuditLog> audit_;
  std::optional<TestSockets> sockets_;
  std::thread thread_;
};

TEST_F(SocketsTest, RefusesChangesOnTheReadSocket) {
  start(group());
  EXPECT_TRUE(ask("test.sock", stats()));
  EXPECT_TRUE(ask("test.sock", flush()));
  EXPECT_TRUE(ask("test-read.sock", stats()));
  const std::string refusal =
      "permission denied: flush conn --all is for root and the members of group " + group();
  EXPECT_EQ(ask("test-read.sock", flush()).error().message, refusal);
  Request sync;
  sync.mutable_sync();
  EXPECT_FALSE(ask("test-read.sock", sync));
  EXPECT_EQ(told().at(1), "command=\"flush conn --all\" outcome=\"" + refusal + '"');
}

TEST_F(SocketsTest, LogsEveryChangeWithItsOutcome) {
  start("");
  ask("test.sock", stats());
  ask("test.sock", flush());
  ask("test.sock", flush("none"));
  Request sync;
  sync.mutable_sync();
  ask("test.sock", sync);
  ask("test.sock", flush(), "lb-controlplane");
  EXPECT_EQ(told(), (std::vector<std::string>{R"(command="flush conn --all" outcome="ok")",
                                              R"(command="flush conn --all" outcome="no none")"}));
}

TEST_F(SocketsTest, SetsTheRightsOfSockets) {
  start(group());
  for (const char* name : {"test.sock", "test-read.sock"}) {
    struct stat status {};
    ASSERT_EQ(::stat(socket(name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_mode & 07777u, 0660u);
    EXPECT_EQ(status.st_gid, ::getegid());
  }
  stop();
  EXPECT_FALSE(std::filesystem::exists(socket("test-read.sock")));
}

// A process of group 0 that is not root's has no more rights than any other.
TEST_F(SocketsTest, IsForRootAloneWithoutAGroup) {
  start("", "");
  struct stat status {};
  ASSERT_EQ(::stat(socket("test.sock").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0600u);
  ASSERT_EQ(::stat((folder_ + "/run").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777u, 0700u);
}

TEST_F(SocketsTest, OpensOneSocketWithoutAReadGroup) {
  std::filesystem::create_directories(folder_ + "/run");
  std::ofstream(socket("test-read.sock")) << ' ';
  start("");
  EXPECT_TRUE(ask("test.sock", stats()));
  EXPECT_FALSE(std::filesystem::exists(socket("test-read.sock")));
}

TEST(CallerText, EscapesWhatCouldMislead) {
  EXPECT_EQ(to_string({4'000'000'000, 7, "lb cli\nuid=0", false}),
            "by=lb?cli?uid?0 uid=4000000000 pid=7");
  EXPECT_EQ(to_string({0, 1, "", false}), "by=? uid=0 user=root pid=1");
  EXPECT_EQ(to_string({0, 1, std::string(100, 'x'), true}),
            "by=" + std::string(32, 'x') + " uid=0 user=root pid=1");
}

}  // namespace
}  // namespace lb::api
