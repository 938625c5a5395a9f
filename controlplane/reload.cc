#include "controlplane/reload.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "config/base/log.h"
#include "config/diff.h"
#include "controlplane/actions.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/config_reader.h"
#include "controlplane/config_reply.h"
#include "controlplane/file_watch.h"
#include "controlplane/os/file_writer.h"
#include "controlplane/os/text_file.h"

namespace lb::controlplane {
namespace {

using api::control::ConfigCommand;
using api::control::ConfigReply;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kPoll{500};  // of the file

}  // namespace

struct Reloader::Impl : std::enable_shared_from_this<Impl> {
  Impl(boost::asio::io_context& io, Options o, std::string t, config::ConfigPtr c, Host h)
      : options(std::move(o)),
        host(std::move(h)),
        running{std::move(t), std::move(c)},
        file(options.file),
        poll_timer(io),
        confirm_timer(io),
        for_changes(io, options.machine),
        for_questions(io, options.machine) {}

  using Version = ConfigVersion;
  // What a change replaces, to put it back.
  struct Before {
    Version version;
    std::string overrides;
    std::vector<EndedChange> ended;
  };
  // A commit that is rolled back unless it is confirmed.
  struct Trial {
    std::string file;
    Before before;
    Clock::time_point due;
  };
  enum class Keep : std::uint8_t { kAsItIs, kWrite, kOnTrial };
  // A change for the audit log.
  struct Asked {
    std::string by;
    std::string words;
  };
  // Requests that are not answered yet.
  struct Call {
    Asked asked;
    std::string what;  // in the log; empty: it is not logged
    Done done;
    ConfigReply reply = {};
  };
  using CallPtr = std::shared_ptr<Call>;
  using Source = ConfigReader::Source;
  using Found = ConfigReader::Found;

  // Changes: one after the other.
  using Begin = std::function<void(Impl&, const CallPtr&)>;
  void in_turn(const CallPtr& call, const Begin& begin);
  void read_for_change(const CallPtr& call, Source source, Keep keep);
  void next_turn();
  void reload(const CallPtr& call);
  void commit(const CallPtr& call, const ConfigCommand& command);
  void rollback(const CallPtr& call);
  void confirm(const CallPtr& call);
  void change(const CallPtr& call, Found found, Keep keep);
  void refuse(const CallPtr& call);  // it was refused, or is over already
  void answer(const CallPtr& call);

  // Queries: at any time.
  void diff(const CallPtr& call, const ConfigCommand& command);
  void changes(const CallPtr& call);

  bool busy(ConfigReply& reply) const;
  // Called when the files are written, if there are any to write.
  using Then = std::function<void(Impl&)>;
  void applied(Before before, Keep keep, const Result<void>& result, const Then& then);
  void keep_running(const std::string& replaced, const Then& then);
  void write_file(const std::string& path, const std::string& text,
                  std::function<void(Impl&, const Result<void>&)> done);
  void begin_trial(Before before);
  std::vector<std::string> end_trial(const std::string& why, const Asked& asked);
  void audit(const Asked& asked, const std::string& outcome) const {
    options.audit->write(asked.by, asked.words, outcome);
  }
  // Also what it does to operators' changes, a line each.
  void audit(const Asked& asked, const std::string& outcome,
             const std::vector<std::string>& overrides) const {
    audit(asked, outcome);
    for (const std::string& line : overrides) audit(asked, line);
  }
  void poll_file();

  std::string previous_path() const { return options.state_dir + "/previous.toml"; }

  const Options options;
  const Host host;
  Version running;
  bool reading = false;                       // a configuration that will be applied
  bool writing = false;                       // what the last change leaves
  std::deque<std::function<void()>> waiting;  // changes, until that is done
  bool applying = false;
  std::string trial_file;  // of the change that is being applied
  milliseconds trial_time{0};
  std::string last_error;  // of the last change
  std::optional<Trial> trial;

