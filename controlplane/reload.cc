#include "controlplane/reload.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "config/base/log.h"
#include "config/diff.h"
#include "controlplane/actions.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/text_file.h"

namespace lb::controlplane {
namespace {

using api::control::ConfigCommand;
using api::control::ConfigReply;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kLook{500};     // at the file
constexpr milliseconds kSettled{900};  // nobody has written to it for so long

std::string counted(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " change" : " changes");
}

// What cannot be done at run time; empty: nothing.
std::string hindrance(const std::vector<config::Change>& changes) {
  std::string both;
  std::string controlplane;
  for (const config::Change& change : changes) {
    if (change.needs == config::Needs::kNothing) continue;
    std::string& list = change.needs == config::Needs::kBoth ? both : controlplane;
    list += (list.empty() ? "" : "; ") + change.text;
  }
  if (both.empty() && controlplane.empty()) return {};
  std::string text = "nothing was changed: ";
  if (!both.empty()) text += both + ": needs a restart of lb-dataplane and lb-controlplane";
  if (!both.empty() && !controlplane.empty()) text += "; ";
  if (!controlplane.empty()) text += controlplane + ": needs a restart of lb-controlplane";
  return text;
}

// Of a change that was not begun, or is over.
std::string outcome_of(const ConfigReply& reply) {
  const int mistakes = reply.mistakes_size();
  if (mistakes == 1) return reply.mistakes(0);
  if (mistakes > 1) return reply.mistakes(0) + " and " + std::to_string(mistakes - 1) + " more";
  return reply.error().empty() ? "ok" : reply.error();
}

}  // namespace

struct Reloader::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io, Options o, std::string t, config::ConfigPtr c, Apply a)
      : options(std::move(o)),
        apply(std::move(a)),
        running{std::move(t), std::move(c)},
        look_timer(io),
        confirm_timer(io) {}

  struct Version {
    std::string text;
    config::ConfigPtr config;
  };
  // A commit that is rolled back unless it is confirmed.
  struct Trial {
    std::string file;
    Version before;
    Clock::time_point due;
  };
  enum class Keep : std::uint8_t { kAsItIs, kWrite, kOnTrial };
  // A change for the audit log.
  struct Asked {
    std::string by;
    std::string words;
  };

  std::optional<Version> read(const std::string& text, const std::string& name,
                              ConfigReply& reply) const;
  std::vector<config::Change> tell(const config::Config& next, ConfigReply& reply) const;
  // True: the change was begun, and is told to the audit log when it ends.
  bool reload(const Asked& asked, ConfigReply& reply);
  bool commit(const ConfigCommand& command, const Asked& asked, ConfigReply& reply);
  bool rollback(const Asked& asked, ConfigReply& reply);
  bool change(Version next, Keep keep, const Asked& asked, ConfigReply& reply);

  void confirm(ConfigReply& reply);
  void changes(ConfigReply& reply) const;
  bool busy(ConfigReply& reply) const;
  void applied(Version before, Keep keep, const Result<void>& result);
  void keep_running(const std::string& replaced);
  void begin_trial(Version before);
  void end_trial(const std::string& why, const Asked& asked);
  void audit(const Asked& asked, const std::string& outcome) const {
    options.audit->write(asked.by, asked.words, outcome);
  }
  void say(const std::string& what, const ConfigReply& reply) const;
  void look();

  std::string previous_path() const { return options.state_dir + "/previous.toml"; }

  const Options options;
  const Apply apply;
  Version running;
  bool applying = false;
  std::string trial_file;  // of the change that is being applied
  milliseconds trial_time{0};
  std::string last_error;  // of the last change
  std::optional<Trial> trial;

  boost::asio::steady_timer look_timer;
  FileStamp seen;  // of the file as it was read last
  FileStamp latest;
  Clock::time_point latest_since;
  boost::asio::steady_timer confirm_timer;
};

std::optional<Reloader::Impl::Version> Reloader::Impl::read(const std::string& text,
                                                            const std::string& name,
                                                            ConfigReply& reply) const {
  config::Loaded loaded = config::load_text(text, name, options.machine);
  for (const config::Mistake& mistake : loaded.mistakes) {
    std::string line = config::format_mistakes(name, {mistake});
    line.pop_back();
    reply.add_mistakes(line);
  }
  if (!loaded.mistakes.empty()) return std::nullopt;
  return Version{text, config::seal(std::move(loaded.config))};
}

std::vector<config::Change> Reloader::Impl::tell(const config::Config& next,
                                                 ConfigReply& reply) const {
  auto found = config::diff(*running.config, next);
  for (const config::Change& change : found) reply.add_changes(change.text);
  return found;
}

