// Changes of mastership by an operator.
//
// A switchover is planned: the peer acknowledges all changes, then we request its takeover and
// resign at the same moment. If it does not take over, we become master again.
#include <boost/asio/io_context.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/log.h"
#include "config/base/nearest.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/failover/engine.h"
#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane {
namespace {

using api::control::HaCommand;
using std::chrono::milliseconds;

constexpr milliseconds kFlushLimit{2'000};
constexpr milliseconds kTakeLimit{1'000};

}  // namespace

Result<std::string> Engine::command(const HaCommand& command) {
  std::set<std::string> groups;
  for (const auto& unit : units_) {
    if (command.group().empty() || command.group() == unit->name()) groups.insert(unit->name());
  }
  if (groups.empty()) {
    std::vector<std::string_view> names;
    for (const auto& unit : units_) names.emplace_back(unit->name());
    return wrong_request(unknown_name("group", command.group(), names));
  }
  std::erase_if(groups, [&](const std::string& group) {
    const bool for_masters =
        command.kind() == HaCommand::SWITCHOVER || command.kind() == HaCommand::RESIGN;
    return for_masters && !find(group)->is_master();
  });
  if (groups.empty()) return fail("this director is not master; run this on the master");
  switch (command.kind()) {
    case HaCommand::SWITCHOVER:
      return switchover(groups, "switchover asked for by an operator");
    case HaCommand::RESIGN:
      for (const std::string& group : groups) {
        Unit& unit = *find(group);
        unit.act(unit.fsm().resign("resignation asked for by an operator", Clock::now()));
      }
      return "resigned";
    case HaCommand::FREEZE:
    case HaCommand::THAW:
      for (const std::string& group : groups) {
        Unit& unit = *find(group);
        unit.act(unit.fsm().set_frozen(command.kind() == HaCommand::FREEZE, Clock::now()));
        log::info("{}: {}", group, unit.fsm().frozen() ? "frozen" : "thawed");
      }
      return command.kind() == HaCommand::FREEZE ? "frozen" : "thawed";
    default:
      return fail("this control plane does not support the command");
  }
}

std::string Engine::switchover_error(const Unit& unit) const {
  if (!peer_)
    return "there is no sync link ([ha.sync]) to hand connections over; `lbcli ha resign` yields "
           "without";
  if (!peer_->alive())
    return "no heartbeat over the sync link: the peer may be dead, and then nobody would take over";
  const vrrp::Peer theirs = peer_->group(unit.name());
  if (!theirs.alive) return "the peer has no group " + unit.name();
  if (theirs.state != vrrp::State::kBackup) {
    return unit.name() + " is in state " + std::string(vrrp::to_string(theirs.state)) +
           " at the peer";
  }
  if (!peer_->peer_complete()) return "the peer's connection table is not complete yet";
  if (unit.fsm().frozen()) return unit.name() + " is frozen; thaw it first";
  return {};
}

Result<std::string> Engine::switchover(const std::set<std::string>& groups,
                                       const std::string& reason) {
  if (handover_) return fail("a switchover is under way");
  for (const std::string& group : groups) {
    if (std::string why = switchover_error(*find(group)); !why.empty()) return fail(std::move(why));
  }
  handover_ = Handover{groups, Clock::now(), reason};
  last_handover_.emplace();
  for (const std::string& group : groups) {
    last_handover_->groups += (last_handover_->groups.empty() ? "" : ", ") + group;
  }
  peer_->flush(kFlushLimit, [weak = weak_from_this()](bool done) {
    if (const auto self = weak.lock()) self->give(done);
  });
  return "switchover of " + last_handover_->groups + " begun";
}

void Engine::give(bool flushed) {
  if (!handover_) return;
  if (!flushed) return end_handover(false, "the peer has not acknowledged all connections");
  handover_timer_.expires_after(kTakeLimit);
  handover_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& error) {
    const auto self = weak.lock();
    if (self && !error) self->take_back("the peer did not take over in time");
  });
  for (const std::string& group : handover_->groups) {
    Unit& unit = *find(group);
    lb::sync::Switchover ask;
    ask.set_step(lb::sync::Switchover::TAKE);
    ask.set_group(group);
    ask.set_reason(handover_->reason);
    peer_->send(ask);
    unit.act(unit.fsm().resign(handover_->reason, Clock::now()));
  }
}

void Engine::take_back(const std::string& why) {
  if (!handover_) return;
  for (const std::string& group : handover_->groups) {
    Unit& unit = *find(group);
    if (!leaving_) unit.act(unit.fsm().take(why, Clock::now()));
  }
  end_handover(false, why);
}

void Engine::on_switchover(const lb::sync::Switchover& message) {
  Unit* const unit = find(message.group());
  if (message.step() == lb::sync::Switchover::TAKE) {
    lb::sync::Switchover answer;
    answer.set_group(message.group());
    if (unit != nullptr) unit->act(unit->fsm().take(message.reason(), Clock::now()));
    const bool taken = unit != nullptr && unit->is_master();
    answer.set_step(taken ? lb::sync::Switchover::TAKEN : lb::sync::Switchover::REFUSED);
    if (unit == nullptr) {
      answer.set_reason("no such group");
    } else if (!taken) {
      answer.set_reason(unit->fsm().frozen()
                            ? "it is frozen"
                            : "it is in state " + std::string(to_string(unit->fsm().state())));
    }
    return peer_->send(answer);
  }
  if (!handover_ || !handover_->groups.contains(message.group())) return;
  if (message.step() == lb::sync::Switchover::REFUSED) {
    return take_back("the peer refused " + message.group() + ": " + message.reason());
  }
  handover_->groups.erase(message.group());
  if (handover_->groups.empty()) end_handover(true, "done");
}

void Engine::end_handover(bool done, const std::string& text) {
  last_handover_->over = true;
  last_handover_->done = done;
  last_handover_->text = text;
  last_handover_->took = std::chrono::duration_cast<milliseconds>(Clock::now() - handover_->begun);
  log::info("switchover of {}: {} after {} ms", last_handover_->groups, text,
            last_handover_->took.count());
  handover_.reset();
  handover_timer_.cancel();
  if (leaving_) std::exchange(leaving_, nullptr)();
}

void Engine::leave(std::function<void()> done) {
  std::set<std::string> groups;
  for (const auto& unit : units_) {
    if (unit->is_master() && switchover_error(*unit).empty()) groups.insert(unit->name());
  }
  // Resign what the peer has not taken, whatever it answered.
  const auto finish = [this, done = std::move(done)] {
    for (const auto& unit : units_) {
      unit->act(unit->fsm().resign("this director stops", Clock::now()));
      unit->act(unit->fsm().set_frozen(true, Clock::now()));
    }
    ticker_.cancel();
    done();
  };
  // Before it begins: it may be over in the same call.
  leaving_ = finish;
  if (groups.empty() || !switchover(groups, "the director that was master stops")) {
    if (leaving_) std::exchange(leaving_, nullptr)();
  }
}

}  // namespace lb::controlplane
