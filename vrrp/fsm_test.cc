// One virtual router: each line of the table in fsm.h, and the timers to the millisecond.
#include "vrrp/fsm.h"

#include <gtest/gtest.h>

#include "vrrp/testing/rig.h"

namespace lb::vrrp {
namespace {

using test::alone;
using test::kHigher;
using test::kLower;
using test::kOurs;
using test::kSecond;
using test::member;
using test::Rig;

// ---- INIT

TEST(VrrpFsm, NothingBeforeTheStart) {
  Rig rig(alone(100));
  EXPECT_EQ(rig.group.state(), State::kInit);
  EXPECT_EQ(rig.group.next_deadline(), std::nullopt);
  EXPECT_EQ(rig.advert(0, 200), "");
  EXPECT_EQ(rig.fault(0, ""), "");
  EXPECT_EQ(rig.resign(), "");
  EXPECT_EQ(rig.take(), "");
  EXPECT_EQ(rig.group.state(), State::kInit);
}

TEST(VrrpFsm, StartWaitsForTheMaster) {
  Rig rig(alone(100));
  EXPECT_EQ(rig.start(), "INIT->BACKUP (start)");
  EXPECT_EQ(rig.deadline_ms(), 3609);  // 3 * 1000 + 156 * 1000 / 256
}

TEST(VrrpFsm, OwnerStartsAsMaster) {
  Rig rig(alone(255));
  EXPECT_EQ(rig.start(), "INIT->MASTER (start, and this director owns the addresses), 0:255");
  EXPECT_EQ(rig.deadline_ms(), 1000);
}

TEST(VrrpFsm, OwnerWaitsWhileTheGateIsClosed) {
  Rig rig(alone(255));
  rig.group.set_gate(false);
  EXPECT_EQ(rig.start(), "INIT->BACKUP (start)");
  EXPECT_EQ(rig.deadline_ms(), 3003);
  rig.pass(kSecond);
  EXPECT_EQ(rig.advert(0, 100), "");
  EXPECT_EQ(rig.deadline_ms(), 4003);
  rig.group.set_gate(true);
  rig.pass(kSecond);
  EXPECT_EQ(rig.advert(0, 100), "");
  EXPECT_EQ(rig.pass(2 * kSecond + milliseconds(3)),
            "4003 BACKUP->MASTER (the master has a lower priority), 0:255");
}

TEST(VrrpFsm, StartWithAFault) {
  Rig rig(alone(255));
  EXPECT_EQ(rig.fault(0, "port down"), "");
  EXPECT_EQ(rig.start(), "INIT->FAULT (port down)");
  EXPECT_EQ(rig.group.next_deadline(), std::nullopt);
}

TEST(VrrpFsm, OwnerIsMasterWhenItsFaultEnds) {
  Rig rig(alone(255));
  rig.fault(0, "port down");
  rig.start();
  EXPECT_EQ(rig.fault(0, ""),
            "FAULT->MASTER (all tracks OK, and this director owns the addresses), 0:255");
}

TEST(VrrpFsm, OwnerThatResignedWaitsWhenItsFaultEnds) {
  Rig rig(alone(255));
  rig.start();
  rig.resign();
  rig.fault(0, "port down");
  EXPECT_EQ(rig.fault(0, ""), "FAULT->BACKUP (all tracks OK)");
}

// ---- BACKUP

TEST(VrrpFsm, SilenceMakesMaster) {
  Rig rig(alone(100));
  rig.start();
  EXPECT_EQ(rig.pass(milliseconds(3608)), "");
  EXPECT_EQ(rig.pass(milliseconds(2001)),
            "3609 BACKUP->MASTER (no advert from a master), 0:100\n4609 0:100\n5609 0:100");
}

TEST(VrrpFsm, ExpireBeforeTheTimeIsNothing) {
  Rig rig(alone(100));
  rig.start();
  EXPECT_EQ(test::to_text(rig.group.expire(rig.now() + milliseconds(3608))), "");
  EXPECT_EQ(rig.deadline_ms(), 3609);
}

TEST(VrrpFsm, HigherOrEqualAdvertsKeepWaiting) {
  for (const std::uint8_t priority : {std::uint8_t{100}, std::uint8_t{101}, std::uint8_t{255}}) {
    Rig rig(alone(100));
    rig.start();
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(rig.pass(kSecond), "");
      EXPECT_EQ(rig.advert(0, priority, kLower), "");
      EXPECT_EQ(rig.deadline_ms(), rig.ms() + 3609);
    }
  }
}

TEST(VrrpFsm, LowerAdvertsDoNot) {
  Rig rig(alone(100));
  rig.start();
  rig.pass(3 * kSecond);
  EXPECT_EQ(rig.advert(0, 99), "");
  EXPECT_EQ(rig.deadline_ms(), 3609);
  EXPECT_EQ(rig.pass(milliseconds(609)),
            "3609 BACKUP->MASTER (the master has a lower priority), 0:100");
}

TEST(VrrpFsm, WithoutPreemptionLowerAdvertsKeepWaiting) {
  Rig rig({.members = {member(100)}, .preempt = false});
  rig.start();
  rig.pass(3 * kSecond);
  EXPECT_EQ(rig.advert(0, 1), "");
  EXPECT_EQ(rig.deadline_ms(), 6609);
}

TEST(VrrpFsm, ResignationShortensTheWait) {
  Rig rig(alone(100));
  rig.start();
  rig.pass(kSecond);
  EXPECT_EQ(rig.advert(0, 200), "");
  EXPECT_EQ(rig.advert(0, 0), "");
  EXPECT_EQ(rig.deadline_ms(), 1609);
  EXPECT_EQ(rig.pass(kSecond), "1609 BACKUP->MASTER (the master resigned), 0:100");
}

TEST(VrrpFsm, ResignationDoesNotLengthenTheWait) {
  Rig rig(alone(100));
  rig.start();
  rig.pass(milliseconds(3600));
  EXPECT_EQ(rig.advert(0, 0), "");
  EXPECT_EQ(rig.deadline_ms(), 3609);
}

TEST(VrrpFsm, AnotherMasterAfterAResignation) {
  Rig rig(alone(100));
  rig.start();
  EXPECT_EQ(rig.advert(0, 0), "");
  rig.pass(milliseconds(500));
  EXPECT_EQ(rig.advert(0, 150), "");
  EXPECT_EQ(rig.deadline_ms(), 4109);
  EXPECT_EQ(rig.pass(4 * kSecond), "4109 BACKUP->MASTER (no advert from a master), 0:100");
}

TEST(VrrpFsm, Take) {
  Rig rig(alone(100));
  rig.start();
  EXPECT_EQ(rig.take(), "BACKUP->MASTER (take), 0:100");
  EXPECT_EQ(rig.take(), "");
}

// ---- timers

TEST(VrrpFsm, SkewAndDownIntervalOfVersion3) {
  const auto deadline = [](std::uint8_t priority, milliseconds interval) {
    Rig rig({.members = {member(priority, interval)}});
    rig.start();
    return rig.deadline_ms();
  };
  EXPECT_EQ(deadline(1, kSecond), 3996);
  EXPECT_EQ(deadline(254, kSecond), 3007);
  EXPECT_EQ(deadline(150, milliseconds(100)), 341);
  EXPECT_EQ(deadline(100, milliseconds(10)), 36);
  EXPECT_EQ(deadline(100, milliseconds(40950)), 147803);
}

TEST(VrrpFsm, SkewOfVersion2IsOfASecond) {
  Rig rig({.members = {member(100, 3 * kSecond, 2)}});
  rig.start();
  EXPECT_EQ(rig.deadline_ms(), 9609);
  EXPECT_EQ(rig.advert(0, 200, kHigher, 5 * kSecond, 2), "");  // io refuses it; ours counts
  EXPECT_EQ(rig.deadline_ms(), 9609);
  EXPECT_EQ(rig.advert(0, 0, kHigher, 3 * kSecond, 2), "");
  EXPECT_EQ(rig.deadline_ms(), 609);
}

TEST(VrrpFsm, IntervalOfTheMasterIsAdopted) {
  Rig rig(alone(100));
  rig.start();
  EXPECT_EQ(rig.advert(0, 200, kHigher, milliseconds(100)), "");
  EXPECT_EQ(rig.deadline_ms(), 360);  // 3 * 100 + 156 * 100 / 256
  EXPECT_EQ(rig.advert(0, 0, kHigher, milliseconds(100)), "");
  EXPECT_EQ(rig.deadline_ms(), 60);
  // As master, ours again; and so it is when we leave.
  EXPECT_EQ(rig.pass(milliseconds(1060)),
            "60 BACKUP->MASTER (the master resigned), 0:100\n1060 0:100");
  rig.resign();
  EXPECT_EQ(rig.deadline_ms(), 1060 + 3609);
}

TEST(VrrpFsm, IntervalOfALowerMasterIsNot) {
  Rig rig(alone(100));
  rig.start();
  EXPECT_EQ(rig.advert(0, 50, kHigher, milliseconds(40000)), "");
  EXPECT_EQ(rig.deadline_ms(), 3609);
  rig.pass(4 * kSecond);
  EXPECT_EQ(rig.group.state(), State::kMaster);
}

TEST(VrrpFsm, LateExpireKeepsTheStep) {
  Rig rig(alone(100));
  rig.become_master();
  EXPECT_EQ(test::to_text(rig.group.expire(rig.now() + milliseconds(1030))), "0:100");
  EXPECT_EQ(rig.deadline_ms(), 2000);
  // Not after whole intervals were missed: no burst.
  EXPECT_EQ(test::to_text(rig.group.expire(rig.now() + milliseconds(5500))), "0:100");
  EXPECT_EQ(rig.deadline_ms(), 6500);
}

// ---- MASTER

// With a last advert, from which the better one sees that there were two: its neighbours may have
// received us last.
TEST(VrrpFsm, MasterYieldsToAHigherPriority) {
  Rig rig(alone(100));
  rig.become_master();
  EXPECT_EQ(rig.advert(0, 101, kLower, milliseconds(100)),
            "0:100, MASTER->BACKUP (master 192.0.2.1 of priority 101)");
  EXPECT_EQ(rig.deadline_ms(), 360);  // by its interval
}

TEST(VrrpFsm, OfEqualPrioritiesTheHigherAddressStays) {
  Rig lower(alone(100));
  lower.become_master();
  EXPECT_EQ(lower.advert(0, 100, kHigher),
            "0:100, MASTER->BACKUP (master 192.0.2.3 of priority 100)");
  Rig higher(alone(100));
  higher.become_master();
  EXPECT_EQ(higher.advert(0, 100, kLower), "0:100, announce");
}

TEST(VrrpFsm, MasterAnswersALowerOne) {
  Rig rig(alone(100));
  rig.become_master();
  rig.pass(milliseconds(400));
  EXPECT_EQ(rig.advert(0, 99), "0:100, announce");
  EXPECT_EQ(rig.deadline_ms(), 1400);
}

// Stopped or starved for so long that another one had to take it for dead.
TEST(VrrpFsm, MasterThatWasSilentYieldsToTheNewOne) {
  Rig rig(alone(150));
  rig.become_master();
  rig.sleep(milliseconds(3001));
  EXPECT_EQ(rig.advert(0, 100),
            "MASTER->BACKUP (192.0.2.3 took over while this director was silent)");
  // From here it is as after a start: complete, we take over again.
  EXPECT_EQ(rig.pass(milliseconds(3414)), "6415 BACKUP->MASTER (no advert from a master), 0:150");
}

TEST(VrrpFsm, MasterThatWasSilentShortlyStays) {
  Rig rig(alone(150));
  rig.become_master();
  rig.sleep(milliseconds(3000));
  EXPECT_EQ(rig.advert(0, 100), "0:150, announce");
}

TEST(VrrpFsm, MasterThatWasSilentStaysWithoutABetterOne) {
  Rig rig(alone(150));
  rig.become_master();
  rig.sleep(milliseconds(10000));
  EXPECT_EQ(rig.pass(milliseconds(0)), "10000 0:150");
  EXPECT_EQ(rig.advert(0, 100), "0:150, announce");
}

TEST(VrrpFsm, MasterAnswersAResignation) {
  Rig rig(alone(100));
  rig.become_master();
  rig.pass(milliseconds(400));
  EXPECT_EQ(rig.advert(0, 0), "0:100");
  EXPECT_EQ(rig.deadline_ms(), 1400);
}

TEST(VrrpFsm, OwnerDoesNotYieldToAnyOther) {
  Rig rig(alone(255));
  rig.start();
  EXPECT_EQ(rig.advert(0, 254), "0:255, announce");
}

TEST(VrrpFsm, ResignedMasterDoesNotPreempt) {
  Rig rig(alone(150));
  rig.become_master();
  EXPECT_EQ(rig.resign(), "0:0, MASTER->BACKUP (resign)");
  EXPECT_TRUE(rig.group.held());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(rig.pass(kSecond), "");
    EXPECT_EQ(rig.advert(0, 100), "");
  }
  EXPECT_EQ(rig.resign(), "");
  // But it takes over from a dead one, and is as before then.
  EXPECT_EQ(rig.pass(milliseconds(3414)), "13414 BACKUP->MASTER (no advert from a master), 0:150");
  EXPECT_FALSE(rig.group.held());
}

