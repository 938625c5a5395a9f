#include "controlplane/alert/mailer.h"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "config/base/blocked_signals.h"
#include "config/base/log.h"
#include "controlplane/alert/smtp.h"
#include "controlplane/alert/spool.h"
#include "controlplane/os/secret_file.h"

namespace lb::controlplane::alert {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::system_clock;

constexpr std::size_t kMostEvents = 5'000;     // in one mail
constexpr std::size_t kMostWaiting = 100'000;  // queued events while the disk hangs
constexpr milliseconds kLongest{60'000};       // sleep of the thread
constexpr milliseconds kDiskAgain{5'000};      // between two tries to write what is in memory

}  // namespace

struct Mailer::Impl {
  Impl(std::string name, config::AlertMail c, std::string spool_folder,
       std::unique_ptr<Mailer> previous)
      : director(std::move(name)),
        config(std::move(c)),
        folder(std::move(spool_folder)),
        before(std::move(previous)) {}

  void run();
  void open();
  void take();
  void disk(const Result<void>& result);
  void close_group();
  void make_room();
  void send_next();
  void on_sent(const Sent& sent);
  void give_back(const std::vector<std::string>& to);
  void failed(const std::string& why);
  void publish();
  milliseconds wait_time() const;

  const std::string director;
  const config::AlertMail config;
  const std::string folder;

  // The thread's own.
  std::unique_ptr<Mailer> before;  // until it has left the folder
  std::vector<Event> group;        // the next mail's
  Clock::time_point group_due;
  std::optional<Spool> spool;  // once run() has begun
  Smtp smtp;
  std::uint64_t sending = 0;  // the mail's number
  Mail mail;
  Clock::time_point next_try;
  Clock::time_point disk_again;
  std::map<std::uint64_t, Clock::time_point> not_before;  // mails with a retry time of their own
  std::minstd_rand random{std::random_device{}()};
  Status own;

  // Shared by both threads.
  mutable std::mutex mutex;
  std::deque<Event> incoming;
  std::uint64_t overflow = 0;
  bool sending_now = false;
  bool stopping = false;
  std::function<void()> done;
  Status shown;

  std::thread thread;  // last: it uses all of the above
};

void Mailer::Impl::open() {
  before.reset();
  spool.emplace(Spool::open(folder, group));
  if (!group.empty()) group_due = Clock::now();
  publish();
}

void Mailer::Impl::run() {
  open();
  for (bool stop = false;;) {
    {
      // Before take(): what came before the end is taken.
      const std::lock_guard lock(mutex);
      stop = stopping;
    }
    take();
    {
      const std::lock_guard lock(mutex);
      if (std::exchange(sending_now, false)) group_due = next_try = Clock::now();
    }
    if (!group.empty() && (stop || Clock::now() >= group_due || group.size() >= kMostEvents)) {
      close_group();
    }
    if (!own.disk_error.empty() && (stop || Clock::now() >= disk_again)) disk(spool->save());
    if (stop) break;
    if (!smtp.busy()) send_next();
    publish();
    if (const auto sent = smtp.run(wait_time())) on_sent(*sent);
  }
  if (own.disk_error.empty()) return;
  log::error("alerts: queued mail in memory is lost: {}", own.disk_error);
}

// Events are written to disk before anything else.
void Mailer::Impl::take() {
  std::vector<Event> fresh;
  {
    const std::lock_guard lock(mutex);
    fresh.assign(std::make_move_iterator(incoming.begin()),
                 std::make_move_iterator(incoming.end()));
    incoming.clear();
    own.dropped += std::exchange(overflow, 0);
  }
  if (fresh.empty()) return;
  disk(spool->note(fresh));
  if (group.empty()) group_due = Clock::now() + config.group_delay;
  group.insert(group.end(), std::make_move_iterator(fresh.begin()),
               std::make_move_iterator(fresh.end()));
}

// A full disk does not stop mail.
void Mailer::Impl::disk(const Result<void>& result) {
  if (result) {
    if (!own.disk_error.empty()) log::info("alerts: the mail queue is on disk again");
    own.disk_error.clear();
    return;
  }
  disk_again = Clock::now() + kDiskAgain;
  if (own.disk_error.empty()) {
    log::error("alerts: {}; the mail queue is in memory only until it can be written",
               result.error().message);
  }
  own.disk_error = result.error().message;
}

void Mailer::Impl::close_group() {
  const auto now = system_clock::now();
  const auto ms = std::chrono::duration_cast<milliseconds>(now.time_since_epoch()).count();
  const std::string id = fmt::format("ballast.{}.{}.{:08x}", ms, spool->next_number(), random());
  disk(spool->put(compose({director, config.from, config.to, now, id}, group)));
  group.clear();
  make_room();
}

void Mailer::Impl::make_room() {
  for (const std::uint64_t number : spool->numbers()) {
    if (spool->size() <= config.max_queue) return;
    if (number == sending && smtp.busy()) continue;
    log::error("alerts: more than {} mails in the queue; the oldest one is dropped",
               config.max_queue);
    own.dropped += 1;
    spool->remove(number);
    not_before.erase(number);
  }
}

void Mailer::Impl::send_next() {
  const auto now = Clock::now();
  if (now < next_try) return;
  for (const std::uint64_t number : spool->numbers()) {
    const auto waits = not_before.find(number);
    if (waits != not_before.end() && now < waits->second) continue;
    auto read = spool->read(number);
    if (!read) {
      log::error("alerts: {}; moved to failed/", read.error().message);
      spool->set_aside(number);
      continue;
    }
    std::string password;
    if (!config.user.empty()) {
      auto secret = read_secret(config.password_file);
      if (!secret) return failed(secret.error().message);
      password = secret->substr(0, secret->find_first_of("\r\n"));
    }
    sending = number;
    mail = std::move(*read);
    return smtp.begin(config, password, mail, spool->size() > 1);
  }
}

void Mailer::Impl::on_sent(const Sent& sent) {
  not_before.erase(sending);
  for (const std::string& to : sent.never) {
    log::warning("alerts: the mail server refuses {} permanently", to);
  }
  switch (sent.how) {
    case Sent::How::kLater:
      return failed(sent.text);
    case Sent::How::kWaiting:
      failed(sent.text);
      give_back(sent.later);
      break;
    case Sent::How::kNever:
      log::error("alerts: the mail server refuses a mail permanently: {}; moved to failed/",
                 sent.text);
      own.refused += 1;
      own.last_error = sent.text;
      own.last_error_at = system_clock::now();
      spool->set_aside(sending);
      break;
    case Sent::How::kSent:
      if (own.last_error_at && own.tries_failed > 0 && !own.last_error.empty() &&
          (!own.last_sent || *own.last_sent < *own.last_error_at)) {
        log::info("alerts: the mail server accepts mail again");
      }
      own.sent += 1;
      own.last_sent = system_clock::now();
      give_back(sent.later);
      break;
  }
  next_try = Clock::now();
}

// Recipients that the server refuses temporarily (full mailbox, greylisting) get the mail later;
// other mail does not wait for them.
void Mailer::Impl::give_back(const std::vector<std::string>& to) {
  if (to.empty()) return spool->remove(sending);
  not_before[sending] = Clock::now() + config.retry_interval;
  disk(spool->replace(sending, {mail.from, to, mail.text}));
}

void Mailer::Impl::failed(const std::string& why) {
  const bool was_good = own.last_error != why || !own.last_error_at ||
                        (own.last_sent && *own.last_sent > *own.last_error_at);
  if (was_good) {
    log::warning("alerts: cannot send mail: {}; {} in the queue, retry every {} s", why,
                 spool->size(), config.retry_interval.count() / 1000);
  }
  own.tries_failed += 1;
  own.last_error = why;
  own.last_error_at = system_clock::now();
  next_try = Clock::now() + config.retry_interval;
}

// After send_next(): nothing is under way, so nothing can be sent.
void Mailer::Impl::publish() {
  own.events = group.size();
  own.queue = spool->size();
  std::function<void()> call;
  {
    const std::lock_guard lock(mutex);
    shown = own;
    if (incoming.empty() && group.empty() && !smtp.busy()) call = std::exchange(done, nullptr);
  }
  if (call) call();
}

milliseconds Mailer::Impl::wait_time() const {
  const auto now = Clock::now();
  auto until = now + kLongest;
  if (!group.empty()) until = std::min(until, group_due);
  if (!own.disk_error.empty()) until = std::min(until, disk_again);
  if (!smtp.busy() && spool->size() > 0) {
    // Delayed mails are retried when the first of them is due.
    auto due = next_try;
    if (not_before.size() >= spool->size()) {
      auto first = not_before.begin()->second;
      for (const auto& [number, at] : not_before) first = std::min(first, at);
      due = std::max(due, first);
    }
    until = std::min(until, due);
  }
  return std::chrono::ceil<milliseconds>(std::max(until - now, Clock::duration::zero()));
}

Mailer::Mailer(std::string director, config::AlertMail config, std::string folder,
               std::unique_ptr<Mailer> before)
    : impl_(std::make_unique<Impl>(std::move(director), std::move(config), std::move(folder),
                                   std::move(before))) {
  const BlockedSignals blocked;
  impl_->thread = std::thread([impl = impl_.get()] { impl->run(); });
}

void Mailer::stop() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->smtp.abort();
  impl_->smtp.wake();
}

Mailer::~Mailer() {
  stop();
  impl_->thread.join();
}

void Mailer::enqueue(Event event) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->incoming.size() >= kMostWaiting) {
      impl_->overflow += 1;
    } else {
      impl_->incoming.push_back(std::move(event));
    }
  }
  impl_->smtp.wake();
}

void Mailer::send_now() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->sending_now = true;
  }
  impl_->smtp.wake();
}

void Mailer::when_done(std::function<void()> done) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->done = std::move(done);
    impl_->sending_now = true;
  }
  impl_->smtp.wake();
}

Mailer::Status Mailer::status() const {
  const std::lock_guard lock(impl_->mutex);
  Status status = impl_->shown;
  status.events += impl_->incoming.size();
  return status;
}

}  // namespace lb::controlplane::alert
