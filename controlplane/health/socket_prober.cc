#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <utility>

#include "controlplane/health/probes.h"

namespace lb::health {
namespace {

class SocketProber final : public Prober {
 public:
  explicit SocketProber(boost::asio::io_context& io)
      : io_(io),
        http_(make_http_prober(io)),
        ping_(make_ping_prober(io)),
        dialogue_(make_dialogue_prober(io)),
        udp_(make_udp_prober(io)) {}

  std::shared_ptr<Probe> start(const Request& request, Done done) override {
    switch (request.type) {
      case config::CheckType::kHttp:
      case config::CheckType::kHttps:
        return http_->start(request, std::move(done));
      case config::CheckType::kPing:
        return ping_->start(request, std::move(done));
      case config::CheckType::kUdp:
      case config::CheckType::kDns:
        return udp_->start(request, std::move(done));
      case config::CheckType::kScript:
        return start_script_probe(io_, request, std::move(done));
      case config::CheckType::kTcp:
      case config::CheckType::kNone:
        return start_tcp_probe(io_, request, std::move(done));
      default:
        return dialogue_->start(request, std::move(done));
    }
  }

 private:
  boost::asio::io_context& io_;
  std::unique_ptr<Prober> http_;
  std::unique_ptr<Prober> ping_;
  std::unique_ptr<Prober> dialogue_;
  std::unique_ptr<Prober> udp_;
};

class FailedProbe final : public Probe, public std::enable_shared_from_this<FailedProbe> {
 public:
  explicit FailedProbe(Done done) : done_(std::move(done)) {}

  void begin(boost::asio::io_context& io, Outcome outcome) {
    boost::asio::post(io, [self = shared_from_this(), outcome = std::move(outcome)] {
      const Done done = std::exchange(self->done_, nullptr);
      if (done) done(outcome);
    });
  }

  void cancel() override { done_ = nullptr; }

 private:
  Done done_;
};

}  // namespace

bool has_unread_events(int socket, short events) {
  pollfd asked{socket, events, 0};
  return ::poll(&asked, 1, 0) > 0;
}

void bind_source(int socket, const Address& source, boost::system::error_code& error) {
  const int yes = 1;
  // Else each check would hold a port for all destinations.
  setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof yes);
  const SocketAddress from(Endpoint(source, 0));
  if (bind(socket, from.data(), from.size()) != 0) {
    error.assign(errno, boost::system::system_category());
  }
}

std::shared_ptr<Probe> start_failed_probe(boost::asio::io_context& io, Outcome outcome, Done done) {
  auto probe = std::make_shared<FailedProbe>(std::move(done));
  probe->begin(io, std::move(outcome));
  return probe;
}

std::unique_ptr<Prober> make_socket_prober(boost::asio::io_context& io) {
  return std::make_unique<SocketProber>(io);
}

}  // namespace lb::health
