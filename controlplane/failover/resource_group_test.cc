// The programs of a group, with a clock and a peer of the test's own.
#include "controlplane/failover/resource_group.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace lb::controlplane {
namespace {

using namespace std::chrono_literals;
using Role = ResourceView::Role;
using Peer = ResourceView::Peer;
using config::PeerConfirmation;
using config::ResourceFailure;

config::HaResource resource(const std::string& name) {
  config::HaResource out;
  out.name = name;
  out.instance = "VI";
  out.unit = name + ".service";
  out.monitor_interval = 1s;
  out.monitor_timeout = 1s;
  out.stop_timeout = 10s;
  out.restart_limit = 2;
  out.restart_window = 60s;
  return out;
}

std::string event_name(ResourceEvent event) {
  const char* const names[] = {"started",   "adopted",     "stopped",        "restarted", "failed",
                               "recovered", "stop failed", "stop recovered", "waiting"};
  return names[static_cast<std::size_t>(event)];
}

class ResourceGroupTest : public testing::Test {
 protected:
  void configure(std::vector<config::HaResource> next) {
    resources = std::move(next);
    take(group.configure(resources, now));
  }
  void become(Role role, Peer peer = Peer::kStopped) {
    if (role != view.role) view.number += 1;
    view.role = role;
    see(peer);
  }
  void see(Peer peer) {
    view.peer = peer;
    take(group.update(view, now));
  }
  // What was begun, killed and reported since the last call.
  std::string done() { return std::exchange(text, {}); }
  // Ends what runs for the resource.
  void end(const std::string& name, const std::string& error = "") {
    take(group.ended(of(name).run, error, now));
  }
  // Ends whatever runs, well, until nothing is begun any more.
  void end_all() {
    for (bool any = true; std::exchange(any, false);) {
      for (const auto& each : group.resources()) {
        if (each.run == 0 || each.step == ResourceStep::kMonitor) continue;
        take(group.ended(each.run, "", now));
        any = true;
        break;
      }
    }
  }
  void end_monitors() {
    std::vector<std::uint64_t> runs;
    for (const auto& each : group.resources()) {
      if (each.step == ResourceStep::kMonitor) runs.push_back(each.run);
    }
    for (const std::uint64_t run : runs) take(group.ended(run, "", now));
  }
  // Everything that is due until then happens, monitors are good.
  void pass(std::chrono::milliseconds time) {
    const auto until = now + time;
    for (;;) {
      const auto next = group.next_deadline();
      if (!next || *next > until) break;
      ASSERT_GE(*next, now) << "the timer would turn without end";
      now = std::max(now, *next);
      take(group.expire(now));
      end_monitors();
    }
    now = until;
  }
  // Its next monitor says that it is dead.
  void die(const std::string& name) {
    now = std::max(now, of(name).monitor_at);
    take(group.expire(now));
    end(name, "exit status 3");
    end_monitors();
  }
  const ResourceGroup::Resource& of(const std::string& name) {
    return *std::ranges::find(group.resources(), name,
                              [](const auto& each) { return each.config.name; });
  }
  Programs programs() { return group.report().programs; }
  void run_two() {
    configure({resource("a"), resource("b")});
    become(Role::kOther);
    end_all();
    become(Role::kMaster);
    end_all();
    done();
  }

  void take(const ResourceActions& actions) {
    for (const ResourceAction& each : actions) {
      const std::string& name = each.resource.name;
      std::string what;
      switch (each.kind) {
        case ResourceAction::Kind::kRun:
          what = fmt::format("{} {}", to_text(each.step), name);
          break;
        case ResourceAction::Kind::kCancel:
          what = fmt::format("kill {} {}", to_text(each.step), name);
          break;
        case ResourceAction::Kind::kReport:
          what = fmt::format("[{} {}{}]", name, event_name(each.event),
                             each.text.empty() ? "" : ": " + each.text);
          break;
      }
      if (what.starts_with("monitor") && of(name).state == ResourceState::kRunning) continue;
      text += (text.empty() ? "" : ", ") + what;
    }
  }

