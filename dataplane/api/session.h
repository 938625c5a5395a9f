// One client of a FrameServer. For its .cc file alone: it includes Asio.
#pragma once

#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "dataplane/api/server.h"
#include "dataplane/api/share.h"

namespace lb::api {

// A user's clients.
struct User {
  bool limited = true;
  std::size_t clients = 0;
  Share share;
};

// Reads a message, writes its whole answer, reads the next: while an answer waits for a slow client
// nothing more is read from it or produced for it.
class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  using OnEnd = std::function<void(const std::shared_ptr<Session>&)>;

  Session(Socket socket, std::unique_ptr<Dialogue> dialogue, const ServerOptions& options,
          std::shared_ptr<User> user, OnEnd on_end);

  User& user() { return *user_; }
  void start();
  // Tells the client why and closes.
  void refuse(const std::string& text);
  void finish();

 private:
  using error_code = boost::system::error_code;

  void end_in(std::chrono::milliseconds limit);
  void limit_idle();
  void in_turn(void (Session::*go_on)());
  void read();
  void read_message();
  void read_part();
  void handle();
  void next();
  Dialogue::Write writer();
  template <typename Step>
  void work(Step&& step);
  void write(Dialogue::Step step);
  void written(const error_code& error);

  Socket socket_;
  boost::asio::steady_timer timer_;  // for what comes next
  std::unique_ptr<Dialogue> dialogue_;
  const ServerLimits limits_;
  const bool read_only_;
  const std::shared_ptr<User> user_;
  const OnEnd on_end_;
  FramePrefix prefix_{};
  std::string message_;
  std::size_t message_left_ = 0;
  Dialogue::Step step_;
  bool greeted_ = false;
  bool working_ = false;
  bool finished_ = false;
};

}  // namespace lb::api
