#include "controlplane/web/http_server.h"

#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>
#include <utility>

#include "config/base/log.h"
#include "controlplane/web/http_session.h"

namespace lb::controlplane::web {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::chrono::seconds kBindAgain{5};
constexpr std::chrono::milliseconds kAcceptAgain{100};  // after a lack of memory or descriptors

// One address.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  Listener(asio::io_context& io, Endpoint address, const Limits& limits, Sessions& sessions)
      : acceptor_(io), timer_(io), address_(address), limits_(limits), sessions_(sessions) {}

  // One that cannot be read does not replace one that could.
  void set_page(LearntFile page) {
    if (page_ == nullptr || page->has_value()) page_ = std::move(page);
  }
  void listen() {
    const error_code error = open();
    if (!error) {
      if (reported_) log::info("sorry page: listening on {}", address_.to_string());
      return accept();
    }
    error_code ignored;
    acceptor_.close(ignored);
    if (!std::exchange(reported_, true)) report(error);
    again(kBindAgain, &Listener::listen);
  }
  void stop() {
    stopped_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    timer_.cancel();
  }

 private:
  error_code open() {
    const auto ipv4 = address_.address.to_ipv4();
    if (!ipv4) return asio::error::address_family_not_supported;
    error_code error;
    acceptor_.open(tcp::v4(), error);
    if (error) return error;
    acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (error) return error;
    const int on = 1;
    if (::setsockopt(acceptor_.native_handle(), IPPROTO_IP, IP_FREEBIND, &on, sizeof on) != 0) {
      return {errno, boost::system::system_category()};
    }
    acceptor_.bind({asio::ip::address_v4(ipv4->host()), address_.port}, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    return error;
  }

  void report(const error_code& error) const {
    const std::string what =
        error == asio::error::address_in_use
            ? "another program of the director listens there; stop it, or use it "
              "as the service's sorry_server in the place of sorry_page"
        : error == asio::error::access_denied
            ? "permission denied; ports below 1024 need CAP_NET_BIND_SERVICE"
            : error.message();
    log::error("sorry page: cannot listen on {}: {}", address_.to_string(), what);
  }

  void again(std::chrono::milliseconds after, void (Listener::*what)()) {
    timer_.expires_after(after);
    timer_.async_wait([self = shared_from_this(), what](error_code error) {
      if (!error && !self->stopped_) ((*self).*what)();
    });
  }

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      if (self->stopped_) return;
      if (error) return self->again(kAcceptAgain, &Listener::accept);
      if (self->sessions_.size() >= self->limits_.connections) self->sessions_.front()->close();
      std::make_shared<Session>(std::move(socket), self->page_, self->limits_, self->sessions_)
          ->start();
      self->accept();
    });
  }

  tcp::acceptor acceptor_;
  asio::steady_timer timer_;
  const Endpoint address_;
  const Limits limits_;
  Sessions& sessions_;
  LearntFile page_;
  bool reported_ = false;
  bool stopped_ = false;
};

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(const Limits& limits) : limits_(limits), work_(asio::make_work_guard(io_)) {
    thread_ = std::thread([this] {
      ::prctl(PR_SET_NAME, "web", 0UL, 0UL, 0UL);
      io_.run();
    });
  }
  ~Impl() {
    io_.stop();
    thread_.join();
  }

  void serve(Pages pages) {
    asio::post(io_, [this, pages = std::move(pages)] {
      std::erase_if(listeners_, [&](const auto& each) {
        if (pages.contains(each.first)) return false;
        each.second->stop();
        return true;
      });
      for (const auto& [address, page] : pages) {
        auto& listener = listeners_[address];
        const bool is_new = listener == nullptr;
        if (is_new) listener = std::make_shared<Listener>(io_, address, limits_, sessions_);
        listener->set_page(page);
        if (is_new) listener->listen();
      }
    });
  }

 private:
  const Limits limits_;
  Sessions sessions_;  // before io_, whose handlers hold them
  asio::io_context io_{1};
  std::map<Endpoint, std::shared_ptr<Listener>> listeners_;  // use io_
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

HttpServer::HttpServer(const Limits& limits) : limits_(limits) {}
HttpServer::~HttpServer() = default;

void HttpServer::serve(Pages pages) {
  if (pages.empty() && impl_ == nullptr) return;
  if (impl_ == nullptr) impl_ = std::make_unique<Impl>(limits_);
  impl_->serve(std::move(pages));
}

}  // namespace lb::controlplane::web
