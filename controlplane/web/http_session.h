// A client's connection: one request, one reply, the end. On the server's thread.
#pragma once

#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <list>
#include <memory>
#include <string>

#include "controlplane/os/learnt_files.h"
#include "controlplane/web/http_server.h"

namespace lb::controlplane::web {

class Session;
// Those that are open, the oldest first. Each leaves it by itself.
using Sessions = std::list<Session*>;

class Session : public std::enable_shared_from_this<Session> {
 public:
  // `sessions` outlives it.
  Session(boost::asio::ip::tcp::socket socket, LearntFile page, const Limits& limits,
          Sessions& sessions);
  ~Session() { leave(); }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void start();
  // Ends it now, and makes room in the list.
  void close();

 private:
  void on_request(boost::beast::error_code error);
  void reply(bool with_body);
  void end_gracefully();
  void leave();

  boost::beast::tcp_stream stream_;
  const LearntFile page_;
  const Limits limits_;
  Sessions& sessions_;
  Sessions::iterator place_;  // end(): not in there
  boost::beast::flat_buffer buffer_;
  boost::beast::http::request_parser<boost::beast::http::empty_body> parser_;
  std::string head_;
  std::array<char, 4096> unread_{};
};

}  // namespace lb::controlplane::web
