// From a transition to the script, and to the mail in the queue.
#include "controlplane/alert/alerts.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "controlplane/alert/spool.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/os/test_user.h"
#include "controlplane/service/inventory_fixture.h"

namespace lb::controlplane {
namespace {

namespace fs = std::filesystem;
using api::control::AlertRequest;
using api::control::AlertStatus;

class AlertsTest : public testing::Test {
 protected:
  AlertsTest() {
    fs::create_directories(folder_);
    config_.director.name = "lb1";
    config_.director.state_dir = folder_;
  }
  ~AlertsTest() override { fs::remove_all(folder_); }

  void use_script(const std::string& line) {
    config_.alert.script = {"/bin/sh", "-c", line, "sh"};
    config_.alert.script_user = test::own_user();
  }
  // Nobody listens there.
  void use_mail() {
    config::AlertMail mail;
    mail.server = {"127.0.0.1", 9};
    mail.tls = config::MailTls::kNone;
    mail.from = "lb1@example.com";
    mail.to = {"ops@example.com"};
    mail.group_delay = std::chrono::hours(1);
    config_.alert.mail = mail;
  }
  std::string reported() {
    std::ifstream file(folder_ + "/reported");
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  AlertStatus ask(Alerts& alerts, bool test = false) {
    AlertRequest request;
    request.set_test(test);
    AlertStatus status;
    const auto answer = alerts.answer(request, status);
    EXPECT_TRUE(answer);
    return status;
  }

  // For what the mailer's thread does.
  template <typename Condition>
  void wait(Condition condition) {
    for (int i = 0; i < 20'000 && !condition(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    EXPECT_TRUE(condition());
  }

  const std::string folder_ =
      fs::temp_directory_path() / ("ballast-alerts-" + std::to_string(::getpid()));
  config::Config config_;
  Inventory inventory_{
      test::config_of({test::service("web", {"192.0.2.10:80"}, {"10.0.0.1:80", "10.0.0.2:80"})})};
  Service& web_ = inventory_.services().front();
  RealServer& one_ = web_.servers[0];
  RealServer& two_ = web_.servers[1];
  boost::asio::io_context io_;
};

TEST_F(AlertsTest, RunsTheScriptInOrderOneAtATime) {
  use_script("sleep 0.02; echo \"$*\" >> " + folder_ + "/reported");
  Alerts alerts(io_, config_);
  alerts.server(one_, true, "");
  alerts.server(two_, false, "");
  alerts.server(two_, false, "again");
  alerts.server(one_, false, "");
  alerts.quorum(web_, false, "");
  alerts.quorum(web_, false, "");
  alerts.ha("VI_1", "BACKUP", "MASTER", "");
  alerts.sync_link(true, "");
  alerts.sync_link(false, "");
  alerts.dataplane(false, "");
  io_.run();
  EXPECT_EQ(reported(),
            "server web 10.0.0.1:80 up\n"
            "service web  up\n"
            "server web 10.0.0.2:80 down\n"
            "server web 10.0.0.1:80 down\n"
            "service web  down\n"
            "quorum web  lost\n"
            "ha VI_1  MASTER\n"
            "sync   up\n"
            "sync   down\n"
            "dataplane   lost\n");
  const AlertStatus status = ask(alerts);
  EXPECT_EQ(status.events(), 10u);
  EXPECT_EQ(status.script().good(), 10u);
  EXPECT_FALSE(status.has_mail());
}

// Names and reasons come from servers and from files.
TEST_F(AlertsTest, RunsTheScriptWithoutAShell) {
  use_script("printf '%s' \"$BALLAST_REASON\" > " + folder_ + "/reported");
  Alerts alerts(io_, config_);
  alerts.ha("VI_1", "BACKUP", "MASTER", "$(touch " + folder_ + "/bad); `x` \"y\" \n z");
  io_.run();
  EXPECT_EQ(reported(), "$(touch " + folder_ + "/bad); `x` \"y\"   z");
  EXPECT_FALSE(fs::exists(folder_ + "/bad"));
}

TEST_F(AlertsTest, CountsAFailedScriptAndContinues) {
  use_script("test $4 = x || exit 3; sleep 1000");
  config_.alert.script_timeout = std::chrono::milliseconds(100);
  Alerts alerts(io_, config_);
  alerts.ha("VI_1", "BACKUP", "y", "");
  alerts.ha("VI_1", "BACKUP", "x", "");
  io_.run();
  const AlertStatus status = ask(alerts);
  EXPECT_EQ(status.script().bad(), 2u);
  EXPECT_EQ(status.script().last_error(), "killed after 100 ms");
}

TEST_F(AlertsTest, AppliesANewConfigurationToQueuedEvents) {
  use_script("sleep 0.05; echo first >> " + folder_ + "/reported");
  Alerts alerts(io_, config_);
  alerts.dataplane(true, "");
  alerts.dataplane(false, "");
  use_script("echo second >> " + folder_ + "/reported");
  config_.services = inventory_.config()->services;
  inventory_.adopt(config::seal(config_));
  alerts.configure(inventory_);
  alerts.dataplane(true, "");
  io_.run();
  EXPECT_EQ(reported(), "first\nsecond\nsecond\n");
}

TEST_F(AlertsTest, KeepsUnsentMailOverARestart) {
  use_mail();
  {
    Alerts alerts(io_, config_);
    alerts.server(one_, true, "");
    alerts.dataplane(false, "");
    EXPECT_EQ(ask(alerts).mail().server(), "127.0.0.1:9");
  }
  std::vector<alert::Event> recovered;
  const auto spool = alert::Spool::open(folder_ + "/alerts", recovered);
  ASSERT_EQ(spool.size(), 1u);
  const std::string text = spool.read(spool.numbers().front())->text;
  EXPECT_NE(text.find("Subject: [lb1] 3 events, worst: data plane lost\r\n"), std::string::npos);
}

TEST_F(AlertsTest, ExitsWithoutWaitingForAnUnreachableServer) {
  use_mail();
  Alerts alerts(io_, config_);
  alerts.dataplane(false, "");
  bool left = false;
  alerts.leave([&] {
    left = true;
    io_.stop();
  });
  io_.run();
  EXPECT_TRUE(left);
  const AlertStatus status = ask(alerts);
  EXPECT_EQ(status.mail().queue(), 1u);
  EXPECT_EQ(status.mail().tries_failed(), 1u);
  EXPECT_NE(status.mail().last_error(), "");
}

TEST_F(AlertsTest, DropsTheOldestMailOfAFullQueue) {
  use_mail();
  config_.alert.mail->max_queue = 2;
  Alerts alerts(io_, config_);
  for (std::uint64_t mails = 1; mails <= 5; ++mails) {
    ask(alerts, true);
    wait([&] {
      const AlertStatus status = ask(alerts);
      return status.mail().queue() + status.mail().dropped() == mails;
    });
  }
  EXPECT_EQ(ask(alerts).mail().dropped(), 3u);
  EXPECT_EQ(ask(alerts).mail().queue(), 2u);
}

TEST_F(AlertsTest, RefusesATestWithoutRecipients) {
  Alerts alerts(io_, config_);
  AlertRequest request;
  request.set_test(true);
  AlertStatus status;
  EXPECT_FALSE(alerts.answer(request, status));
}

}  // namespace
}  // namespace lb::controlplane
