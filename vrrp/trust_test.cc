// Which adverts count: unknown routers, and adverts in the peer's name.
#include <gtest/gtest.h>

#include "vrrp/fsm.h"
#include "vrrp/testing/rig.h"

namespace lb::vrrp {
namespace {

using test::ip;
using test::kHigher;
using test::kOurs;
using test::kSecond;
using test::Rig;

const Ipv4Address kStranger = ip("192.0.2.66");
const Ipv4Address kOtherRouter = ip("192.0.2.4");
constexpr milliseconds kInterval{100};
constexpr milliseconds kBeat{100};
constexpr std::uint8_t kWorse = 50;  // priority of a peer that is standby

Group::Options with_link(std::uint8_t version = 3, std::vector<Ipv4Address> routers = {}) {
  const milliseconds interval = version == 2 ? kSecond : kInterval;
  return {.members = {{version, 100, interval, kOurs, std::move(routers), false, true}}};
}

// The peer reports the same at every beat while `what` happens at each.
template <typename What>
std::string with_reports(Rig& rig, State peer, std::uint8_t priority, int beats, What&& what) {
  std::string log;
  for (int i = 0; i < beats; ++i) {
    log += rig.report(peer, 0, priority, kHigher);
    log += what();
    log += rig.pass(kBeat);
  }
  return log;
}

TEST(VrrpTrust, AMasterDoesNotYieldToUnknownRouters) {
  for (const std::uint8_t version : {std::uint8_t{2}, std::uint8_t{3}}) {
    Rig rig(with_link(version));
    rig.become_master();
    rig.report(State::kBackup, 0, kWorse, kHigher);
    for (const int each : {0, 1, 254, 255}) {
      const auto priority = static_cast<std::uint8_t>(each);
      EXPECT_EQ(rig.advert(0, priority, kStranger, 40'950 * milliseconds(1), version),
                "0:unknown_router");
    }
    EXPECT_EQ(rig.group.state(), State::kMaster);
    // Nor when the peer has died meanwhile.
    rig.peer_is_gone();
    EXPECT_EQ(rig.advert(0, 254, kStranger, kInterval, version), "0:unknown_router");
  }
}

TEST(VrrpTrust, AStandbyIsNotKeptWaitingByUnknownRouters) {
  Rig rig(with_link());
  rig.start();
  rig.report(State::kMaster, 0, 150, kHigher);
  rig.advert(0, 150, kHigher, kInterval);
  rig.peer_is_gone();
  std::string log;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(rig.advert(0, 254, kStranger, 40'950 * milliseconds(1)), "0:unknown_router");
    log += rig.pass(kInterval);
  }
  EXPECT_EQ(log.substr(0, log.find('\n')), "360 BACKUP->MASTER (no advert from a master), 0:100");
}

TEST(VrrpTrust, AnUnknownResignationIsNone) {
  Rig rig(with_link());
  rig.start();
  rig.report(State::kMaster, 0, 150, kHigher);
  rig.advert(0, 150, kHigher, kInterval);
  EXPECT_EQ(rig.advert(0, 0, kStranger, kInterval), "0:unknown_router");
  EXPECT_EQ(rig.deadline_ms(), 360);
}

// Before the link was ever up nobody is known, and there may be a master.
TEST(VrrpTrust, EverybodyCountsUntilThePeerIsKnown) {
  for (const bool lists : {false, true}) {
    Rig rig(with_link(3, lists ? std::vector{kOtherRouter} : std::vector<Ipv4Address>{}));
    rig.become_master();
    EXPECT_EQ(rig.advert(0, 150, kHigher, kInterval),
              "0:100, MASTER->BACKUP (master 192.0.2.3 of priority 150)");
  }
  // It has no address on that network yet.
  Rig later(with_link());
  later.become_master();
  later.report(State::kInit, 0, kWorse, Ipv4Address{});
  EXPECT_EQ(later.advert(0, 150, kStranger, kInterval), "0:unknown_router");
}

TEST(VrrpTrust, ListedRoutersCount) {
  Rig rig(with_link(3, {kOtherRouter}));
  rig.become_master();
  rig.report(State::kBackup, 0, kWorse, kHigher);
  EXPECT_EQ(rig.advert(0, 150, kStranger, kInterval), "0:unknown_router");
  EXPECT_EQ(rig.advert(0, 150, kOtherRouter, kInterval),
            "0:100, MASTER->BACKUP (master 192.0.2.4 of priority 150)");
}

TEST(VrrpTrust, EverybodyCountsIfAllowed) {
  Group::Options options = with_link();
  options.members[0].accept_unknown = true;
  Rig rig(options);
  rig.become_master();
  rig.report(State::kBackup, 0, kWorse, kHigher);
  EXPECT_EQ(rig.advert(0, 150, kStranger, kInterval),
            "0:100, MASTER->BACKUP (master 192.0.2.66 of priority 150)");
}

// ---- in the peer's name

TEST(VrrpTrust, AMasterDoesNotYieldAgainstThePeersReports) {
  Rig rig(with_link());
  rig.become_master();
  EXPECT_EQ(with_reports(rig, State::kBackup, kWorse, 20,
                         [&] {
                           const std::string first = rig.ms() == 0 ? "0:deferred" : "0:unconfirmed";
                           EXPECT_EQ(rig.advert(0, 254, kHigher, kInterval), first);
                           EXPECT_EQ(rig.advert(0, 1, kHigher, kInterval), "0:unconfirmed");
                           EXPECT_EQ(rig.advert(0, 0, kHigher, kInterval), "0:unconfirmed");
                           return std::string();
                         })
                .find("->"),
            std::string::npos);
  // The link is silent: its last report is too old, and a real master would go on.
  rig.pass(milliseconds(1050));
  EXPECT_EQ(rig.advert(0, 254, kHigher, kInterval), "0:unconfirmed");
  rig.pass(kInterval);
  EXPECT_EQ(rig.advert(0, 254, kHigher, kInterval),
            "0:100, MASTER->BACKUP (master 192.0.2.3 of priority 254)");
}

TEST(VrrpTrust, AMasterYieldsAsSoonAsThePeerReportsIt) {
  Rig rig(with_link());
  rig.become_master();
  rig.report(State::kBackup, 0, 150, kHigher);
  EXPECT_EQ(rig.advert(0, 150, kHigher, kInterval), "0:deferred");
  rig.sleep(milliseconds(2));
  EXPECT_EQ(rig.report(State::kMaster, 0, 150, kHigher),
            "0:0, MASTER->BACKUP (master 192.0.2.3 of priority 150)");
  // The report comes first.
  Rig other(with_link());
  other.become_master();
  other.report(State::kMaster, 0, 150, kHigher);
  EXPECT_EQ(other.advert(0, 150, kHigher, kInterval),
            "0:100, MASTER->BACKUP (master 192.0.2.3 of priority 150)");
}

// It was on its way when its sender reported that it is not master any more.
TEST(VrrpTrust, TheLastAdvertOfAMasterThatYieldedIsNoForgery) {
  Rig rig(with_link());
  rig.start();
  rig.report(State::kMaster, 0, kWorse, kHigher);
  rig.take();
  rig.report(State::kBackup, 0, kWorse, kHigher);
  rig.sleep(milliseconds(5));
  EXPECT_EQ(rig.advert(0, kWorse, kHigher, kInterval), "0:deferred");
  EXPECT_EQ(rig.advert(0, kWorse, kHigher, kInterval), "0:unconfirmed");
  EXPECT_EQ(with_reports(rig, State::kBackup, kWorse, 20, [] { return std::string(); })
                .find("unconfirmed"),
            std::string::npos);
  // Nothing is on its way for so long.
  Rig later(with_link());
  later.start();
  later.report(State::kMaster, 0, kWorse, kHigher);
  later.take();
  with_reports(later, State::kBackup, kWorse, 15, [] { return std::string(); });
  EXPECT_EQ(later.advert(0, kWorse, kHigher, kInterval), "0:unconfirmed");
}

// Each of a group's members sends its own.
TEST(VrrpTrust, OneAdvertOfEachMemberMayBeFasterThanTheReport) {
  Group::Options options = with_link();
  options.members.push_back(options.members.front());
  Rig rig(options);
  rig.become_master();
  rig.report(State::kBackup, 0, 150, kHigher);
  for (const std::size_t each : {std::size_t{0}, std::size_t{1}}) {
    EXPECT_EQ(rig.advert(each, 150, kHigher, kInterval), std::to_string(each) + ":deferred");
  }
  EXPECT_EQ(rig.report(State::kMaster, 0, 150, kHigher),
            "0:0, 1:0, MASTER->BACKUP (master 192.0.2.3 of priority 150)");
}

// One alone, too: no report confirms it.
TEST(VrrpTrust, ASingleForgedAdvertIsRefusedOnceItsReportIsMissing) {
  Rig rig(with_link());
  rig.become_master();
  rig.report(State::kBackup, 0, kWorse, kHigher);
  EXPECT_EQ(rig.advert(0, 254, kHigher, kInterval), "0:deferred");
  rig.sleep(milliseconds(499));
  EXPECT_EQ(rig.report(State::kBackup, 0, kWorse, kHigher), "");
  rig.sleep(milliseconds(1));
  EXPECT_EQ(rig.report(State::kBackup, 0, kWorse, kHigher), "0:unconfirmed");
  EXPECT_EQ(rig.report(State::kBackup, 0, kWorse, kHigher), "");
  EXPECT_EQ(rig.advert(0, 254, kHigher, kInterval), "0:unconfirmed");
  EXPECT_EQ(rig.group.state(), State::kMaster);
}

// What the stopped process reads first of the two paths may be old.
TEST(VrrpTrust, AMasterThatWasSilentYieldsToThePeerWhateverItReported) {
  Rig rig(with_link());
  rig.become_master();
  rig.sleep(kSecond);
  rig.report(State::kBackup, 0, kWorse, kHigher);
  EXPECT_EQ(rig.advert(0, kWorse, kHigher, kInterval),
            "MASTER->BACKUP (192.0.2.3 took over while this director was silent)");
}

// Neither is master: somebody sends adverts as the other one to both.
TEST(VrrpTrust, AStandbyTakesOverAgainstAdvertsThatThePeerDeniesForLong) {
  Rig rig(with_link());
  rig.start();
  const std::string log = with_reports(rig, State::kBackup, 150, 15, [&] {
    rig.advert(0, 150, kHigher, 40'950 * milliseconds(1));
    return std::string();
  });
  EXPECT_NE(log.find("BACKUP->MASTER (no advert from a master)"), std::string::npos) << log;
}

TEST(VrrpTrust, AnAdvertThatIsFasterThanTheReportCounts) {
  Rig rig(with_link());
  rig.start();
  rig.report(State::kBackup, 0, 150, kHigher);
  rig.pass(milliseconds(350));
  rig.report(State::kBackup, 0, 150, kHigher);
  EXPECT_EQ(rig.advert(0, 150, kHigher, kInterval), "");
  EXPECT_EQ(rig.deadline_ms(), 350 + 360);
}

TEST(VrrpTrust, AForgedResignationIsNone) {
  Rig rig(with_link());
  rig.start();
  const std::string log = with_reports(rig, State::kMaster, 150, 20, [&] {
    rig.advert(0, 150, kHigher, kInterval);
    return rig.advert(0, 0, kHigher, kInterval);
  });
  EXPECT_EQ(log.find("->"), std::string::npos) << log;
  EXPECT_NE(log.find("0:unconfirmed"), std::string::npos) << log;
  EXPECT_EQ(rig.group.state(), State::kBackup);
}

TEST(VrrpTrust, AResignationCountsWithTheReport) {
  for (const bool report_first : {true, false}) {
    Rig rig(with_link());
    rig.start();
    rig.report(State::kMaster, 0, 150, kHigher);
    rig.advert(0, 150, kHigher, kInterval);
    if (report_first) rig.report(State::kBackup, 0, 150, kHigher);
    EXPECT_EQ(rig.advert(0, 0, kHigher, kInterval), "");
    rig.sleep(milliseconds(5));
    if (!report_first) rig.report(State::kBackup, 0, 150, kHigher);
    const std::string log = rig.pass(milliseconds(100));
    EXPECT_NE(log.find("BACKUP->MASTER (the master resigned)"), std::string::npos) << log;
  }
}

TEST(VrrpTrust, AResignationCountsWhenTheLinkEndsWithIt) {
  Rig rig(with_link());
  rig.start();
  rig.report(State::kMaster, 0, 150, kHigher);
  rig.advert(0, 150, kHigher, kInterval);
  EXPECT_EQ(rig.advert(0, 0, kHigher, kInterval), "");
  rig.peer_is_gone();
  EXPECT_EQ(rig.pass(milliseconds(100)), "60 BACKUP->MASTER (the master resigned), 0:100");
}

// ---- intervals

TEST(VrrpTrust, AForeignIntervalIsBounded) {
  Rig rig({.members = {test::member(100, kInterval)}});
  rig.start();
  EXPECT_EQ(rig.advert(0, 254, kStranger, 40'950 * milliseconds(1)), "");
  EXPECT_EQ(rig.deadline_ms(), 3 * 1000 + 156 * 1000 / 256);
  Rig master({.members = {test::member(100, kInterval)}});
  master.become_master();
  master.advert(0, 254, kStranger, 40'950 * milliseconds(1));
  EXPECT_EQ(master.deadline_ms(), 3 * 1000 + 156 * 1000 / 256);
  EXPECT_EQ(Group::longest_interval(kSecond), 3 * kSecond);
}

}  // namespace
}  // namespace lb::vrrp
