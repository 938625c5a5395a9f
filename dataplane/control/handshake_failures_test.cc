#include "dataplane/control/handshake_failures.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dataplane/control/test_messages.h"
#include "dataplane/service/build.h"

namespace lb {
namespace {

class HandshakeFailuresTest : public ::testing::Test {
 protected:
  HandshakeFailuresTest() {
    for (auto& worker : workers_) worker.make_slots(kMaxRealServerSlots);
    api::Snapshot message = test::web_snapshot();
    for (auto& server : *message.mutable_services(0)->mutable_real_servers()) server.set_up(true);
    apply(message);
  }

  void apply(const api::Snapshot& message) {
    const auto spec = from_api(message);
    ASSERT_TRUE(spec);
    auto built = build_snapshot(*spec, test::two_ports(), snapshot_.get(),
                                [](std::uint32_t) { return true; });
    ASSERT_TRUE(built);
    snapshot_ = std::move(*built);
  }

  std::uint32_t slot(unsigned n) const { return snapshot_->services[0].real_servers[n]; }

  void fail(unsigned worker, std::uint32_t slot) {
    workers_[worker].handshakes[slot].syn_refused.add(1);
    workers_[worker].failed_handshakes.add(1);
  }

  // The last bytes of the addresses.
  std::vector<int> reported(std::uint32_t limit = 10) {
    api::HandshakeFailureReply out;
    failures_.fill(*snapshot_, limit, out);
    std::vector<int> last;
    for (const auto& entry : out.entries()) {
      EXPECT_EQ(entry.service(), "web");
      EXPECT_EQ(entry.vip(), test::bytes("192.0.2.10"));
      EXPECT_EQ(entry.vip_port(), 80U);
      EXPECT_EQ(entry.port(), 80U);
      last.push_back(entry.address().at(3));
    }
    return last;
  }

  std::array<WorkerCounters, 2> workers_;
  HandshakeFailures failures_{{&workers_[0], &workers_[1]}};
  std::unique_ptr<Snapshot> snapshot_;
};

using Servers = std::vector<int>;

TEST_F(HandshakeFailuresTest, ReportsAServerOnceForAllFailures) {
  EXPECT_EQ(reported(), Servers{});
  fail(0, slot(1));
  fail(1, slot(1));
  EXPECT_EQ(reported(), Servers{12});
  EXPECT_EQ(reported(), Servers{});
  workers_[1].handshakes[slot(0)].syn_unanswered.add(1);
  workers_[1].failed_handshakes.add(1);
  EXPECT_EQ(reported(), Servers{11});
}

TEST_F(HandshakeFailuresTest, ReportsTheOthersNextAfterTheLimit) {
  fail(0, slot(0));
  fail(0, slot(1));
  Servers all = reported(1);
  ASSERT_EQ(all.size(), 1U);
  fail(0, slot(all[0] == 11 ? 0 : 1));  // one that goes on failing does not push in
  const Servers next = reported(1);
  ASSERT_EQ(next.size(), 1U);
  EXPECT_NE(next, all);
  EXPECT_EQ(reported(1), all);
  EXPECT_EQ(reported(1), Servers{});
}

TEST_F(HandshakeFailuresTest, NeverReportsAServerThatIsDown) {
  api::Snapshot message = test::web_snapshot();
  message.mutable_services(0)->mutable_real_servers(0)->set_up(false);
  message.mutable_services(0)->mutable_real_servers(1)->set_up(true);
  apply(message);
  fail(0, slot(0));
  EXPECT_EQ(reported(), Servers{});
  message.mutable_services(0)->mutable_real_servers(0)->set_up(true);
  apply(message);
  fail(0, slot(1));
  EXPECT_EQ(reported(), Servers{12});
}

}  // namespace
}  // namespace lb
