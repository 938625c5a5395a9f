#include "controlplane/netlink/requests.h"

#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <functional>
#include <mutex>
#include <shared_mutex>

#include "controlplane/netlink/message.h"

namespace lb::netlink {
namespace {

using OnMessage = std::function<void(nlmsghdr*)>;

struct Exchange {
  const OnMessage* on_message;
  int error = 0;  // errno that the kernel answered with
};

int on_valid(nl_msg* message, void* argument) {
  const auto* exchange = static_cast<Exchange*>(argument);
  if (*exchange->on_message) (*exchange->on_message)(nlmsg_hdr(message));
  return NL_OK;
}

int on_error(sockaddr_nl*, nlmsgerr* error, void* argument) {
  static_cast<Exchange*>(argument)->error = -error->error;
  return NL_STOP;
}

struct FreeCallbacks {
  void operator()(nl_cb* callbacks) const { nl_cb_put(callbacks); }
};

// Sends one request and reads the whole answer. Returns errno, 0 on success.
int talk(nl_sock* socket, const Message& request, const OnMessage& on_message) {
  const std::unique_ptr<nl_cb, FreeCallbacks> callbacks(nl_cb_alloc(NL_CB_DEFAULT));
  if (callbacks == nullptr) return ENOMEM;
  Exchange exchange{&on_message};
  nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, on_valid, &exchange);
  nl_cb_err(callbacks.get(), NL_CB_CUSTOM, on_error, &exchange);
  if (nl_send_auto(socket, request.get()) < 0) return EIO;
  const int received = nl_recvmsgs(socket, callbacks.get());
  if (exchange.error != 0) return exchange.error;
  if (received == -NLE_DUMP_INTR) return EAGAIN;
  return received < 0 ? EIO : 0;
}

tl::unexpected<Error> fail_with(int error) {
  return fail(std::strerror(error));
}

Result<void> order(nl_sock* socket, const Message& request) {
  const int error = talk(socket, request, {});
  if (error != 0) return fail_with(error);
  return {};
}

// A dump that is interrupted by a change may lack entries: it is repeated.
template <typename Parse>
auto dump(nl_sock* socket, int type, std::uint8_t route_protocol, Parse parse)
    -> Result<std::vector<typename std::invoke_result_t<Parse, nlmsghdr*>::value_type>> {
  constexpr int kAttempts = 10;
  std::vector<typename std::invoke_result_t<Parse, nlmsghdr*>::value_type> values;
  int error = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    values.clear();
    error = talk(socket, make_dump(type, route_protocol), [&](nlmsghdr* message) {
      if (auto value = parse(message)) values.push_back(std::move(*value));
    });
    if (error != EAGAIN) break;
  }
  if (error != 0) return fail_with(error);
  return values;
}

// Of the process. Who adds an address shares `under_way`, so that they do not wait for each other.
struct Additions {
  std::atomic<bool> ended{false};
  std::shared_timed_mutex under_way;
};

Additions& additions() {
  static Additions all;
  return all;
}

}  // namespace

void Requests::CloseSocket::operator()(nl_sock* socket) const {
  nl_socket_free(socket);
}

Requests::Requests(Requests&&) noexcept = default;
Requests& Requests::operator=(Requests&&) noexcept = default;
Requests::~Requests() = default;