  FileWatch file;
  boost::asio::steady_timer poll_timer;
  boost::asio::steady_timer confirm_timer;

  // Repeated queries do not delay a change.
  ConfigReader for_changes;
  ConfigReader for_questions;
};

// ---- changes

bool Reloader::Impl::busy(ConfigReply& reply) const {
  if (applying) {
    reply.set_error("another change is on its way to the data plane; try again");
  } else if (trial) {
    reply.set_error("the commit of " + trial->file +
                    " waits to be confirmed: lbcli confirm, or lbcli rollback");
  }
  return !reply.error().empty();
}

void Reloader::Impl::in_turn(const CallPtr& call, const Begin& begin) {
  if (!reading && !writing) return begin(*this, call);
  waiting.push_back([this, call, begin] { begin(*this, call); });
}

void Reloader::Impl::next_turn() {
  while (!reading && !writing && !waiting.empty()) {
    const auto begin = std::move(waiting.front());
    waiting.pop_front();
    begin();
  }
}

void Reloader::Impl::read_for_change(const CallPtr& call, Source source, Keep keep) {
  reading = true;
  for_changes.read(std::move(source), running.config, [this, call, keep](Found found) {
    reading = false;
    change(call, std::move(found), keep);
    next_turn();
  });
}

void Reloader::Impl::answer(const CallPtr& call) {
  if (!call->what.empty()) write_log(call->what, call->reply);
  if (trial) {
    const auto left = trial->due - Clock::now();
    call->reply.set_confirm_due_ms(static_cast<std::uint64_t>(
        std::max<std::int64_t>(1, std::chrono::duration_cast<milliseconds>(left).count())));
    call->reply.set_committed(trial->file);
  }
  if (call->done) call->done(call->reply);
}

void Reloader::Impl::refuse(const CallPtr& call) {
  audit(call->asked, outcome_of(call->reply));
  answer(call);
}

void Reloader::Impl::reload(const CallPtr& call) {
  if (busy(call->reply)) return refuse(call);
  file.read();
  read_for_change(call, {options.file}, Keep::kAsItIs);
}

void Reloader::Impl::commit(const CallPtr& call, const ConfigCommand& command) {
  if (busy(call->reply)) return refuse(call);
  trial_file = command.file();
  trial_time = milliseconds(command.confirm_ms());
  const Keep keep = trial_time.count() == 0 ? Keep::kWrite : Keep::kOnTrial;
  read_for_change(call, {.name = command.file(), .text = command.text(), .kept_in = options.file},
                  keep);
}

void Reloader::Impl::change(const CallPtr& call, Found found, Keep keep) {
  put(found, call->reply);
  if (!found.error.empty()) call->reply.set_error(found.error);
  if (!found.version) return refuse(call);
  last_error = restart_error(found.changes);
  if (!last_error.empty()) {
    call->reply.set_error(last_error);
    return refuse(call);
  }
  for (const std::string& line : found.warnings) log::warning("{}", line);
  Before before{std::exchange(running, std::move(*found.version)), host.overrides(),
                host.ended_by(*running.config)};
  applying = true;
  const std::vector<std::string> ended = texts_of(before.ended);
  put(ended, call->reply);
  std::string good = "ok, " + counted(found.changes.size() + ended.size());
  host.apply(running.config, [weak = weak_from_this(), before = std::move(before), keep,
                              asked = call->asked, ended,
                              good = std::move(good)](const Result<void>& result) mutable {
    const auto self = weak.lock();
    if (!self) return;
    self->applied(std::move(before), keep, result,
                  [asked, ended, good, ok = result.has_value()](const Impl& now) {
                    if (!ok) return now.audit(asked, now.last_error);
                    now.audit(asked, now.last_error.empty() ? good : now.last_error, ended);
                  });
  });
  call->reply.set_applying(applying || writing);
  call->reply.set_error(last_error);
  answer(call);
}

// All or nothing: what the data plane refuses, this process reverts.
void Reloader::Impl::applied(Before before, Keep keep, const Result<void>& result,
                             const Then& then) {
  applying = false;
  if (!result) {
    last_error = "nothing was changed: " + result.error().message;
    running = std::move(before.version);
    host.restore(running.config, before.overrides, [](const Result<void>&) {});
    return then(*this);
  }
  if (keep == Keep::kWrite) return keep_running(before.version.text, then);
  if (keep == Keep::kOnTrial) {
    begin_trial(std::move(before));
  } else if (before.version.text != running.text) {
    return write_file(previous_path(), before.version.text,
                      [then](Impl& self, const Result<void>& kept) {
                        if (!kept) {
                          log::error("{}; rollback will not be possible", kept.error().message);
                        }
                        then(self);
                      });
  }
  then(*this);
}

// No other change begins until then.
void Reloader::Impl::write_file(const std::string& path, const std::string& text,
                                std::function<void(Impl&, const Result<void>&)> done) {
  writing = true;
  options.writer->write(
      path, text, [weak = weak_from_this(), done = std::move(done)](const Result<void>& written) {
        const auto self = weak.lock();
        if (!self) return;
        self->writing = false;
        done(*self, written);
        self->next_turn();
      });
}

// Makes the running configuration the one that is in the file.
void Reloader::Impl::keep_running(const std::string& replaced, const Then& then) {
  const auto finish = [then](Impl& self, const Result<void>& written) {
    self.file.read();
    if (!written) {
      self.last_error = "applied, but a restart undoes it: " + written.error().message;
      log::error("{}", self.last_error);
    }
    then(self);
  };
  // A commit of what runs already leaves the way back to what ran before it.
  if (replaced == running.text) return write_file(options.file, running.text, finish);
  write_file(previous_path(), replaced, [finish](Impl& self, const Result<void>& kept) {
    if (!kept) return finish(self, kept);
    self.write_file(self.options.file, self.running.text, finish);
  });
}

void Reloader::Impl::begin_trial(Before before) {
  trial = Trial{trial_file, std::move(before), Clock::now() + trial_time};
  confirm_timer.expires_at(trial->due);
  confirm_timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (!self || error || !self->trial) return;
    const Asked asked{"by=timer", "rollback of " + self->trial->file};
    for (const std::string& line : self->end_trial("it was not confirmed in time", asked)) {
      log::info("{}: {}", asked.words, line);
    }
  });
}