bool Reloader::Impl::busy(ConfigReply& reply) const {
  if (applying) {
    reply.set_error("another change is on its way to the data plane; try again");
  } else if (trial) {
    reply.set_error("the commit of " + trial->file +
                    " waits to be confirmed: lbcli confirm, or lbcli rollback");
  }
  return !reply.error().empty();
}

bool Reloader::Impl::reload(const Asked& asked, ConfigReply& reply) {
  if (busy(reply)) return false;
  seen = latest = FileStamp::of(options.file);
  const auto text = config::read_file(options.file);
  if (!text) {
    reply.add_mistakes(options.file + ": " + text.error().message);
    return false;
  }
  auto next = read(*text, options.file, reply);
  return next && change(std::move(*next), Keep::kAsItIs, asked, reply);
}

bool Reloader::Impl::commit(const ConfigCommand& command, const Asked& asked, ConfigReply& reply) {
  if (busy(reply)) return false;
  auto next = read(command.text(), command.file(), reply);
  if (!next) return false;
  trial_file = command.file();
  trial_time = milliseconds(command.confirm_ms());
  const Keep keep = trial_time.count() == 0 ? Keep::kWrite : Keep::kOnTrial;
  return change(std::move(*next), keep, asked, reply);
}

bool Reloader::Impl::change(Version next, Keep keep, const Asked& asked, ConfigReply& reply) {
  last_error = hindrance(tell(*next.config, reply));
  if (!last_error.empty()) {
    reply.set_error(last_error);
    return false;
  }
  Version before = std::exchange(running, std::move(next));
  applying = true;
  std::string good = "ok, " + counted(static_cast<std::size_t>(reply.changes_size()));
  apply(running.config, [weak = weak_from_this(), before = std::move(before), keep, asked,
                         good = std::move(good)](const Result<void>& result) mutable {
    const auto self = weak.lock();
    if (!self) return;
    self->applied(std::move(before), keep, result);
    self->audit(asked, self->last_error.empty() ? good : self->last_error);
  });
  reply.set_applying(applying);
  reply.set_error(last_error);
  return true;
}

// All or nothing: what the data plane does not take, this process does not keep.
void Reloader::Impl::applied(Version before, Keep keep, const Result<void>& result) {
  applying = false;
  if (!result) {
    last_error = "nothing was changed: " + result.error().message;
    running = std::move(before);
    apply(running.config, [](const Result<void>&) {});
    return;
  }
  if (keep == Keep::kOnTrial) return begin_trial(std::move(before));
  if (keep == Keep::kWrite) return keep_running(before.text);
  if (before.text == running.text) return;
  if (const auto kept = write_text(previous_path(), before.text); !kept) {
    log::error("{}; there will be no rollback", kept.error().message);
  }
}

// Makes the running configuration the one that is in the file.
void Reloader::Impl::keep_running(const std::string& replaced) {
  auto written = write_text(previous_path(), replaced);
  if (written) written = write_text(options.file, running.text);
  seen = latest = FileStamp::of(options.file);
  if (written) return;
  last_error = "it is applied, but a restart goes back: " + written.error().message;
  log::error("{}", last_error);
}

void Reloader::Impl::begin_trial(Version before) {
  trial = Trial{trial_file, std::move(before), Clock::now() + trial_time};
  confirm_timer.expires_at(trial->due);
  confirm_timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self || error || !self->trial) return;
    self->end_trial("it was not confirmed in time",
                    {"by=timer", "rollback of " + self->trial->file});
  });
}

void Reloader::Impl::end_trial(const std::string& why, const Asked& asked) {
  log::warning("the commit of {} is rolled back: {}", trial->file, why);
  confirm_timer.cancel();
  running = std::move(trial->before);
  trial.reset();
  applying = true;
  apply(running.config, [weak = weak_from_this(), asked, why](const Result<void>& result) {
    const auto self = weak.lock();
    if (!self) return;
    self->applying = false;
    if (!result) self->last_error = result.error().message;
    self->audit(asked, result ? "ok, " + why : result.error().message);
  });
}

void Reloader::Impl::confirm(ConfigReply& reply) {
  if (!trial) {
    reply.set_error("there is no commit that waits to be confirmed");
    return;
  }
  confirm_timer.cancel();
  const std::string replaced = trial->before.text;
  trial.reset();
  last_error.clear();
  keep_running(replaced);
  reply.set_error(last_error);
}

