#include "dataplane/kernel/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

namespace lb {

namespace {

constexpr const char* kTun = "/dev/net/tun";
// Packets that may wait in a queue for its worker, which reads them every 200 us at the latest.
constexpr int kQueueLength = 1000;

bool wait_until_gone(const std::string& name) {
  using namespace std::chrono_literals;
  for (int i = 0; i < 20; ++i) {
    if (if_nametoindex(name.c_str()) == 0) return true;
    std::this_thread::sleep_for(100ms);
  }
  return false;
}

std::string reason(int error) {
  std::string text = std::strerror(error);
  if (error == ENOENT || error == ENODEV || error == ENXIO) {
    return text + "; there is no /dev/net/tun: modprobe tun";
  }
  if (error == EACCES || error == EPERM) text += "; run as root or with CAP_NET_ADMIN";
  return text;
}

tl::unexpected<Error> failed(const Tap::Options& options, const std::string& what) {
  const int error = errno;
  return fail("kernel interface " + options.name + ": " + what + ": " + reason(error));
}

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

void put_mac(ifreq& request, const MacAddress& mac) {
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::copy(mac.bytes.begin(), mac.bytes.end(), std::begin(request.ifr_hwaddr.sa_data));
}

}  // namespace

Result<std::unique_ptr<Tap>> Tap::open(const Options& options) {
  if (!wait_until_gone(options.name)) {
    return fail("there is an interface " + options.name +
                " already; rename it, or the port, or stop the program that made it");
  }
  std::unique_ptr<Tap> tap(new Tap);
  for (unsigned i = 0; i < options.queues; ++i) {
    if (auto added = tap->add_queue(options); !added) return tl::make_unexpected(added.error());
  }
  if (auto done = tap->set_up(options); !done) return tl::make_unexpected(done.error());
  return tap;
}

Tap::~Tap() {
  for (const int fd : queues_) ::close(fd);
}

Result<void> Tap::add_queue(const Options& options) {
  const int fd = ::open(kTun, O_RDWR | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return failed(options, kTun);
  const bool first = queues_.empty();
  queues_.push_back(fd);
  ifreq request = request_for(options.name);
  unsigned flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE;
  if (first) flags |= IFF_TUN_EXCL;  // never a queue of somebody else's interface
  request.ifr_flags = static_cast<short>(flags);
  if (::ioctl(fd, TUNSETIFF, &request) != 0) return failed(options, "cannot be made");
  return {};
}

Result<void> Tap::set_up(const Options& options) {
  if (auto set = set_mac(options.mac); !set) return set;
  // What the kernel may leave to us.
  constexpr unsigned long kOffloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (::ioctl(queues_.front(), TUNSETOFFLOAD, kOffloads) != 0) return failed(options, "offloads");
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(options, "socket");
  const auto set = [&](unsigned long what, const char* name, auto fill) -> Result<void> {
    ifreq request = request_for(options.name);
    fill(request);
    if (::ioctl(fd, what, &request) == 0) return {};
    return failed(options, name);
  };
  auto done = set(SIOCSIFTXQLEN, "queue length", [](ifreq& to) { to.ifr_qlen = kQueueLength; })
                  .and_then([&] {
                    return set(SIOCSIFMTU, "MTU", [&](ifreq& to) { to.ifr_mtu = options.mtu; });
                  })
                  .and_then([&] {
                    return set(SIOCSIFFLAGS, "up", [](ifreq& to) { to.ifr_flags = IFF_UP; });
                  });
  ::close(fd);
  return done;
}

Result<void> Tap::set_mac(const MacAddress& mac) {
  ifreq request{};
  put_mac(request, mac);
  // Of the descriptor's own interface, whatever its name is by now.
  if (::ioctl(queues_.front(), SIOCSIFHWADDR, &request) == 0) return {};
  return fail("the kernel does not accept MAC " + mac.to_string() + ": " + reason(errno));
}

}  // namespace lb