// Returns what it does to operators' changes, a line each.
std::vector<std::string> Reloader::Impl::end_trial(const std::string& why, const Asked& asked) {
  log::warning("the commit of {} is rolled back: {}", trial->file, why);
  confirm_timer.cancel();
  const Before before = std::move(trial->before);
  trial.reset();
  running = before.version;
  std::vector<std::string> lines = texts_of(host.ended_by(*running.config));
  for (const EndedChange& each : before.ended) lines.push_back(each.restored_text());
  applying = true;
  host.restore(running.config, before.overrides,
               [weak = weak_from_this(), asked, why, lines](const Result<void>& result) {
                 const auto self = weak.lock();
                 if (!self) return;
                 self->applying = false;
                 if (!result) self->last_error = result.error().message;
                 if (!result) return self->audit(asked, result.error().message);
                 self->audit(asked, "ok, " + why, lines);
               });
  return lines;
}

void Reloader::Impl::confirm(const CallPtr& call) {
  if (trial) {
    confirm_timer.cancel();
    const std::string replaced = trial->before.version.text;
    trial.reset();
    last_error.clear();
    return keep_running(replaced, [call](Impl& self) {
      call->reply.set_error(self.last_error);
      self.refuse(call);
    });
  }
  call->reply.set_error("no commit waits to be confirmed");
  refuse(call);
}

