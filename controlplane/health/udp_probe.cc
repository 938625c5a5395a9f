// Checks of one datagram and its answer: udp and dns.
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <functional>
#include <optional>
#include <random>
#include <utility>

#include "controlplane/health/dns_message.h"
#include "controlplane/health/patterns.h"
#include "controlplane/health/probes.h"

namespace lb::health {
namespace {

namespace asio = boost::asio;
using asio::ip::udp;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxDatagram = 65'536;

// What is sent, and the evaluation of an answer; nullopt: not an answer to it.
struct Question {
  std::string payload;
  std::function<std::optional<Outcome>(std::string_view, Clock::duration)> evaluate;
  bool silence_is_good = false;
};

class UdpProbe final : public Probe, public std::enable_shared_from_this<UdpProbe> {
 public:
  UdpProbe(asio::io_context& io, const Request& request, Question question, Done done)
      : io_(io),
        socket_(io),
        deadline_(io),
        to_(asio_endpoint<udp>(request.to)),
        source_(request.source),
        timeout_(request.timeout),
        question_(std::move(question)),
        done_(std::move(done)) {}

  void begin() {
    error_code ec;
    socket_.open(to_.protocol(), ec);
    if (!ec && source_) bind_source(socket_.native_handle(), *source_, ec);
    // Connected, so that the socket receives ICMP errors, also of a host without ARP.
    if (!ec) receive_errors(ec);
    if (!ec) socket_.connect(to_, ec);
    if (!ec) socket_.send(asio::buffer(question_.payload), 0, ec);
    if (ec) {
      asio::post(io_, [self = shared_from_this(), ec] { self->fail(ec); });
      return;
    }
    deadline_.expires_at(started_ + timeout_);
    deadline_.async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->on_deadline();
    });
    receive();
  }

  void cancel() override {
    done_ = nullptr;
    close();
  }

 private:
  // Else silence would be good although nobody listens.
  void receive_errors(error_code& ec) {
    const int yes = 1;
    const bool ipv4 = to_.address().is_v4();
    if (setsockopt(socket_.native_handle(), ipv4 ? int{IPPROTO_IP} : int{IPPROTO_IPV6},
                   ipv4 ? IP_RECVERR : IPV6_RECVERR, &yes, sizeof yes) != 0) {
      ec.assign(errno, boost::system::system_category());
    }
  }

  void receive() {
    socket_.async_wait(udp::socket::wait_read, [self = shared_from_this()](error_code error) {
      if (!error && self->done_) self->read();
    });
  }

  void read() {
    static std::array<char, kMaxDatagram> buffer;  // one thread, consumed before the next read
    error_code ec;
    const std::size_t count = socket_.receive(asio::buffer(buffer), 0, ec);
    if (ec == asio::error::would_block) return receive();
    if (ec) return fail(ec);
    const auto outcome = question_.evaluate({buffer.data(), count}, Clock::now() - started_);
    if (!outcome) return receive();
    finish(*outcome);
  }

  void fail(error_code ec) {
    if (ec == asio::error::connection_refused) return finish(bad("L4CON", "port unreachable"));
    finish(socket_failure("L4CON", ec.value()));
  }

  void on_deadline() {
    if (!done_) return;
    if (has_unread_events(socket_.native_handle(), POLLIN)) return read();
    if (question_.silence_is_good) {
      return finish({Verdict::kGood, "L4OK neither answer nor error"});
    }
    finish(timed_out("L7TOUT", timeout_));
  }

  void finish(const Outcome& outcome) {
    if (!done_) return;
    const Done done = std::exchange(done_, nullptr);
    close();
    done(outcome);
  }

  void close() {
    error_code ignored;
    socket_.close(ignored);
    deadline_.cancel();
  }

  asio::io_context& io_;
  udp::socket socket_;
  asio::steady_timer deadline_;
  udp::endpoint to_;
  std::optional<Address> source_;
  std::chrono::milliseconds timeout_;
  Question question_;
  Done done_;
  Clock::time_point started_ = Clock::now();
};

Outcome evaluate_dns(const DnsAnswer& answer, const std::optional<Address>& wanted,
                     Clock::duration took) {
  const std::string rcode = rcode_text(answer.rcode);
  if (answer.rcode != 0) return {Verdict::kBad, "L7STS/" + rcode};
  if (wanted && !answer.has_address) {
    return bad("L7RSP", wanted->to_string() + " is not among the answers");
  }
  if (!answer.complete) return bad("L7RSP", "malformed answer");
  return good("L7OK/" + rcode, took);
}

class UdpProber final : public Prober {
 public:
  explicit UdpProber(asio::io_context& io) : io_(io), random_(std::random_device{}()) {}

  std::shared_ptr<Probe> start(const Request& request, Done done) override {
    auto probe = std::make_shared<UdpProbe>(
        io_, request,
        request.type == config::CheckType::kDns ? dns_question(request) : udp_question(request),
        std::move(done));
    probe->begin();
    return probe;
  }

 private:
  Question udp_question(const Request& request) {
    return {
        request.send,
        [expected = patterns_.get(request.expect)](std::string_view answer, Clock::duration took) {
          return std::optional(expected.matches(answer) ? good("L7OK", took)
                                                        : bad("L7RSP", "unexpected answer"));
        },
        request.expect.empty()};
  }

  Question dns_question(const Request& request) {
    const auto id = static_cast<std::uint16_t>(random_());
    return {make_dns_query(id, request.query, request.query_type),
            [id, wanted = request.expect_address](std::string_view message,
                                                  Clock::duration took) -> std::optional<Outcome> {
              const auto answer = parse_dns_answer(message, id, wanted);
              if (!answer) return std::nullopt;
              return evaluate_dns(*answer, wanted, took);
            },
            false};
  }

  asio::io_context& io_;
  std::mt19937 random_;
  Patterns patterns_;
};

}  // namespace

std::unique_ptr<Prober> make_udp_prober(asio::io_context& io) {
  return std::make_unique<UdpProber>(io);
}

}  // namespace lb::health