bool Reloader::Impl::rollback(const Asked& asked, ConfigReply& reply) {
  last_error.clear();
  if (trial) {
    tell(*trial->before.config, reply);
    end_trial("lbcli rollback", asked);
    reply.set_applying(applying);
    return true;
  }
  if (busy(reply)) return false;
  const auto text = config::read_file(previous_path());
  if (!text) {
    reply.set_error("there is no configuration to go back to: no change has been made since " +
                    options.state_dir + " was made");
    return false;
  }
  auto next = read(*text, previous_path(), reply);
  return next && change(std::move(*next), Keep::kWrite, asked, reply);
}

// From the file to what runs.
void Reloader::Impl::changes(ConfigReply& reply) const {
  const auto text = config::read_file(options.file);
  if (!text) {
    reply.add_mistakes(options.file + ": " + text.error().message);
    return;
  }
  const auto in_file = read(*text, options.file, reply);
  if (!in_file) return;
  for (const config::Change& each : config::diff(*in_file->config, *running.config)) {
    reply.add_changes(each.text);
  }
}

void Reloader::Impl::say(const std::string& what, const ConfigReply& reply) const {
  for (const std::string& line : reply.mistakes()) log::error("{}: {}", what, line);
  if (!reply.mistakes().empty()) log::error("{}: mistakes; nothing was changed", what);
  if (!reply.error().empty()) log::error("{}: {}", what, reply.error());
  if (!reply.mistakes().empty() || !reply.error().empty()) return;
  for (const std::string& line : reply.changes()) log::info("{}: {}", what, line);
  log::info("{}: {}", what, counted(static_cast<std::size_t>(reply.changes_size())));
}

// Polls: the file may be a link, be replaced, or be on a file system that tells nothing.
void Reloader::Impl::look() {
  look_timer.expires_after(kLook);
  look_timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (self && !error) self->look();
  });
  const FileStamp now = FileStamp::of(options.file);
  if (now != latest) {
    latest = now;
    latest_since = Clock::now();
  }
  if (!running.config->director.auto_reload || latest == seen || !latest.exists || applying ||
      trial || Clock::now() - latest_since < kSettled) {
    return;
  }
  ConfigReply reply;
  const Asked asked{"by=auto_reload", "reload of " + options.file};
  if (!reload(asked, reply)) audit(asked, outcome_of(reply));
  say("auto_reload of " + options.file, reply);
}

Reloader::Reloader(boost::asio::io_context& io, Options options, std::string text,
                   config::ConfigPtr running, Apply apply)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(text), std::move(running),
                                   std::move(apply))) {}

Reloader::~Reloader() {
  impl_->look_timer.cancel();
  impl_->confirm_timer.cancel();
}

void Reloader::command(const ConfigCommand& command, const std::string& by, ConfigReply& reply) {
  reply.set_file(impl_->options.file);
  const Impl::Asked asked{by, words_of(command)};
  const auto end = [&](bool begun) {
    if (!begun) impl_->audit(asked, outcome_of(reply));
  };
  switch (command.kind()) {
    case ConfigCommand::STATUS:
      reply.set_applying(impl_->applying);
      reply.set_error(impl_->last_error);
      break;
    case ConfigCommand::DIFF:
      if (const auto next = impl_->read(command.text(), command.file(), reply)) {
        reply.set_note(hindrance(impl_->tell(*next->config, reply)));
      }
      break;
    case ConfigCommand::RELOAD:
      end(impl_->reload(asked, reply));
      impl_->say("reload of " + impl_->options.file, reply);
      break;
    case ConfigCommand::COMMIT:
      end(impl_->commit(command, asked, reply));
      impl_->say("commit of " + command.file(), reply);
      break;
    case ConfigCommand::CONFIRM:
      impl_->confirm(reply);
      end(false);
      break;
    case ConfigCommand::ROLLBACK:
      end(impl_->rollback(asked, reply));
      impl_->say("rollback", reply);
      break;
    case ConfigCommand::CHANGES:
      impl_->changes(reply);
      break;
    default:
      reply.set_error("this control plane does not know the command");
  }
  if (!impl_->trial) return;
  const auto left = impl_->trial->due - Clock::now();
  reply.set_confirm_due_ms(static_cast<std::uint64_t>(
      std::max<std::int64_t>(1, std::chrono::duration_cast<milliseconds>(left).count())));
  reply.set_committed(impl_->trial->file);
}

void Reloader::reload(const std::string& why) {
  ConfigReply reply;
  const Impl::Asked asked{"by=" + why, "reload"};
  if (!impl_->reload(asked, reply)) impl_->audit(asked, outcome_of(reply));
  impl_->say(why, reply);
}

void Reloader::watch() {
  impl_->seen = impl_->latest = FileStamp::of(impl_->options.file);
  impl_->look();
}

}  // namespace lb::controlplane
