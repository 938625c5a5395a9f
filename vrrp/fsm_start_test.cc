// A start with members that fail: they have some time before that is a fault.
#include <gtest/gtest.h>

#include "vrrp/fsm.h"
#include "vrrp/testing/rig.h"

namespace lb::vrrp {
namespace {

using test::alone;
using test::kSecond;
using test::member;
using test::Rig;

Group::Options with_start_time(std::uint8_t priority) {
  Group::Options options = alone(priority);
  options.start_time = 10 * kSecond;
  return options;
}

// Its ports get their links and addresses after the start of the process: that is no fault.
TEST(VrrpStart, AFaultThatEndsInTheStartTimeIsNone) {
  Rig rig(with_start_time(100));
  rig.fault(0, "no port");
  EXPECT_EQ(rig.start(), "");
  EXPECT_EQ(rig.deadline_ms(), 10'000);
  EXPECT_EQ(rig.pass(5 * kSecond), "");
  EXPECT_EQ(rig.fault(0, "port down"), "");
  EXPECT_EQ(rig.advert(0, 200), "");
  EXPECT_EQ(rig.take(), "");
  EXPECT_EQ(rig.pass(4 * kSecond), "");
  EXPECT_EQ(rig.fault(0, ""), "INIT->BACKUP (start)");
  EXPECT_EQ(rig.fault(0, "port down"), "BACKUP->FAULT (port down)");
  EXPECT_EQ(rig.group.next_deadline(), std::nullopt);
}

TEST(VrrpStart, AFaultThatOutlastsTheStartTimeIsOneWithItsLastReason) {
  Rig rig(with_start_time(100));
  rig.fault(0, "no port");
  rig.start();
  rig.fault(0, "port down");
  EXPECT_EQ(rig.pass(10 * kSecond), "10000 INIT->FAULT (port down)");
  EXPECT_EQ(rig.fault(0, ""), "FAULT->BACKUP (all tracks OK)");
}

TEST(VrrpStart, OwnerIsMasterAsSoonAsItsStartHasNoFault) {
  Rig rig(with_start_time(255));
  rig.fault(0, "no port");
  EXPECT_EQ(rig.start(), "");
  EXPECT_EQ(rig.fault(0, ""), "INIT->MASTER (start, and this director owns the addresses), 0:255");
}

TEST(VrrpStart, StartsWhenAllMembersAreOk) {
  Group::Options options = with_start_time(100);
  options.members.push_back(member(100));
  Rig rig(options);
  rig.fault(0, "no wan");
  rig.fault(1, "no lan");
  EXPECT_EQ(rig.start(), "");
  EXPECT_EQ(rig.fault(1, ""), "");
  EXPECT_EQ(rig.pass(9 * kSecond), "");
  EXPECT_EQ(rig.fault(0, ""), "INIT->BACKUP (start)");
}

TEST(VrrpStart, FrozenStartWaits) {
  Rig rig(with_start_time(100));
  rig.fault(0, "port down");
  rig.start();
  rig.group.set_frozen(true, rig.now());
  EXPECT_EQ(rig.group.next_deadline(), std::nullopt);
  EXPECT_EQ(rig.pass(20 * kSecond), "");
  EXPECT_EQ(test::to_text(rig.group.set_frozen(false, rig.now())), "INIT->FAULT (port down)");
}

}  // namespace
}  // namespace lb::vrrp
