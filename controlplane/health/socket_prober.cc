#include <poll.h>

#include <utility>

#include "controlplane/health/probes.h"

namespace lb::health {
namespace {

class SocketProber final : public Prober {
 public:
  explicit SocketProber(boost::asio::io_context& io)
      : io_(io), http_(make_http_prober(io)), ping_(make_ping_prober(io)) {}

  std::shared_ptr<Probe> start(const Request& request, Done done) override {
    switch (request.type) {
      case config::CheckType::kHttp:
      case config::CheckType::kHttps:
        return http_->start(request, std::move(done));
      case config::CheckType::kPing:
        return ping_->start(request, std::move(done));
      case config::CheckType::kTcp:
      case config::CheckType::kNone:
        break;
    }
    return start_tcp_probe(io_, request, std::move(done));
  }

 private:
  boost::asio::io_context& io_;
  std::unique_ptr<Prober> http_;
  std::unique_ptr<Prober> ping_;
};

}  // namespace

bool has_unread_news(int socket, short events) {
  pollfd asked{socket, events, 0};
  return ::poll(&asked, 1, 0) > 0;
}

std::unique_ptr<Prober> make_socket_prober(boost::asio::io_context& io) {
  return std::make_unique<SocketProber>(io);
}

}  // namespace lb::health