  ResourceGroup::Time now{1'000s};
  ResourceGroup group{now};
  std::vector<config::HaResource> resources;
  ResourceView view;
  std::string text;
};

TEST_F(ResourceGroupTest, StartsInOrderOneAfterTheOther) {
  configure({resource("a"), resource("b")});
  become(Role::kOther);
  EXPECT_EQ(done(), "stop b");
  end("b");
  EXPECT_EQ(done(), "[b stopped], stop a");
  end("a");
  EXPECT_EQ(done(), "[a stopped]");
  become(Role::kMaster);
  EXPECT_EQ(done(), "start a");
  end("a");
  EXPECT_EQ(done(), "[a started], start b");
  end("b");
  EXPECT_EQ(done(), "[b started]");
  EXPECT_EQ(programs(), Programs::kMayRun);
}

TEST_F(ResourceGroupTest, StopsInReverseOrder) {
  run_two();
  become(Role::kOther);
  EXPECT_EQ(done(), "stop b");
  EXPECT_EQ(programs(), Programs::kMayRun);
  end("b");
  EXPECT_EQ(programs(), Programs::kMayRun);
  end("a");
  EXPECT_EQ(done(), "[b stopped], stop a, [a stopped]");
  EXPECT_EQ(programs(), Programs::kStopped);
}

TEST_F(ResourceGroupTest, KillsAStartThatIsUnderWay) {
  configure({resource("a")});
  become(Role::kOther);
  end_all();
  become(Role::kMaster);
  done();
  become(Role::kOther);
  EXPECT_EQ(done(), "kill start a, stop a");
  end("a");
  EXPECT_EQ(programs(), Programs::kStopped);
}

TEST_F(ResourceGroupTest, LeavesProgramsAloneBeforeTheRoleIsKnown) {
  configure({resource("a")});
  EXPECT_EQ(done(), "");
  EXPECT_EQ(programs(), Programs::kMayRun);
  pass(60s);
  EXPECT_EQ(done(), "");
}

TEST_F(ResourceGroupTest, AdoptsWhatRunsAndNeedsNoPeerForIt) {
  configure({resource("a")});
  become(Role::kMaster, Peer::kMayRun);
  EXPECT_EQ(done(), "monitor a");
  end("a");
  EXPECT_EQ(done(), "[a adopted]");
  die("a");
  end("a");
  end("a");
  EXPECT_EQ(done(), "stop a, start a, [a restarted: monitor: exit status 3]");
}

TEST_F(ResourceGroupTest, StopsWhatItDoesNotFindRunningBeforeItStartsIt) {
  configure({resource("a")});
  become(Role::kMaster);
  end("a", "exit status 3");
  EXPECT_EQ(done(), "monitor a, stop a");
  end("a");
  EXPECT_EQ(done(), "[a stopped], start a");
}

// ---- the peer

TEST_F(ResourceGroupTest, WaitsForThePeerThatMayRunThem) {
  configure({resource("a")});
  become(Role::kOther);
  end_all();
  done();
  become(Role::kMaster, Peer::kMayRun);
  EXPECT_EQ(of("a").state, ResourceState::kWaiting);
  EXPECT_EQ(programs(), Programs::kStopped);
  pass(14s);
  EXPECT_EQ(done(), "");
  pass(1h);
  EXPECT_EQ(done(), "[a waiting: the peer may be running it]");
  see(Peer::kStopped);
  EXPECT_EQ(done(), "start a");
}

TEST_F(ResourceGroupTest, NeverStartsWhatThePeerCouldNotStop) {
  configure({resource("a")});
  become(Role::kOther);
  end_all();
  done();
  become(Role::kMaster, Peer::kStopFailed);
  pass(1h);
  EXPECT_EQ(done(), "[a waiting: the peer could not stop its programs]");
  ResourceActions actions;
  EXPECT_TRUE(group.confirm(actions, now));
  take(actions);
  EXPECT_EQ(done(), "start a");
}

TEST_F(ResourceGroupTest, WaitsForTheLeaseOfAPeerThatIsGone) {
  configure({resource("a"), resource("b")});
  become(Role::kOther);
  end_all();
  done();
  become(Role::kMaster, Peer::kGone);
  pass(24'999ms);  // the time of both stops, and 5 s
  EXPECT_EQ(done(), "");
  pass(1ms);
  EXPECT_EQ(done(), "start a");
}

TEST_F(ResourceGroupTest, TheLeaseIsAsLongAsThePeerSaid) {
  configure({resource("a")});
  become(Role::kOther);
  end_all();
  done();
  view.peer_stop_time = 30s;
  become(Role::kMaster, Peer::kMayRun);
  pass(20s);
  see(Peer::kGone);
  pass(34'999ms);
  EXPECT_EQ(done(), "");
  pass(1ms);
  EXPECT_EQ(done(), "start a");
}

TEST_F(ResourceGroupTest, APeerThatComesBackEndsTheLease) {
  configure({resource("a")});
  become(Role::kOther);
  end_all();
  done();
  become(Role::kMaster, Peer::kGone);
  pass(10s);
  see(Peer::kMayRun);
  pass(10s);
  EXPECT_EQ(done(), "[a waiting: the peer may be running it]");
  see(Peer::kGone);
  pass(15s);
  EXPECT_EQ(done(), "start a");
}

TEST_F(ResourceGroupTest, RequiredWaitsForAnOperatorWhenThePeerIsGone) {
  auto only = resource("a");
  only.peer_confirmation = PeerConfirmation::kRequired;
  configure({only});
  become(Role::kOther);
  end_all();
  done();
  become(Role::kMaster, Peer::kGone);
  pass(1h);
  EXPECT_EQ(done(), "[a waiting: nothing is received from the peer]");
  ResourceActions actions;
  EXPECT_TRUE(group.confirm(actions, now));
  take(actions);
  EXPECT_EQ(done(), "start a");
  EXPECT_FALSE(group.confirm(actions, now));
}

TEST_F(ResourceGroupTest, NoneStartsAtOnceAndIsNoneOfThePeersBusiness) {
  auto shared = resource("a");
  shared.peer_confirmation = PeerConfirmation::kNone;
  configure({shared});
  become(Role::kOther);
  end_all();
  done();
  become(Role::kMaster, Peer::kMayRun);
  EXPECT_EQ(done(), "start a");
  EXPECT_EQ(programs(), Programs::kStopped);
}

TEST_F(ResourceGroupTest, EachMastershipNeedsItsOwnConfirmation) {
  run_two();
  become(Role::kOther);
  end_all();
  done();
  become(Role::kMaster, Peer::kMayRun);
  EXPECT_EQ(done(), "");
}

// ---- failures

TEST_F(ResourceGroupTest, RestartsWhatItsMonitorFindsDead) {
  run_two();
  die("a");
  EXPECT_EQ(done(), "stop a");
  end("a");
  EXPECT_EQ(done(), "start a");
  end("a");
  EXPECT_EQ(done(), "[a restarted: monitor: exit status 3]");
  EXPECT_EQ(of("a").restart_count, 1U);
  EXPECT_EQ(of("b").state, ResourceState::kRunning);
}

TEST_F(ResourceGroupTest, MovesAtTheLimitAndDoesNotComeBack) {
  run_two();
  for (int i = 0; i < 2; ++i) {
    die("a");
    end("a");
    end("a");
  }
  EXPECT_EQ(group.failure(), nullptr);
  done();
  die("a");
  EXPECT_EQ(
      done(),
      "[a failed: monitor: exit status 3; restart_limit = 2 is reached], kill monitor b, stop b");
  end_all();
  ASSERT_NE(group.failure(), nullptr);
  become(Role::kOther);
  EXPECT_EQ(programs(), Programs::kStopped);
  done();
  pass(24h);
  EXPECT_NE(group.failure(), nullptr);
  ResourceActions actions;
  EXPECT_TRUE(group.retry(actions, now));
  EXPECT_EQ(group.failure(), nullptr);
  EXPECT_FALSE(group.retry(actions, now));
  become(Role::kMaster);
  end_all();
  EXPECT_EQ(
      done(),
      "start a, [a recovered: monitor: exit status 3; restart_limit = 2 is reached], start b, "
      "[b started]");
}

TEST_F(ResourceGroupTest, RestartsCountWithinTheWindow) {
  run_two();
  for (int i = 0; i < 5; ++i) {
    die("a");
    end("a");
    end("a");
    pass(31s);
  }
  EXPECT_FALSE(of("a").failed);
  EXPECT_EQ(of("a").restart_count, 5U);
}

TEST_F(ResourceGroupTest, AFailureIsForgottenAfterItsTime) {
  auto only = resource("a");
  only.failure_timeout = 60s;
  configure({only});
  become(Role::kOther);
  end_all();
  become(Role::kMaster);
  end("a", "exit status 1");
  end_all();
  ASSERT_NE(group.failure(), nullptr);
  become(Role::kOther);
  pass(60s);
  EXPECT_EQ(group.failure(), nullptr);
}

TEST_F(ResourceGroupTest, AStartThatFailsIsStoppedAndKeepsTheNextFromStarting) {
  auto first = resource("a");
  first.on_failure = ResourceFailure::kKeep;
  configure({first, resource("b")});
  become(Role::kOther);
  end_all();
  become(Role::kMaster);
  done();
  end("a", "exit status 1");
  EXPECT_EQ(done(), "[a failed: start: exit status 1], stop a");
  end("a");
  pass(1h);
  EXPECT_EQ(done(), "[a stopped]");
  EXPECT_EQ(group.failure(), nullptr);
  ResourceActions actions;
  EXPECT_TRUE(group.retry(actions, now));
  take(actions);
  end_all();
  EXPECT_EQ(done(), "start a, [a recovered: start: exit status 1], start b, [b started]");
}

TEST_F(ResourceGroupTest, AKeptFailureIsTriedAgainByTheNextMastership) {
  auto only = resource("a");
  only.on_failure = ResourceFailure::kKeep;
  configure({only});
  become(Role::kOther);
  end_all();
  become(Role::kMaster);
  end("a", "exit status 1");
  end_all();
  become(Role::kOther);
  become(Role::kMaster);
  end_all();
  EXPECT_EQ(of("a").state, ResourceState::kRunning);
}

TEST_F(ResourceGroupTest, ReportsAStopThatFailsAndTriesAgain) {
  run_two();
  become(Role::kOther);
  end("b", "killed after 10000 ms");
  EXPECT_EQ(done(), "stop b, [b stop failed: stop: killed after 10000 ms], stop a");
  end("a");
  EXPECT_EQ(programs(), Programs::kStopFailed);
  EXPECT_TRUE(group.is_down());
  done();
  pass(10s);
  EXPECT_EQ(done(), "stop b");
  end("b", "killed after 10000 ms");
  EXPECT_EQ(done(), "");
  pass(10s);
  end("b");
  EXPECT_EQ(done(), "stop b, [b stop recovered]");
  EXPECT_EQ(programs(), Programs::kStopped);
}

TEST_F(ResourceGroupTest, AStopThatNeverEndsHasFailed) {
  run_two();
  become(Role::kOther);
  pass(12s);
  EXPECT_EQ(done(),
            "stop b, [b stop failed: stop: it hangs, and does not end when it is killed], stop a");
}

TEST_F(ResourceGroupTest, ARestartWhoseStopFailsWaitsForIt) {
  run_two();
  die("a");
  end("a", "exit status 1");
  EXPECT_EQ(done(), "stop a, [a stop failed: stop: exit status 1]");
  pass(10s);
  end("a");
  EXPECT_EQ(done(), "stop a, [a stop recovered], start a");
}

// ---- the configuration, and the end

TEST_F(ResourceGroupTest, AChangedOneRunsOnARemovedOneIsStoppedANewOneStarts) {
  run_two();
  auto changed = resource("a");
  changed.monitor_interval = 5s;
  configure({changed, resource("c")});
  EXPECT_EQ(done(), "stop b");
  EXPECT_EQ(of("a").state, ResourceState::kRunning);
  end("b");
  EXPECT_EQ(done(), "[b stopped], monitor c");
  EXPECT_EQ(group.resources().size(), 2U);
  end("c", "exit status 3");
  end_all();
  EXPECT_EQ(done(), "stop c, [c stopped], start c, [c started]");
}

TEST_F(ResourceGroupTest, ARemovedOneIsStoppedBeforeTheRoleIsKnown) {
  configure({resource("a")});
  configure({});
  EXPECT_EQ(done(), "stop a");
  end("a");
  EXPECT_TRUE(group.resources().empty());
  EXPECT_EQ(programs(), Programs::kStopped);
}

TEST_F(ResourceGroupTest, AChangedOneIsTriedAgain) {
  configure({resource("a")});
  become(Role::kOther);
  end_all();
  become(Role::kMaster);
  end("a", "exit status 1");
  end_all();
  auto changed = resource("a");
  changed.unit = "other.service";
  configure({changed});
  EXPECT_EQ(group.failure(), nullptr);
}

TEST_F(ResourceGroupTest, IsStoppedByWhatItWasStartedWith) {
  run_two();
  auto changed = resource("a");
  changed.unit = "other.service";
  changed.restart_limit = 7;
  configure({changed, resource("b")});
  EXPECT_EQ(of("a").config.unit, "a.service");
  EXPECT_EQ(of("a").config.restart_limit, 7U);
  become(Role::kOther);
  end_all();
  EXPECT_EQ(of("a").config.unit, "other.service");
  configure({resource("a"), resource("b")});
  EXPECT_EQ(of("a").config.unit, "a.service");
}

TEST_F(ResourceGroupTest, LeavesByStoppingAll) {
  run_two();
  take(group.leave(now));
  EXPECT_FALSE(group.is_down());
  end_all();
  EXPECT_EQ(done(), "stop b, [b stopped], stop a, [a stopped]");
  EXPECT_TRUE(group.is_down());
  become(Role::kMaster);
  EXPECT_EQ(done(), "");
}

TEST_F(ResourceGroupTest, TheReportIsOfTheRoleThatItKnows) {
  run_two();
  EXPECT_EQ(group.report().role, view.number);
  EXPECT_EQ(group.report().stop_time, 20s);
}

}  // namespace
}  // namespace lb::controlplane
