// lbcli against daemons on real sockets.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "controlplane/cli/fake_daemon.h"
#include "controlplane/view/test_messages.h"
#include "dataplane/api/error_codec.h"

namespace lb::cli {
namespace {

using view::bytes_of;
using view::sample_conn;
using view::sample_stats;
using view::sample_status;

constexpr const char* kUnknown = "unknown service none; see lbcli show service";
constexpr int kBatches = 3;
constexpr int kRowsPerBatch = 4;

using Dataplane = Daemon<api::Request, api::Response>;
using Controlplane = Daemon<api::control::Request, api::control::Response>;

class RunTest : public testing::Test {
 protected:
  RunTest() {
    dir_ = std::filesystem::temp_directory_path() /
           ("lbcli-" + std::to_string(getpid()) + '-' +
            testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(dir_);
  }
  ~RunTest() override { std::filesystem::remove_all(dir_); }

  std::string path(const char* name) const { return (dir_ / name).string(); }

  std::unique_ptr<Dataplane> dataplane() {
    return std::make_unique<Dataplane>(
        path("dataplane.sock"), "lb-dataplane",
        [this](const api::Request& request) { return answer(request); });
  }

  std::unique_ptr<Controlplane> controlplane() {
    return std::make_unique<Controlplane>(path("controlplane.sock"), "lb-controlplane",
                                          [](const api::control::Request& request) {
                                            api::control::Response response;
                                            if (request.has_set()) {
                                              response.mutable_set()->set_text("web: scheduler rr");
                                            } else {
                                              *response.mutable_status() = sample_status();
                                            }
                                            return response;
                                          });
  }

  // Every reading of the counters is a second after the one before.
  Dataplane::Server::Answer answer(const api::Request& request) {
    api::Response response;
    if (request.has_stats()) {
      *response.mutable_stats() = sample_stats();
      const std::uint64_t reading = readings_++;
      response.mutable_stats()->set_uptime_ms(1000 * (reading + 1));
      response.mutable_stats()->set_monotonic_ns(1'000'000'000 * (reading + 1));
      return response;
    }
    if (request.has_flush()) return flush(request.flush());
    last_conns_ = request.conns();
    if (request.conns().service() == "none") {
      return api::error_response<api::Response>({kUnknown, ErrorKind::kWrongRequest});
    }
    const int batches = request.conns().service() == "empty" ? 0 : kBatches;
    return Dataplane::Server::Producer([batches, batch = 0]() mutable {
      api::Response part;
      part.mutable_conns();
      for (int i = 0; batches > 0 && i < kRowsPerBatch; ++i) {
        *part.mutable_conns()->add_conns() =
            sample_conn(static_cast<std::uint32_t>(1000 * (batch + 1) + i));
      }
      ++batch;
      part.set_more(batch < batches);
      return part;
    });
  }

  // Takes two more looks until it is through.
  api::Response flush(const api::FlushRequest& request) {
    api::Response response;
    if (request.job() == 0) {
      last_conns_ = request.filter();
      polls_ = 0;
    }
    if (request.job() == 0 && request.filter().service() == "none") {
      return api::error_response<api::Response>({kUnknown, ErrorKind::kWrongRequest});
    }
    response.mutable_flush()->set_job(7);
    response.mutable_flush()->set_ended(++polls_ * 100);
    response.mutable_flush()->set_done(polls_ == 3 && request.job() == 7);
    return response;
  }

  Ran lbcli(std::vector<std::string> arguments, bool with_dir = true) {
    if (with_dir) arguments.insert(arguments.begin(), {"--run-dir", dir_.string()});
    return run_lbcli(std::move(arguments));
  }

  std::filesystem::path dir_;
  std::uint64_t readings_ = 0;
  std::uint64_t polls_ = 0;
  api::ConnsRequest last_conns_;
};

std::size_t lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

TEST_F(RunTest, PrintsEveryViewAsTextAndJson) {
  const auto daemon = dataplane();
  const auto control = controlplane();
  for (const char* view : {"service", "conn", "rs", "port", "lcore", "stats", "drops"}) {
    const Ran text = lbcli({"show", view});
    EXPECT_EQ(text.status, kOk) << text.err;
    EXPECT_EQ(text.err, "");
    EXPECT_GT(lines(text.out), 1u);
    const Ran as_json = lbcli({"show", view, "--json"});
    EXPECT_EQ(as_json.status, kOk) << as_json.err;
    EXPECT_TRUE(nlohmann::json::accept(as_json.out)) << view;
  }
}

TEST_F(RunTest, ReportsADaemonThatIsDownWithStatus3) {
  for (const char* view : {"service", "conn", "rs", "port", "lcore", "stats", "drops"}) {
    const Ran ran = lbcli({"show", view});
    EXPECT_EQ(ran.status, kDaemonDown);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "lbcli: lb-dataplane is not running: no answer at " +
                           path("dataplane.sock") +
                           " (the folder is --run-dir); start it (systemctl start lb-dataplane), "
                           "or name its folder with --run-dir or --config\n");
  }
}

TEST_F(RunTest, ReportsAnotherReleaseInOneLine) {
  // A data plane of a later protocol closes with an error after any greeting.
  boost::asio::io_context context;
  class Refusal final : public api::Dialogue {
   public:
    void begin(std::string_view) override {}
    void next(Write write) override { write(fault("")); }
    Step fault(const std::string&) override {
      api::Response response;
      response.set_id(1);
      response.set_error(
          "lbcli 0.1.0 speaks protocol 3, lb-dataplane 9.0.0 speaks 9; install the "
          "same release of both");
      return {*api::to_frame(response), false, true};
    }
  };
  api::FrameServer server(context, {.path = path("dataplane.sock"), .program = "lb-dataplane"},
                          [](const api::Caller&) { return std::make_unique<Refusal>(); });
  ASSERT_TRUE(server.listen());
  std::thread thread([&context] { context.run(); });
  const Ran ran = lbcli({"show", "service"});
  context.stop();
  thread.join();
  EXPECT_EQ(ran.status, kFailed);
  EXPECT_EQ(ran.err,
            "lbcli: lbcli 0.1.0 speaks protocol 3, lb-dataplane 9.0.0 speaks 9; install the same "
            "release of both\n");
}

TEST_F(RunTest, StreamsConnections) {
  const auto daemon = dataplane();
  EXPECT_EQ(lines(lbcli({"show", "conn"}).out), 1u + kBatches * kRowsPerBatch);
  const auto rows = nlohmann::json::parse(lbcli({"show", "conn", "--json"}).out);
  ASSERT_EQ(rows.size(), std::size_t{kBatches * kRowsPerBatch});
  EXPECT_EQ(rows[4]["client_port"], 2000);
  EXPECT_EQ(lines(lbcli({"show", "conn", "--service", "empty"}).out), 1u);
  EXPECT_EQ(lbcli({"show", "conn", "--service", "empty", "--json"}).out, "[]\n");
}

TEST_F(RunTest, SendsFiltersToTheDataPlane) {
  const auto daemon = dataplane();
  lbcli({"show", "conn", "--service", "web", "--client", "198.51.100.0/24", "--rs", "10.0.0.11:80",
         "--state", "established", "--limit", "9"});
  EXPECT_EQ(last_conns_.service(), "web");
  EXPECT_EQ(last_conns_.client(), bytes_of("198.51.100.0"));
  EXPECT_EQ(last_conns_.client_prefix(), 24u);
  EXPECT_EQ(last_conns_.real_server(), bytes_of("10.0.0.11"));
  EXPECT_EQ(last_conns_.real_server_port(), 80u);
  EXPECT_EQ(last_conns_.state(), "ESTABLISHED");
  EXPECT_EQ(last_conns_.limit(), 9u);
  lbcli({"show", "conn", "--client", "0.0.0.0/0"});
  EXPECT_EQ(last_conns_.client(), "");
  lbcli({"show", "conn", "--client", "::/0"});
  EXPECT_EQ(last_conns_.client(), to_bytes(Address::parse("::").value())) << "no client of IPv4";
}

TEST_F(RunTest, ReportsARefusedFilterAsUsageError) {
  const auto daemon = dataplane();
  const Ran ran = lbcli({"show", "conn", "--service", "none", "--json"});
  EXPECT_EQ(ran.status, kUsage);
  EXPECT_EQ(ran.out, "");
  EXPECT_EQ(ran.err, std::string("lbcli: ") + kUnknown + '\n');
}

TEST_F(RunTest, WaitsForAFlush) {
  const auto daemon = dataplane();
  const Ran ran = lbcli({"flush", "conn", "--service", "web", "--client", "198.51.100.7"});
  EXPECT_EQ(ran.out, "300 connections ended\n") << ran.err;
  EXPECT_EQ(last_conns_.service(), "web");
  EXPECT_EQ(last_conns_.client_prefix(), 32u);
  EXPECT_EQ(nlohmann::json::parse(lbcli({"flush", "conn", "--all", "--json"}).out)["ended"], 300);
  EXPECT_EQ(lbcli({"flush", "conn", "--service", "none"}).status, kUsage);
}

TEST_F(RunTest, ShowsRealServersWithoutTheControlPlane) {
  const auto daemon = dataplane();
  const Ran ran = lbcli({"show", "rs"});
  EXPECT_EQ(ran.status, kOk);
  EXPECT_EQ(lines(ran.out), 6u);
  EXPECT_EQ(lines(ran.err), 1u);
  EXPECT_NE(ran.err.find("lb-controlplane is not running"), std::string::npos);
  EXPECT_NE(ran.err.find("health is unknown"), std::string::npos);
}

TEST_F(RunTest, StopsRatesAfterCount) {
  const auto daemon = dataplane();
  for (const char* view : {"stats", "lcore"}) {
    const Ran ran =
        lbcli({"show", view, "--rate", "--interval", "100ms", "--count", "2", "--json"});
    EXPECT_EQ(ran.status, kOk) << ran.err;
    EXPECT_EQ(lines(ran.out), 2u);
  }
}

TEST_F(RunTest, ReadsTheFolderFromTheConfiguration) {
  const std::string config = path("a.toml");
  std::ofstream(config) << "[director]\nname = \"a\"\nrun_dir = \"" << dir_.string()
                        << "\"\n[dataplane]\nlcores = \"0\"\n[[port]]\nname = \"wan\"\n"
                           "device = \"net_tap0\"\naddresses = [\"192.0.2.2/24\"]\n";
  const auto daemon = dataplane();
  EXPECT_EQ(lbcli({"--config", config, "show", "drops"}, false).status, kOk);
  const Ran checked = lbcli({"check", config, "--no-host"}, false);
  EXPECT_EQ(checked.status, kOk);
  EXPECT_EQ(checked.out, config + ": ok (0 services, 0 real servers)\n");
}

TEST_F(RunTest, ReadsTheFolderFromAConfigurationWithErrors) {
  const std::string config = path("a.toml");
  std::ofstream(config) << "[[service]\n[director]\nname = 1\nrun_dir = \"" << dir_.string()
                        << "\"\n";
  const auto daemon = dataplane();
  const Ran ran = lbcli({"--config", config, "show", "drops"}, false);
  EXPECT_EQ(ran.status, kOk);
  EXPECT_EQ(ran.err, "");
}

TEST_F(RunTest, NamesTheSocketOfADaemonThatIsDown) {
  const std::string config = path("a.toml");
  std::ofstream(config) << "[director]\nrun_dir = \"" << dir_.string() << "\"\n";
  Ran ran = lbcli({"--config", config, "show", "drops"}, false);
  EXPECT_EQ(ran.status, kDaemonDown);
  EXPECT_NE(ran.err.find("the folder is the run_dir of " + config), std::string::npos) << ran.err;
  ran = lbcli({"--config", path("none.toml"), "version"}, false);
  EXPECT_EQ(ran.status, kOk);
  EXPECT_NE(ran.out.find("the folder is the default, because " + path("none.toml") +
                         " cannot be opened: No such file or directory"),
            std::string::npos)
      << ran.out;
}

TEST_F(RunTest, ReportsConfigurationErrorsWithStatus2) {
  const std::string config = path("b.toml");
  std::ofstream(config) << "[director]\nname = 1\n";
  const Ran ran = lbcli({"check", config}, false);
  EXPECT_EQ(ran.status, kUsage);
  EXPECT_EQ(ran.out, "");
  EXPECT_NE(ran.err.find(config + ":2:8: name must not be a number"), std::string::npos) << ran.err;
}

TEST_F(RunTest, PrintsTheResultOfAChangeAsTextAndJson) {
  const auto daemon = controlplane();
  EXPECT_EQ(lbcli({"set", "service", "web", "scheduler", "rr"}).out, "web: scheduler rr\n");
  const Ran ran = lbcli({"set", "service", "web", "scheduler", "rr", "--json"});
  EXPECT_EQ(nlohmann::json::parse(ran.out), nlohmann::json({{"result", "web: scheduler rr"}}));
}

TEST_F(RunTest, PrintsVersionsWithoutDaemons) {
  Ran ran = lbcli({"version"});
  EXPECT_EQ(ran.status, kOk);
  EXPECT_NE(ran.out.find("lb-dataplane - ("), std::string::npos);
  const auto daemon = dataplane();
  ran = lbcli({"version"});
  EXPECT_NE(ran.out.find("lb-dataplane " LB_RELEASE "\n"), std::string::npos);
}

TEST_F(RunTest, FailsWhenOutputCannotBeWritten) {
  const auto daemon = dataplane();
  std::ofstream full("/dev/full");
  std::ostringstream err;
  std::string arguments[] = {"lbcli", "--run-dir", dir_.string(), "show", "conn"};
  char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(),
                  arguments[3].data(), arguments[4].data()};
  EXPECT_EQ(run(5, argv, full, err), kFailed);
  EXPECT_EQ(err.str(), "lbcli: cannot write the output\n");
}

}  // namespace
}  // namespace lb::cli
