// Sync groups: several virtual routers that are master together.
#include <gtest/gtest.h>

#include "vrrp/fsm.h"
#include "vrrp/testing/rig.h"

namespace lb::vrrp {
namespace {

using test::kHigher;
using test::kSecond;
using test::member;
using test::Rig;

Group::Options two_members() {
  return {.members = {member(100), member(100, milliseconds(500))}};
}

TEST(VrrpGroup, AllMembersBecomeMaster) {
  Rig rig(two_members());
  EXPECT_EQ(rig.start(), "INIT->BACKUP (start)");
  EXPECT_EQ(rig.deadline_ms(), 3609);  // of the slower one: 1804 for the other
  EXPECT_EQ(rig.pass(milliseconds(4700)),
            "3609 BACKUP->MASTER (no advert from a master), 0:100, 1:100\n"
            "4109 1:100\n"
            "4609 0:100, 1:100");
}

TEST(VrrpGroup, OneSilentMemberIsNotEnough) {
  for (const std::size_t heard : {0U, 1U}) {
    Rig rig({.members = {member(100), member(100)}});
    rig.start();
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(rig.advert(heard, 150), "");
      EXPECT_EQ(rig.pass(kSecond), "");
    }
    EXPECT_EQ(rig.pass(3 * kSecond),
              "22609 BACKUP->MASTER (no advert from a master), 0:100, 1:100");
  }
}

TEST(VrrpGroup, ResignationOnOneMemberCountsForAll) {
  Rig rig({.members = {member(100), member(200)}});
  rig.start();
  EXPECT_EQ(rig.advert(0, 150), "");
  EXPECT_EQ(rig.advert(1, 250), "");
  EXPECT_EQ(rig.advert(1, 0), "");
  EXPECT_EQ(rig.deadline_ms(), 609);  // each waits its own skew
  EXPECT_EQ(rig.pass(kSecond), "609 BACKUP->MASTER (the master resigned), 0:100, 1:200");
}

TEST(VrrpGroup, AMasterOnAnotherMemberAfterAResignation) {
  Rig rig({.members = {member(100), member(100)}});
  rig.start();
  EXPECT_EQ(rig.advert(0, 0), "");
  EXPECT_EQ(rig.advert(1, 150), "");
  EXPECT_EQ(rig.pass(3 * kSecond), "");
  EXPECT_EQ(rig.pass(kSecond), "3609 BACKUP->MASTER (no advert from a master), 0:100, 1:100");
}

TEST(VrrpGroup, BetterMasterOnOneMemberReplacesAll) {
  Rig rig({.members = {member(100), member(100)}});
  rig.become_master();
  EXPECT_EQ(rig.advert(1, 101), "0:100, 1:100, MASTER->BACKUP (master 192.0.2.3 of priority 101)");
  EXPECT_EQ(rig.deadline_ms(), 3609);
}

TEST(VrrpGroup, FaultOfOneMemberFailsAll) {
  Rig rig(two_members());
  rig.become_master();
  EXPECT_EQ(rig.fault(1, "port lan is down"), "0:0, 1:0, MASTER->FAULT (port lan is down)");
  EXPECT_EQ(rig.fault(0, "port wan is down"), "");
  EXPECT_EQ(rig.fault(1, ""), "");
  EXPECT_EQ(rig.group.state(), State::kFault);
  EXPECT_EQ(rig.fault(0, ""), "FAULT->BACKUP (all tracks OK)");
}

TEST(VrrpGroup, ResignsOnAllMembers) {
  Rig rig(two_members());
  rig.become_master();
  EXPECT_EQ(rig.resign(), "0:0, 1:0, MASTER->BACKUP (resign)");
}

TEST(VrrpGroup, OwnerOfSomeAddressesOnlyWaits) {
  Rig rig({.members = {member(255), member(254)}});
  EXPECT_EQ(rig.start(), "INIT->BACKUP (start)");
  Rig all({.members = {member(255), member(255)}});
  EXPECT_EQ(all.start(),
            "INIT->MASTER (start, and this director owns the addresses), 0:255, 1:255");
}

TEST(VrrpGroup, PriorityOfOneMember) {
  Rig rig({.members = {member(100), member(100)}});
  rig.become_master();
  rig.pass(milliseconds(300));
  EXPECT_EQ(test::to_text(rig.group.set_priority(1, 120, rig.now())), "1:120");
  EXPECT_EQ(rig.pass(kSecond), "1000 0:100\n1300 1:120");
}

TEST(VrrpGroup, IntervalsCountPerMember) {
  Rig rig({.members = {member(100), member(100)}});
  rig.start();
  EXPECT_EQ(rig.advert(0, 150, kHigher, milliseconds(100)), "");
  EXPECT_EQ(rig.advert(1, 150, kHigher, milliseconds(200)), "");
  EXPECT_EQ(rig.deadline_ms(), 721);  // by the interval received on each
}

}  // namespace
}  // namespace lb::vrrp