TEST(VrrpFsm, TakeEndsTheHold) {
  Rig rig(alone(150));
  rig.become_master();
  rig.resign();
  EXPECT_EQ(rig.take(), "BACKUP->MASTER (take), 0:150");
  EXPECT_FALSE(rig.group.held());
}

TEST(VrrpFsm, PriorityOfTheMasterChanges) {
  Rig rig(alone(150));
  rig.become_master();
  rig.pass(milliseconds(300));
  EXPECT_EQ(test::to_text(rig.group.set_priority(0, 150, rig.now())), "");
  EXPECT_EQ(test::to_text(rig.group.set_priority(0, 90, rig.now())), "0:90");
  EXPECT_EQ(rig.group.priority(0), 90);
  EXPECT_EQ(rig.deadline_ms(), 1300);
  EXPECT_EQ(rig.advert(0, 100), "0:90, MASTER->BACKUP (master 192.0.2.3 of priority 100)");
}

TEST(VrrpFsm, PriorityOfTheBackupChanges) {
  Rig rig(alone(100));
  rig.start();
  EXPECT_EQ(test::to_text(rig.group.set_priority(0, 160, rig.now())), "");
  EXPECT_EQ(rig.advert(0, 150), "");
  EXPECT_EQ(rig.deadline_ms(), 3609);
  EXPECT_EQ(rig.advert(0, 160), "");
  EXPECT_EQ(rig.deadline_ms(), 3375);
}

