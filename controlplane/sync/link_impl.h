// The parts of Link; for its own files only.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <string>

#include "config/base/log_limit.h"
#include "controlplane/sync/credentials.h"
#include "controlplane/sync/link.h"
#include "dataplane/api/frame.h"

namespace lb::controlplane::sync {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using std::chrono::milliseconds;

// One connection. Its handlers keep it alive; after close() they do nothing.
struct Session {
  Session(tcp::socket socket, asio::ssl::context& context)
      : stream(std::move(socket), context), limit(stream.get_executor()) {}

  asio::ssl::stream<tcp::socket> stream;
  asio::steady_timer limit;  // greeting, then silence
  api::FramePrefix prefix{};
  std::string in;
  std::string out;   // being written
  std::string next;  // to be written after it
  bool greeted = false;
  bool closed = false;
  Link::Clock::time_point last_received;
};
using SessionPtr = std::shared_ptr<Session>;

struct Link::Impl : std::enable_shared_from_this<Impl> {
  Impl(asio::io_context& io_context, Options o, std::unique_ptr<Credentials> c, Events e)
      : io(io_context),
        options(std::move(o)),
        credentials(std::move(c)),
        events(std::move(e)),
        again(io_context),
        shut_out_timer(io_context),
        beat_timer(io_context),
        acceptor(io_context) {}

  // link_connect.cc
  void dial();
  void dial_later();
  void listen();
  void listen_later(const std::string& why);
  void accept();
  void accept_later(const std::string& why);
  void accepted(tcp::socket socket);
  void refuse_stranger(const std::string& address);
  void shut_out_strangers();
  void handshake(const SessionPtr& of, asio::ssl::stream_base::handshake_type as);

  // link.cc
  void greet(const SessionPtr& of);
  void read_prefix(const SessionPtr& of);
  void read_body(const SessionPtr& of);
  void receive(const SessionPtr& of);
  void receive_hello(const SessionPtr& of, const lb::sync::Hello& hello);
  void watch_silence(const SessionPtr& of);
  void write(const SessionPtr& of, const Message& message);
  void flush(const SessionPtr& of);
  void beat_on();
  void beat();
  void close(const SessionPtr& of, const std::string& why);
  void refuse(const SessionPtr& of, Refusal refusal, const std::string& what);
  void count(Refusal refusal, const std::string& what);
  bool is_dialler() const { return options.listen < options.peer; }

  asio::io_context& io;
  Options options;
  std::unique_ptr<Credentials> credentials;
  Events events;
  asio::steady_timer again;
  asio::steady_timer shut_out_timer;
  asio::steady_timer beat_timer;
  tcp::acceptor acceptor;
  Clock::time_point window_began;  // start of the window of the next three
  unsigned accepts = 0;
  unsigned strangers = 0;  // of `accepts`
  unsigned handshakes = 0;
  std::set<SessionPtr> greeting;
  SessionPtr session;  // the one that is up
  Counters counters;
  std::string last_trouble;  // not logged again
  LogLimit states{10};       // whether there is a connection
  LogLimit refusals;
  bool cannot_accept = false;
  bool shut_out = false;  // the kernel drops what strangers send
  bool stopped = false;
};

}  // namespace lb::controlplane::sync
