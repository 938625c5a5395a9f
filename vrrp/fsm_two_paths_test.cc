// Pairs that know of each other by a second path, the sync link.
#include <gtest/gtest.h>

#include "vrrp/fsm.h"
#include "vrrp/testing/rig.h"

namespace lb::vrrp {
namespace {

using test::kHigher;
using test::kLower;
using test::kOurs;
using test::kSecond;
using test::member;
using test::Rig;

TEST(VrrpTwoPaths, AdvertsLostButThePeerHolds) {
  Rig rig({.members = {member(100)}});
  rig.start();
  EXPECT_EQ(rig.peer(State::kMaster, 0, 150, kHigher), "");
  EXPECT_FALSE(rig.group.peer_holds());
  EXPECT_EQ(rig.pass(milliseconds(3609)), "");
  EXPECT_TRUE(rig.group.peer_holds());
  EXPECT_EQ(rig.deadline_ms(), 4609);
  EXPECT_EQ(rig.pass(30 * kSecond), "");
  EXPECT_TRUE(rig.group.peer_holds());
  EXPECT_EQ(rig.advert(0, 150), "");  // adverts are back
  EXPECT_FALSE(rig.group.peer_holds());
}

TEST(VrrpTwoPaths, TakesOverAsSoonAsTheHoldingPeerIsGone) {
  Rig rig({.members = {member(100)}});
  rig.start();
  rig.peer(State::kMaster, 0, 150, kHigher);
  rig.pass(5 * kSecond);
  EXPECT_EQ(rig.peer_is_gone(), "BACKUP->MASTER (no advert from a master), 0:100");
}

TEST(VrrpTwoPaths, TakesOverAsSoonAsTheHoldingPeerIsNotMaster) {
  for (const State state : {State::kBackup, State::kFault, State::kInit}) {
    Rig rig({.members = {member(100)}});
    rig.start();
    rig.peer(State::kMaster, 0, 150, kHigher);
    rig.pass(5 * kSecond);
    EXPECT_EQ(rig.peer(state, 0, 150, kHigher), "BACKUP->MASTER (no advert from a master), 0:100");
  }
}

// Its port is gone, so no resignation came by it.
TEST(VrrpTwoPaths, FailingMasterReportsItOverTheLink) {
  Rig rig({.members = {member(100)}});
  rig.start();
  rig.peer(State::kMaster, 0, 150, kHigher);
  EXPECT_EQ(rig.peer(State::kFault, 0, 150, kHigher), "");
  EXPECT_EQ(rig.pass(kSecond), "609 BACKUP->MASTER (the master resigned), 0:100");
}

TEST(VrrpTwoPaths, APeerGoneBeforeTheSilenceIsLong) {
  Rig rig({.members = {member(100)}});
  rig.start();
  rig.peer(State::kMaster, 0, 150, kHigher);
  rig.pass(kSecond);
  EXPECT_EQ(rig.peer_is_gone(), "");
  EXPECT_EQ(rig.pass(3 * kSecond), "3609 BACKUP->MASTER (no advert from a master), 0:100");
}

TEST(VrrpTwoPaths, PeerOfWorseHealthDoesNotHold) {
  Rig rig({.members = {member(100)}});
  rig.start();
  rig.group.set_health(2);
  rig.peer(State::kMaster, 1, 150, kHigher);
  EXPECT_EQ(rig.pass(4 * kSecond), "3609 BACKUP->MASTER (no advert from a master), 0:100");
  // While it holds, too.
  Rig later({.members = {member(100)}});
  later.start();
  later.group.set_health(2);
  later.peer(State::kMaster, 2, 150, kHigher);
  EXPECT_EQ(later.pass(4 * kSecond), "");
  EXPECT_EQ(later.peer(State::kMaster, 1, 150, kHigher),
            "BACKUP->MASTER (no advert from a master), 0:100");
}

TEST(VrrpTwoPaths, PreemptsALowerPeerWhoseAdvertsArrive) {
  Rig rig({.members = {member(150)}});
  rig.start();
  rig.peer(State::kMaster, 0, 100, kHigher);
  rig.pass(3 * kSecond);
  EXPECT_EQ(rig.advert(0, 100), "");
  EXPECT_EQ(rig.pass(kSecond), "3414 BACKUP->MASTER (the master has a lower priority), 0:150");
}

TEST(VrrpTwoPaths, AHealthierPeerIsNotPreempted) {
  Rig rig({.members = {member(150)}});
  rig.start();
  rig.peer(State::kMaster, 1, 100, kHigher);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(rig.pass(kSecond), "");
    EXPECT_EQ(rig.advert(0, 100), "");
  }
  rig.group.set_health(1);
  EXPECT_EQ(rig.pass(kSecond), "");
  EXPECT_EQ(rig.advert(0, 100), "");
  EXPECT_EQ(rig.pass(3 * kSecond), "13414 BACKUP->MASTER (the master has a lower priority), 0:150");
}

TEST(VrrpTwoPaths, AResignationEndsTheHold) {
  Rig rig({.members = {member(100)}});
  rig.start();
  rig.peer(State::kMaster, 0, 150, kHigher);  // an old state by then
  EXPECT_EQ(rig.advert(0, 0), "");
  EXPECT_EQ(rig.pass(kSecond), "609 BACKUP->MASTER (the master resigned), 0:100");
}

// From before it left: its cable was pulled, and what it had sent came when it was plugged in
// again.
TEST(VrrpTwoPaths, OldAdvertsOfThePeerAreIgnored) {
  Rig rig({.members = {member(100)}});
  rig.become_master();
  rig.peer(State::kFault, 0, 150, kHigher);
  EXPECT_EQ(rig.advert(0, 150), "0:deferred");
  EXPECT_EQ(rig.advert(0, 150), "0:unconfirmed");
  rig.peer(State::kBackup, 0, 150, kHigher);
  EXPECT_EQ(rig.advert(0, 150), "0:deferred");
  rig.pass(10 * kSecond);
  EXPECT_EQ(rig.advert(0, 150), "0:unconfirmed");  // another time
  EXPECT_EQ(rig.group.state(), State::kMaster);
}

TEST(VrrpTwoPaths, TrustsThePeersNextAdvert) {
  Rig rig({.members = {member(100)}});
  rig.become_master();
  rig.peer(State::kBackup, 0, 150, kHigher);
  EXPECT_EQ(rig.advert(0, 150), "0:deferred");
  rig.pass(kSecond);
  EXPECT_EQ(rig.advert(0, 150), "0:100, MASTER->BACKUP (master 192.0.2.3 of priority 150)");
}

TEST(VrrpTwoPaths, DoubtsAnAdvertThatIsFasterThanTheLink) {
  Rig rig({.members = {member(100)}});
  rig.become_master();
  rig.peer(State::kBackup, 0, 150, kHigher);
  EXPECT_EQ(rig.advert(0, 150), "0:deferred");
  EXPECT_EQ(rig.peer(State::kMaster, 0, 150, kHigher),
            "0:0, MASTER->BACKUP (master 192.0.2.3 of priority 150)");
  // That it becomes master long after an old advert is another matter.
  Rig later({.members = {member(100)}});
  later.become_master();
  later.peer(State::kBackup, 0, 50, kHigher);
  EXPECT_EQ(later.advert(0, 150), "0:deferred");
  later.pass(5 * kSecond);
  EXPECT_EQ(later.peer(State::kMaster, 0, 50, kHigher), "");
}

TEST(VrrpTwoPaths, SuspectsOnlyThePeersAdverts) {
  Rig another({.members = {member(100)}});
  another.become_master();
  another.peer(State::kBackup, 0, 150, kHigher);
  EXPECT_EQ(another.advert(0, 150, kLower),
            "0:100, MASTER->BACKUP (master 192.0.2.1 of priority 150)");
  Rig alone({.members = {member(100)}});
  alone.become_master();
  alone.peer(State::kBackup, 0, 150, kHigher);
  alone.peer_is_gone();
  EXPECT_EQ(alone.advert(0, 150), "0:100, MASTER->BACKUP (master 192.0.2.3 of priority 150)");
}

TEST(VrrpTwoPaths, FrozenDoesNotTakeOverWhenThePeerIsGone) {
  Rig rig({.members = {member(100)}});
  rig.start();
  rig.peer(State::kMaster, 0, 150, kHigher);
  rig.pass(5 * kSecond);
  rig.group.set_frozen(true, rig.now());
  EXPECT_EQ(rig.peer_is_gone(), "");
  EXPECT_EQ(rig.pass(5 * kSecond), "");
}

// Both masters: two groups, each informed of the other one's state.
struct Pair {
  Rig a, b;
  int a_health, b_health;