void Reloader::Impl::rollback(const CallPtr& call) {
  last_error.clear();
  if (trial) {
    const Version& before = trial->before.version;
    for (const config::Change& each : config::diff(*running.config, *before.config)) {
      call->reply.add_changes(each.text);
    }
    put(end_trial("lbcli rollback", call->asked), call->reply);
    call->reply.set_applying(applying);
    return answer(call);
  }
  if (busy(call->reply)) return refuse(call);
  read_for_change(call,
                  {.name = previous_path(),
                   .is_own = true,
                   .kept_in = options.file,
                   .if_missing = "no configuration to go back to: nothing was changed since " +
                                 options.state_dir + " was made"},
                  Keep::kWrite);
}

// ---- questions

void Reloader::Impl::diff(const CallPtr& call, const ConfigCommand& command) {
  for_questions.read({command.file(), command.text()}, running.config,
                     [this, call](const Found& found) {
                       put(found, call->reply);
                       call->reply.set_note(restart_error(found.changes));
                       // A file that needs a restart ends nothing.
                       if (found.version && call->reply.note().empty()) {
                         put(texts_of(host.ended_by(*found.version->config)), call->reply);
                       }
                       answer(call);
                     });
}

// Changes from the file to the running configuration.
void Reloader::Impl::changes(const CallPtr& call) {
  for_questions.read({.name = options.file, .from_it = true}, running.config,
                     [this, call](const Found& found) {
                       put(found, call->reply);
                       answer(call);
                     });
}

void Reloader::Impl::poll_file() {
  poll_timer.expires_after(kPoll);
  poll_timer.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    const auto self = weak.lock();
    if (self && !error) self->poll_file();
  });
  if (!file.changed() || !running.config->director.auto_reload || applying || reading || writing ||
      trial) {
    return;
  }
  reload(std::make_shared<Call>(Call{
      {"by=auto_reload", "reload of " + options.file}, "auto_reload of " + options.file, nullptr}));
}

Reloader::Reloader(boost::asio::io_context& io, Options options, std::string text,
                   config::ConfigPtr running, Host host)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(text), std::move(running),
                                   std::move(host))) {}

Reloader::~Reloader() {
  impl_->poll_timer.cancel();
  impl_->confirm_timer.cancel();
}

void Reloader::command(const ConfigCommand& command, const std::string& by, Done done) {
  const auto call =
      std::make_shared<Impl::Call>(Impl::Call{{by, command_text(command)}, "", std::move(done)});
  call->reply.set_file(impl_->options.file);
  switch (command.kind()) {
    case ConfigCommand::STATUS:
      call->reply.set_applying(impl_->applying || impl_->writing);
      call->reply.set_error(impl_->last_error);
      return impl_->answer(call);
    case ConfigCommand::DIFF:
      return impl_->diff(call, command);
    case ConfigCommand::CHANGES:
      return impl_->changes(call);
    case ConfigCommand::RELOAD:
      call->what = "reload of " + impl_->options.file;
      return impl_->in_turn(call, &Impl::reload);
    case ConfigCommand::COMMIT:
      call->what = "commit of " + command.file();
      return impl_->in_turn(
          call, [command](Impl& self, const Impl::CallPtr& to) { self.commit(to, command); });
    case ConfigCommand::CONFIRM:
      return impl_->in_turn(call, &Impl::confirm);
    case ConfigCommand::ROLLBACK:
      call->what = "rollback";
      return impl_->in_turn(call, &Impl::rollback);
    default:
      call->reply.set_error("this control plane does not support the command");
      return impl_->answer(call);
  }
}

void Reloader::reload(const std::string& why) {
  impl_->in_turn(std::make_shared<Impl::Call>(Impl::Call{{"by=" + why, "reload"}, why, nullptr}),
                 &Impl::reload);
}

void Reloader::watch() {
  impl_->file.read();
  impl_->poll_file();
}

}  // namespace lb::controlplane
