// A connection to the data plane's local API that is made again for ever, with a small back-off.
// One request at a time; nothing here blocks. One thread: the event loop's.
#pragma once

#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace lb::api {
class Request;
class Response;
}  // namespace lb::api

namespace lb::controlplane {

class DataplaneConnection {
 public:
  struct Events {
    std::function<void()> connected;     // after the greetings; call() may be used
    std::function<void()> disconnected;  // answers that are due will not come
  };
  using OnAnswer = std::function<void(const api::Response&)>;

  // `purpose` is what the connection is for, in the log: "configuration".
  DataplaneConnection(boost::asio::io_context& io, std::string socket_path, std::string purpose,
                      Events events);
  ~DataplaneConnection();
  DataplaneConnection(const DataplaneConnection&) = delete;
  DataplaneConnection& operator=(const DataplaneConnection&) = delete;

  void start();
  void stop();  // no event and no answer comes after it

  bool connected() const;
  // A request is under way.
  bool busy() const;
  // To be called when connected and not busy. An error that the data plane answers is the answer's.
  void call(api::Request request, OnAnswer on_answer);
  // Closes and connects again: what the data plane said makes no sense.
  void reset(const std::string& why);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
