// Server of a daemon's local API: a UNIX stream socket on the daemon's event loop. One thread: the
// one that runs the io_context. Templated over Request and Response so that both daemons use it;
// FrameServer below knows bytes only and keeps Asio out of this header.
//
// No client holds up the loop or the other clients. One request of each is handled in a turn of the
// loop, and none while the last answer is not read. A user other than root and the daemon's own has a
// share of the loop (share.h), a quarter of the places at most, none of the last eighth of them, and
// no connection that is idle for long. Nobody keeps one without a Hello, or without reading answers.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "config/base/result.h"
#include "dataplane/api/caller.h"
#include "dataplane/api/frame.h"

namespace boost::asio {
class io_context;
}

namespace lb::api {

struct ServerLimits {
  std::size_t clients = 64;  // at a time
  // Of a request; in a Hello, and on a socket for reading.
  std::size_t small_request_bytes = 4096;
  std::chrono::milliseconds greeting{10'000};  // until Hello begins, and until it is whole
  std::chrono::milliseconds idle{60'000};      // between an answer and the next whole request
  std::chrono::milliseconds unread{600'000};   // a part of an answer; a pager may hold it up
  bool for_everybody = false;                  // for tests: also for root and the daemon's own user
};

struct ServerOptions {
  std::string path;        // of the socket; its folder is made when missing
  std::string program;     // our own name, for Hello and messages
  std::string group = {};  // whose members may connect, beside root and our own user; empty: none
  bool read_only = false;  // passed to the handler with the Caller
  ServerLimits limits = {};
  // How long to wait for a process that listens on the socket to be gone: one that was killed
  // listens for a moment after its death.
  std::chrono::milliseconds takeover_wait{3000};
};

// One client's talk, in frames.
class Dialogue {
 public:
  struct Step {
    std::string frame;                           // to be written
    bool more = false;                           // call next() again when it is written
    bool close = false;                          // close when it is written
    std::chrono::steady_clock::duration work{};  // that it took to make the frame
  };
  using Write = std::function<void(Step)>;
  virtual ~Dialogue() = default;
  // A whole message was received; next() is called until there is no more.
  virtual void begin(std::string_view message) = 0;
  // Calls `write` once, at once or later on the event loop; the dialogue lives until then.
  virtual void next(Write write) = 0;
  // The last response before the connection is closed for an error below the messages.
  virtual Step fault(const std::string& text) = 0;
};

class FrameServer {
 public:
  using MakeDialogue = std::function<std::unique_ptr<Dialogue>(const Caller&)>;
  FrameServer(boost::asio::io_context& context, ServerOptions options, MakeDialogue make_dialogue);
  ~FrameServer();
  FrameServer(const FrameServer&) = delete;
  FrameServer& operator=(const FrameServer&) = delete;

  // Binds and starts to accept. A stale socket file is replaced.
  Result<void> listen();
  // Closes every connection and removes the socket file.
  void close();

  class Impl;

 private:
  std::shared_ptr<Impl> impl_;
};

template <typename Request, typename Response>
class Server {
 public:
  // Gives the responses of a streamed answer one after the other; all but the last have `more` set.
  // It is called for the next one only when the last was sent.
  using Producer = std::function<Response()>;
  // As a Producer whose response is not there at once: `reply` is called once, on the event loop.
  // Until then nothing more is read from the client.
  using Reply = std::function<void(Response)>;
  using Later = std::function<void(Reply reply)>;
  class Answer {
   public:
    Answer(Response one) : one_(std::move(one)) {}  // NOLINT: implicit on purpose
    Answer(Producer producer)                       // NOLINT
        : next_([producer = std::move(producer)](const Reply& reply) { reply(producer()); }) {}
    Answer(Later later) : next_(std::move(later)) {}  // NOLINT
    void next(const Reply& reply) { next_ ? next_(reply) : reply(std::move(one_)); }

   private:
    Response one_;
    Later next_;
  };
  // Answers any request but Hello. `id` is set by the server.
  using Handler = std::function<Answer(const Request&)>;
  using CallerHandler = std::function<Answer(const Request&, const Caller&)>;

  Server(boost::asio::io_context& context, const ServerOptions& options, CallerHandler handler)
      : frames_(context, options,
                [handler = std::make_shared<CallerHandler>(std::move(handler)),
                 program = options.program](const Caller& caller) {
                  return std::make_unique<Talk>(handler, program, caller);
                }) {}
  Server(boost::asio::io_context& context, const ServerOptions& options, Handler handler)
      : Server(context, options,
               CallerHandler([handler = std::move(handler)](const Request& request, const Caller&) {
                 return handler(request);
               })) {}

  Result<void> listen() { return frames_.listen(); }
  void close() { frames_.close(); }

 private:
  class Talk final : public Dialogue {
   public:
    Talk(std::shared_ptr<CallerHandler> handler, std::string program, Caller caller)
        : handler_(std::move(handler)), program_(std::move(program)), caller_(std::move(caller)) {}

    void begin(std::string_view message) override {
      Request request;
      close_ = false;
      id_ = 0;
      if (!from_bytes(message, request)) {
        refuse("malformed message");
        return;
      }
      id_ = request.id();
      if (request.has_hello()) {
        greet(request);
      } else if (!greeted_) {
        refuse("the first message must be Hello");
      } else if (request.kind_case() == 0) {
        answer_ = error_response(program_ + " " + LB_RELEASE + " does not know this request");
      } else {
        answer_ = (*handler_)(request, caller_);
      }
    }

    void next(Write write) override {
      answer_.next([this, write = std::move(write)](Response response) {
        response.set_id(id_);
        write(step(response));
      });
    }

    Step fault(const std::string& text) override {
      Response response = error_response(text);
      close_ = true;
      return step(response);
    }

   private:
    static Response error_response(const std::string& text) {
      Response response;
      response.set_error(text);
      return response;
    }

    void refuse(const std::string& text) {
      answer_ = error_response(text);
      close_ = true;
    }

    void greet(const Request& request) {
      Response response;
      const auto& theirs = request.hello();
      if (theirs.protocol() != kProtocolVersion) {
        response.set_error(theirs.program() + " " + theirs.release() + " speaks protocol " +
                           std::to_string(theirs.protocol()) + ", " + program_ + " " + LB_RELEASE +
                           " speaks " + std::to_string(kProtocolVersion) +
                           "; install the same release of both");
        close_ = true;
      } else {
        greeted_ = true;
        caller_.program = theirs.program();
      }
      auto* ours = response.mutable_hello();
      ours->set_protocol(kProtocolVersion);
      ours->set_program(program_);
      ours->set_release(LB_RELEASE);
      answer_ = std::move(response);
    }

    Step step(const Response& response) {
      const auto begun = std::chrono::steady_clock::now();
      auto frame = to_frame(response);
      const auto work = std::chrono::steady_clock::now() - begun;
      if (frame) return {std::move(*frame), response.more(), close_, work};
      Response too_large = error_response(frame.error().message);
      too_large.set_id(id_);
      return {to_frame(too_large).value_or(std::string()), false, close_, work};
    }

    std::shared_ptr<CallerHandler> handler_;
    std::string program_;
    Caller caller_;
    Answer answer_{Response{}};
    std::uint64_t id_ = 0;
    bool greeted_ = false;
    bool close_ = false;
  };

  FrameServer frames_;
};

}  // namespace lb::api