Result<Requests> Requests::open() {
  nl_sock* const socket = nl_socket_alloc();
  if (socket == nullptr) return fail("netlink socket: out of memory");
  Requests requests(socket);
  if (const int error = nl_connect(socket, NETLINK_ROUTE); error < 0) {
    return fail(std::string("netlink socket: ") + nl_geterror(error));
  }
  nl_socket_disable_auto_ack(socket);
  // The kernel filters dumps: a router's full table is not copied to find our few routes.
  const int on = 1;
  const int fd = nl_socket_get_fd(socket);
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  // The kernel answers at once; should it ever not, the event loop must not hang.
  const timeval limit{.tv_sec = 1, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  return requests;
}

Result<std::vector<Link>> Requests::links() {
  return dump(socket_.get(), RTM_GETLINK, 0, parse_link);
}

Result<std::vector<InterfaceAddress>> Requests::addresses() {
  return dump(socket_.get(), RTM_GETADDR, 0, parse_address);
}

Result<std::vector<Neighbour>> Requests::neighbours() {
  return dump(socket_.get(), RTM_GETNEIGH, 0, parse_neighbour);
}

Result<std::vector<Route>> Requests::owned_routes() {
  return dump(socket_.get(), RTM_GETROUTE, kOwner, [](nlmsghdr* message) -> std::optional<Route> {
    const auto parsed = parse_route(message);
    if (!parsed || !parsed->owned) return std::nullopt;
    return parsed->route;
  });
}

Result<void> Requests::set_link(int index, bool up, std::optional<std::uint32_t> mtu) {
  return order(socket_.get(), make_set_link(index, up, mtu));
}

Result<void> Requests::add_vlan(int parent, const std::string& name, std::uint16_t id) {
  const int error = talk(socket_.get(), make_add_vlan(parent, name, id), {});
  if (error == EOPNOTSUPP) return fail("this kernel has no VLAN support (module 8021q)");
  if (error != 0 && error != EEXIST) return fail_with(error);
  return {};
}

bool Requests::end_additions(std::chrono::milliseconds limit) {
  Additions& all = additions();
  all.ended = true;
  return std::unique_lock(all.under_way, limit).owns_lock();
}

Result<void> Requests::add_address(int index, const Prefix& prefix) {
  Additions& all = additions();
  const std::shared_lock under_way(all.under_way);
  if (all.ended) return fail("this process is about to end");
  const int error = talk(socket_.get(), make_address(RTM_NEWADDR, index, prefix), {});
  if (error != 0 && error != EEXIST) return fail_with(error);
  return {};
}

Result<void> Requests::remove_address(int index, const Prefix& prefix) {
  const int error = talk(socket_.get(), make_address(RTM_DELADDR, index, prefix), {});
  if (error != 0 && error != EADDRNOTAVAIL && error != ENODEV) return fail_with(error);
  return {};
}

Result<void> Requests::add_route(const Route& route) {
  const int flags = NLM_F_CREATE | NLM_F_EXCL;
  const int error = talk(socket_.get(), make_route(RTM_NEWROUTE, flags, route), {});
  if (error == EEXIST) {
    return fail("another route to this destination exists, not set by Ballast; remove one of them");
  }
  if (error != 0) return fail_with(error);
  return {};
}

Result<void> Requests::remove_route(const Route& route) {
  const int error = talk(socket_.get(), make_route(RTM_DELROUTE, 0, route), {});
  if (error != 0 && error != ESRCH) return fail_with(error);
  return {};
}

Result<void> Requests::set_neighbour(int index, const Address& address, const MacAddress& mac) {
  return order(socket_.get(), make_neighbour(index, address, mac));
}

Result<void> Requests::remove_neighbour(int index, const Address& address) {
  const int error = talk(socket_.get(), make_forget(index, address), {});
  if (error != 0 && error != ENOENT && error != ENODEV) return fail_with(error);
  return {};
}

Result<std::optional<Hop>> Requests::lookup(const Address& destination) {
  std::optional<Hop> hop;
  const auto read = [&](nlmsghdr* message) { hop = parse_hop(message, destination); };
  const int error = talk(socket_.get(), make_route_lookup(destination), read);
  if (error == ENETUNREACH || error == EHOSTUNREACH || error == EACCES || error == EINVAL) {
    return std::nullopt;  // no route, or a prohibiting one
  }
  if (error != 0) return fail_with(error);
  return hop;
}

Result<void> Requests::resolve(int index, const Address& address) {
  return order(socket_.get(), make_resolve(index, address));
}

Result<void> Requests::resolve_anew(int index, const Address& address) {
  const int error = talk(socket_.get(), make_forget(index, address), {});
  if (error != 0 && error != ENOENT) return fail_with(error);
  return resolve(index, address);
}

}  // namespace lb::netlink
