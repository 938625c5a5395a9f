// What keeps a director from preempting or from taking over: the delay, the gate, frozen.
#include <gtest/gtest.h>

#include "vrrp/fsm.h"
#include "vrrp/testing/rig.h"

namespace lb::vrrp {
namespace {

using test::alone;
using test::kSecond;
using test::member;
using test::Rig;

// ---- preemption: delay, gate

TEST(VrrpPreempt, PreemptionAfterTheDelay) {
  Rig rig({.members = {member(100)}, .preempt_delay = 10 * kSecond});
  rig.start();
  for (int i = 1; i <= 9; ++i) {
    EXPECT_EQ(rig.pass(kSecond), "");
    EXPECT_EQ(rig.advert(0, 50), "");
    EXPECT_EQ(rig.deadline_ms(), rig.ms() + 3609);
  }
  rig.pass(kSecond);
  EXPECT_EQ(rig.advert(0, 50), "");
  EXPECT_EQ(rig.pass(3 * kSecond), "12609 BACKUP->MASTER (the master has a lower priority), 0:100");
}

TEST(VrrpPreempt, DelayIsNotForADeadMaster) {
  Rig rig({.members = {member(100)}, .preempt_delay = 10 * kSecond});
  rig.start();
  EXPECT_EQ(rig.pass(4 * kSecond), "3609 BACKUP->MASTER (no advert from a master), 0:100");
}

TEST(VrrpPreempt, DelayBeginsAnewAfterAFault) {
  Rig rig({.members = {member(100)}, .preempt_delay = 10 * kSecond});
  rig.start();
  rig.pass(20 * kSecond);
  rig.fault(0, "port down");
  rig.fault(0, "");
  rig.pass(3 * kSecond);
  EXPECT_EQ(rig.advert(0, 50), "");
  EXPECT_EQ(rig.deadline_ms(), rig.ms() + 3609);
}

TEST(VrrpPreempt, ClosedGateForbidsPreemptionOnly) {
  Rig rig(alone(100));
  rig.group.set_gate(false);
  rig.start();
  rig.pass(kSecond);
  EXPECT_EQ(rig.advert(0, 50), "");
  EXPECT_EQ(rig.deadline_ms(), 4609);
  EXPECT_EQ(rig.pass(4 * kSecond), "4609 BACKUP->MASTER (no advert from a master), 0:100");
}

TEST(VrrpPreempt, GateClosesWhileAMasterIsIgnored) {
  Rig rig(alone(100));
  rig.start();
  rig.pass(3 * kSecond);
  EXPECT_EQ(rig.advert(0, 50), "");
  rig.group.set_gate(false);
  EXPECT_EQ(rig.pass(kSecond), "");  // the time is up, but there is a master
  EXPECT_EQ(rig.advert(0, 50), "");
  EXPECT_EQ(rig.deadline_ms(), 7609);
  EXPECT_EQ(rig.pass(4 * kSecond), "7609 BACKUP->MASTER (no advert from a master), 0:100");
}

// ---- frozen

TEST(VrrpPreempt, FrozenBackupStays) {
  Rig rig(alone(100));
  rig.start();
  rig.group.set_frozen(true, rig.now());
  EXPECT_TRUE(rig.group.frozen());
  EXPECT_EQ(rig.pass(20 * kSecond), "");
  EXPECT_EQ(rig.take(), "");
  EXPECT_EQ(rig.advert(0, 50), "");
  EXPECT_EQ(rig.advert(0, 0), "");
  EXPECT_EQ(rig.fault(0, "port down"), "");
  EXPECT_EQ(rig.pass(20 * kSecond), "");
  EXPECT_EQ(test::to_text(rig.group.set_frozen(false, rig.now())), "BACKUP->FAULT (port down)");
}

TEST(VrrpPreempt, ThawedBackupTakesOver) {
  Rig rig(alone(100));
  rig.start();
  rig.group.set_frozen(true, rig.now());
  rig.pass(milliseconds(20100));
  EXPECT_EQ(test::to_text(rig.group.set_frozen(false, rig.now())), "");
  EXPECT_EQ(rig.pass(kSecond), "20609 BACKUP->MASTER (no advert from a master), 0:100");
}

TEST(VrrpPreempt, FrozenMasterStaysUnlessThereIsABetterOne) {
  Rig rig(alone(100));
  rig.become_master();
  rig.group.set_frozen(true, rig.now());
  EXPECT_EQ(rig.fault(0, "port down"), "");
  EXPECT_EQ(rig.pass(kSecond), "1000 0:100");
  EXPECT_EQ(rig.advert(0, 99), "0:100, announce");
  EXPECT_EQ(rig.advert(0, 101), "0:100, MASTER->BACKUP (master 192.0.2.3 of priority 101)");
}

TEST(VrrpPreempt, FrozenOwnerStartsAsBackup) {
  Rig rig(alone(255));
  rig.group.set_frozen(true, rig.now());
  EXPECT_EQ(rig.start(), "INIT->BACKUP (start)");
}

}  // namespace
}  // namespace lb::vrrp