TEST(VrrpFsm, AddressChanges) {
  Rig rig(alone(100));
  rig.become_master();
  EXPECT_EQ(rig.advert(0, 100, kLower), "0:100, announce");
  rig.group.set_address(0, Ipv4Address::from_host(0x0a000001));
  EXPECT_EQ(rig.group.fitness().address, Ipv4Address::from_host(0x0a000001));
  EXPECT_EQ(rig.advert(0, 100, kLower), "0:100, MASTER->BACKUP (master 192.0.2.1 of priority 100)");
}

// ---- FAULT

TEST(VrrpFsm, FaultOfTheMaster) {
  Rig rig(alone(100));
  rig.become_master();
  EXPECT_EQ(rig.fault(0, "port down"), "0:0, MASTER->FAULT (port down)");
  EXPECT_EQ(rig.group.next_deadline(), std::nullopt);
  EXPECT_EQ(rig.advert(0, 0), "");
  EXPECT_EQ(rig.advert(0, 1), "");
  EXPECT_EQ(rig.take(), "");
  EXPECT_EQ(rig.resign(), "");
  EXPECT_EQ(rig.fault(0, "another reason"), "");
  EXPECT_EQ(rig.fault(0, ""), "FAULT->BACKUP (all tracks OK)");
  EXPECT_EQ(rig.deadline_ms(), 3609);
}

TEST(VrrpFsm, FaultOfTheBackup) {
  Rig rig(alone(100));
  rig.start();
  EXPECT_EQ(rig.fault(0, "port down"), "BACKUP->FAULT (port down)");
  EXPECT_EQ(rig.pass(10 * kSecond), "");
}

}  // namespace
}  // namespace lb::vrrp
