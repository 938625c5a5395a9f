// A connection to the data plane's local API that is always re-established, with a small back-off.
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
    std::function<void()> connected;     // after the version exchange; call() may be used
    std::function<void()> disconnected;  // pending answers will not come
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
  // Only when connected and not busy. An error from the data plane is in the answer.
  void call(api::Request request, OnAnswer on_answer);
  // Reconnects, because the data plane sent an invalid answer.
  void reset(const std::string& why);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace lb::controlplane