  Pair(std::uint8_t a_priority, int with_a_health, std::uint8_t b_priority, int with_b_health)
      : a({.members = {member(a_priority)}}),
        b({.members = {{3, b_priority, kSecond, kHigher}}}),
        a_health(with_a_health),
        b_health(with_b_health) {
    a.group.set_health(a_health);
    b.group.set_health(b_health);
    a.become_master();
    b.become_master();
  }
  // "who left", after a time in which the link synchronized them every 100 ms.
  std::string left(milliseconds time) {
    for (milliseconds t{0}; t < time; t += milliseconds(100)) {
      const Peer of_a{true, a.group.state(), a.group.fitness()};
      const Peer of_b{true, b.group.state(), b.group.fitness()};
      a.group.set_peer(of_b, a.now());
      b.group.set_peer(of_a, b.now());
      a.pass(milliseconds(100));
      b.pass(milliseconds(100));
    }
    return std::string(a.group.state() == State::kMaster ? "" : "a") +
           (b.group.state() == State::kMaster ? "" : "b");
  }
};

TEST(VrrpTwoPaths, OfTwoMastersTheWorseLeaves) {
  const auto left = [](std::uint8_t a_priority, int a_health, std::uint8_t b_priority,
                       int b_health) {
    Pair pair(a_priority, a_health, b_priority, b_health);
    EXPECT_EQ(pair.left(milliseconds(900)), "");  // the adverts' turn
    const std::string first = pair.left(milliseconds(300));
    EXPECT_EQ(pair.left(20 * kSecond), first);  // and it stays so
    return first;
  };
  EXPECT_EQ(left(150, 1, 100, 1), "b");
  EXPECT_EQ(left(100, 1, 150, 1), "a");
  EXPECT_EQ(left(100, 2, 150, 1), "b");
  EXPECT_EQ(left(150, 1, 100, 2), "a");
  EXPECT_EQ(left(100, 1, 100, 1), "a");  // b has the higher address
}

TEST(VrrpTwoPaths, WorseMasterYields) {
  Rig rig({.members = {member(100), member(100)}});
  rig.become_master();
  EXPECT_EQ(rig.peer(State::kMaster, 2, 150, kHigher), "");
  EXPECT_EQ(rig.pass(milliseconds(999)), "");
  // Told once is enough.
  EXPECT_EQ(rig.pass(milliseconds(1)),
            "1000 0:0, 1:0, MASTER->BACKUP (the peer is master too and better (2 working ports, "
            "priority 150))");
}

TEST(VrrpTwoPaths, IgnoresOldStateOfTheFormerMaster) {
  Rig rig({.members = {member(100)}});
  rig.become_master();
  EXPECT_EQ(rig.peer(State::kMaster, 0, 150, kHigher), "");
  rig.pass(milliseconds(500));
  EXPECT_EQ(rig.peer(State::kBackup, 0, 150, kHigher), "");
  EXPECT_EQ(rig.pass(kSecond), "1000 0:100");
  // A second time is counted from then.
  EXPECT_EQ(rig.peer(State::kMaster, 0, 150, kHigher), "");
  EXPECT_EQ(rig.pass(milliseconds(900)), "2000 0:100");
}

TEST(VrrpTwoPaths, ADeadMasterIsNone) {
  Rig rig({.members = {member(100)}});
  rig.become_master();
  EXPECT_EQ(rig.peer(State::kMaster, 0, 150, kHigher), "");
  EXPECT_EQ(rig.peer_is_gone(), "");
  EXPECT_EQ(rig.pass(2 * kSecond), "1000 0:100\n2000 0:100");
}

// Its standby reports over the sync link the number of silent members.
TEST(VrrpTwoPaths, MasterAnnouncesWhenThePeerReceivesItAgain) {
  Rig rig({.members = {member(100), member(100)}});
  rig.become_master();
  EXPECT_EQ(rig.without_adverts(0), "");
  EXPECT_EQ(rig.without_adverts(2), "");
  EXPECT_EQ(rig.without_adverts(2), "");
  EXPECT_EQ(rig.without_adverts(1), "announce");
  EXPECT_EQ(rig.without_adverts(1), "");
  EXPECT_EQ(rig.without_adverts(0), "announce");
  // Whether it receives us while the sync link is down is unknown.
  EXPECT_EQ(rig.without_adverts(2), "");
  EXPECT_EQ(rig.peer_is_gone(), "");
  EXPECT_EQ(rig.without_adverts(2), "");
  EXPECT_EQ(rig.without_adverts(0), "announce");
}

TEST(VrrpTwoPaths, StandbyCountsSilentMembers) {
  Rig rig({.members = {member(100), member(100)}});
  EXPECT_EQ(rig.group.without_adverts(rig.now()), 0);
  rig.start();
  rig.peer(State::kMaster, 0, 150, kHigher);
  rig.advert(0, 150);
  rig.pass(kSecond);
  rig.advert(0, 150);
  rig.pass(milliseconds(2608));
  EXPECT_EQ(rig.group.without_adverts(rig.now()), 0);
  rig.pass(milliseconds(1));
  EXPECT_EQ(rig.group.without_adverts(rig.now()), 1);
  rig.pass(kSecond);
  EXPECT_EQ(rig.group.without_adverts(rig.now()), 2);
  rig.pass(30 * kSecond);
  EXPECT_TRUE(rig.group.peer_holds());
  EXPECT_EQ(rig.group.without_adverts(rig.now()), 2);
  rig.advert(1, 150);
  EXPECT_EQ(rig.group.without_adverts(rig.now()), 1);
  rig.advert(0, 150);
  EXPECT_EQ(rig.group.without_adverts(rig.now()), 0);
  rig.peer_is_gone();
  rig.take();
  rig.pass(30 * kSecond);
  EXPECT_EQ(rig.group.without_adverts(rig.now()), 0);  // a master need not receive anything
}

// It goes on waiting for its right to preempt; that is no deafness.
TEST(VrrpTwoPaths, StandbyReceivesALowerMaster) {
  Rig rig({.members = {member(100)}});
  rig.start();
  rig.peer(State::kMaster, 1, 50, kHigher);
  for (int i = 0; i < 10; ++i) {
    rig.pass(kSecond);
    rig.advert(0, 50);
    EXPECT_EQ(rig.group.without_adverts(rig.now()), 0);
  }
}

TEST(VrrpTwoPaths, FitnessIsHealthThenPriorityThenAddress) {
  EXPECT_GT((Fitness{2, 1, kLower}), (Fitness{1, 200, kHigher}));
  EXPECT_GT((Fitness{1, 101, kLower}), (Fitness{1, 100, kHigher}));
  EXPECT_GT((Fitness{1, 100, kHigher}), (Fitness{1, 100, kLower}));
  Rig rig({.members = {member(120), member(90)}});
  rig.group.set_health(3);
  EXPECT_EQ(rig.group.fitness(), (Fitness{3, 120, kOurs}));
}

}  // namespace
}  // namespace lb::vrrp
