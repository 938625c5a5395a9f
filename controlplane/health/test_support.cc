#include "controlplane/health/test_support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "config/base/socket_address.h"

// After <net/if.h>, which it would collide with.
#include <linux/if_tun.h>
#include <linux/sockios.h>

namespace lb::health {
namespace {

sockaddr_in make_sockaddr(const char* address, std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  inet_pton(AF_INET, address, &result.sin_addr);
  return result;
}

ifreq request_for(const char* interface) {
  ifreq request{};
  std::strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
  return request;
}

void bring_up(int socket, const char* interface) {
  ifreq request = request_for(interface);
  ASSERT_EQ(ioctl(socket, SIOCGIFFLAGS, &request), 0) << interface;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  ASSERT_EQ(ioctl(socket, SIOCSIFFLAGS, &request), 0) << interface;
}

// A TUN device without a reader.
void make_void(int socket) {
  const int tun = open("/dev/net/tun", O_RDWR | O_CLOEXEC);  // it lives as long as the process
  ASSERT_GE(tun, 0) << "/dev/net/tun: " << std::strerror(errno);
  ifreq request = request_for("void0");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  ASSERT_EQ(ioctl(tun, TUNSETIFF, &request), 0) << std::strerror(errno);

  request = request_for("void0");
  const sockaddr_in address = make_sockaddr("198.18.0.1", 0);
  std::memcpy(&request.ifr_addr, &address, sizeof address);
  ASSERT_EQ(ioctl(socket, SIOCSIFADDR, &request), 0) << std::strerror(errno);
  const sockaddr_in mask = make_sockaddr("255.255.255.0", 0);
  std::memcpy(&request.ifr_netmask, &mask, sizeof mask);
  ASSERT_EQ(ioctl(socket, SIOCSIFNETMASK, &request), 0) << std::strerror(errno);
  bring_up(socket, "void0");
}

class PrivateNetwork : public testing::Environment {
 public:
  void SetUp() override {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL's socket BIO raises it in the test servers
    ASSERT_TRUE(unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0)
        << "a network namespace is needed; run as root";
    const int socket = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    ASSERT_GE(socket, 0);
    bring_up(socket, "lo");
    make_void(socket);
    close(socket);
  }
};

const auto* const kPrivateNetwork = testing::AddGlobalTestEnvironment(new PrivateNetwork);

int bound_socket(const char* text, Endpoint& endpoint) {
  SocketAddress address(Endpoint(Address::parse(text).value(), 0));
  const int fd = ::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(bind(fd, address.data(), *address.size()), 0);
  EXPECT_EQ(getsockname(fd, address.data(), address.size()), 0);
  endpoint = address.endpoint().value();
  return fd;
}

}  // namespace

TestServer::TestServer(Serve serve, const char* address)
    : listener_(bound_socket(address, endpoint_)) {
  EXPECT_EQ(listen(listener_, 1024), 0);
  thread_ = std::thread([this, serve = std::move(serve)] { accept_all(serve); });
}

TestServer::~TestServer() {
  shutdown(listener_, SHUT_RDWR);  // accept() returns
  thread_.join();
  close(listener_);
}

void TestServer::accept_all(const Serve& serve) {
  for (;;) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    serve(fd);
    close(fd);
  }
}

RefusedEndpoint::RefusedEndpoint(const char* address) : socket_(bound_socket(address, endpoint_)) {}
RefusedEndpoint::~RefusedEndpoint() {
  close(socket_);
}

std::string read_http_request(int fd) {
  std::string text;
  char byte = 0;
  while (!text.ends_with("\r\n\r\n") && recv(fd, &byte, 1, 0) == 1) text += byte;
  return text;
}

bool send_text(int fd, const std::string& text) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t n = send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return false;
    sent += static_cast<std::size_t>(n);
  }
  return true;
}

void wait_for_peer_to_close(int fd) {
  peer_closes_properly(fd);
}

void wait_until_delivered(int fd) {
  int unacknowledged = 1;
  while (ioctl(fd, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged > 0) usleep(100);
}

bool peer_closes_properly(int fd) {
  char bytes[256];
  ssize_t got = 0;
  do {
    got = recv(fd, bytes, sizeof bytes, 0);
  } while (got > 0);
  return got == 0;
}

Outcome run_probe(const Request& request) {
  boost::asio::io_context io;
  std::optional<Outcome> result;
  auto prober = make_socket_prober(io);
  prober->start(request, [&](const Outcome& outcome) {
    EXPECT_FALSE(result) << "Done is called once";
    result = outcome;
  });
  EXPECT_FALSE(result) << "Done is not called from within start()";
  while (!result && io.run_one() > 0) {
  }
  prober.reset();
  io.run();
  return result.value_or(Outcome{Verdict::kInconclusive, "no result"});
}

std::string without_time(const Outcome& outcome) {
  const auto end = outcome.text.rfind(' ');
  return outcome.text.ends_with("ms") ? outcome.text.substr(0, end) : outcome.text;
}

}  // namespace lb::health
