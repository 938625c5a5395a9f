#include "dataplane/api/session.h"

#include <algorithm>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <exception>
#include <utility>

namespace lb::api {

namespace asio = boost::asio;

Session::Session(Socket socket, std::unique_ptr<Dialogue> dialogue, const ServerOptions& options,
                 std::shared_ptr<User> user, OnEnd on_end)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      dialogue_(std::move(dialogue)),
      limits_(options.limits),
      read_only_(options.read_only),
      user_(std::move(user)),
      on_end_(std::move(on_end)) {}

void Session::start() {
  limit_idle();
  read();
}

// Tells the client why and closes.
void Session::refuse(const std::string& text) {
  write(dialogue_->fault(text));
}

void Session::finish() {
  if (finished_) return;
  finished_ = true;
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
  on_end_(shared_from_this());
}

void Session::end_in(std::chrono::milliseconds limit) {
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this(), due = timer_.expiry()](const error_code& error) {
    // A wait that is over is not cancelled any more.
    if (!error && self->timer_.expiry() == due) self->finish();
  });
}

// Until the next request is here.
void Session::limit_idle() {
  if (!greeted_) return end_in(limits_.greeting);
  if (user_->limited) end_in(limits_.idle);
}

// Continues when the user's share allows it.
void Session::in_turn(void (Session::*go_on)()) {
  const auto wait =
      user_->limited ? user_->share.wait(Share::Clock::now()) : Share::Clock::duration{};
  if (wait == Share::Clock::duration{}) return (this->*go_on)();
  timer_.expires_after(wait);
  timer_.async_wait([self = shared_from_this(), go_on](const error_code& error) {
    if (!error && !self->finished_) (self.get()->*go_on)();
  });
}

void Session::read() {
  asio::async_read(socket_, asio::buffer(prefix_),
                   [self = shared_from_this()](const error_code& error, std::size_t) {
                     if (error || self->finished_) return self->finish();
                     self->in_turn(&Session::read_message);
                   });
}

void Session::read_message() {
  user_->share.add_request(Share::Clock::now());
  const std::uint32_t bytes = decode_prefix(prefix_);
  const bool small = !greeted_ || read_only_;
  const std::size_t most = small ? limits_.small_request_bytes : kMaxMessageBytes;
  if (bytes > most) {
    refuse("a message of " + std::to_string(bytes) + " bytes is larger than the limit of " +
           std::to_string(most) + (small ? " for readers, and for a Hello" : ""));
    return;
  }
  limit_idle();
  message_left_ = bytes;
  message_.clear();
  read_part();
}

// Room is made as bytes come, so that a length alone does not take memory.
void Session::read_part() {
  if (message_left_ == 0) return handle();
  constexpr std::size_t kPart = std::size_t{64} << 10;
  const std::size_t part = std::min(message_left_, kPart);
  const std::size_t had = message_.size();
  message_.resize(had + part);
  asio::async_read(socket_, asio::buffer(message_.data() + had, part),
                   [self = shared_from_this(), part](const error_code& error, std::size_t) {
                     if (error || self->finished_) return self->finish();
                     self->message_left_ -= part;
                     self->read_part();
                   });
}

void Session::handle() {
  timer_.cancel();
  greeted_ = true;  // or it was refused
  work([this] {
    dialogue_->begin(message_);
    dialogue_->next(writer());
  });
}

void Session::next() {
  work([this] { dialogue_->next(writer()); });
}

Dialogue::Write Session::writer() {
  return [self = shared_from_this()](Dialogue::Step step) {
    if (self->finished_) return;
    if (!self->working_) self->user_->share.add_work(Share::Clock::now(), step.work);
    self->write(std::move(step));
  };
}

// An exception in a handler ends this client's talk and nothing else.
template <typename Step>
void Session::work(Step&& step) {
  const auto begun = Share::Clock::now();
  working_ = true;
  try {
    step();
  } catch (const std::exception& e) {
    write(dialogue_->fault(std::string("internal error: ") + e.what()));
  }
  working_ = false;
  const auto ended = Share::Clock::now();
  user_->share.add_work(ended, ended - begun);
}

void Session::write(Dialogue::Step step) {
  step_ = std::move(step);
  end_in(limits_.unread);
  asio::async_write(
      socket_, asio::buffer(step_.frame),
      [self = shared_from_this()](const error_code& error, std::size_t) { self->written(error); });
}

void Session::written(const error_code& error) {
  if (error || finished_ || step_.close) return finish();
  timer_.cancel();
  if (step_.more) return in_turn(&Session::next);
  step_.frame = std::string();
  limit_idle();
  read();
}

}  // namespace lb::api
