#include "controlplane/netlink/monitor.h"

#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <string>

#include "config/base/log_limit.h"
#include "controlplane/netlink/message.h"

namespace lb::netlink {
namespace {

struct FreeSocket {
  void operator()(nl_sock* socket) const { nl_socket_free(socket); }
};

// Room for a burst of notifications; after an overrun everything is read again.
constexpr int kReceiveBufferBytes = 4 << 20;
constexpr std::chrono::seconds kReadAgain{1};

int on_message(nl_msg* message, void* argument) {
  apply(nlmsg_hdr(message), *static_cast<State*>(argument));
  return NL_OK;
}

}  // namespace

struct Monitor::Impl {
  Impl(boost::asio::io_context& io_context, Requests& r, OnChange callback, Scope s)
      : io(io_context),
        requests(r),
        on_change(std::move(callback)),
        scope(s),
        descriptor(io_context),
        again(io_context) {}
  ~Impl() {
    if (descriptor.is_open()) descriptor.release();  // libnl owns the descriptor
  }

  Result<void> open();
  Result<void> read_all();
  void wait();
  void receive();
  void recover();
  void report();

  boost::asio::io_context& io;
  Requests& requests;
  OnChange on_change;
  const Scope scope;
  std::unique_ptr<nl_sock, FreeSocket> socket;
  boost::asio::posix::stream_descriptor descriptor;
  boost::asio::steady_timer again;  // after a reading that failed
  State state;
  bool lost = false;  // notifications, since everything was read last
  LogLimit limit;
  // Destroyed with this object: a posted handler that finds it expired does nothing.
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Result<void> Monitor::Impl::open() {
  socket.reset(nl_socket_alloc());
  if (socket == nullptr) return fail("netlink monitor: out of memory");
  nl_socket_disable_seq_check(socket.get());
  nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, on_message, &state);
  int error = nl_connect(socket.get(), NETLINK_ROUTE);
  if (error == 0) {
    error =
        nl_socket_add_memberships(socket.get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_NONE);
  }
  if (error == 0 && scope == Scope::kAll) {
    error = nl_socket_add_memberships(socket.get(), RTNLGRP_NEIGH, RTNLGRP_IPV4_ROUTE,
                                      RTNLGRP_IPV4_RULE, RTNLGRP_NEXTHOP, RTNLGRP_NONE);
  }
  if (error == 0) error = nl_socket_set_nonblocking(socket.get());
  if (error < 0) return fail(std::string("netlink monitor: ") + nl_geterror(error));
  nl_socket_set_buffer_size(socket.get(), kReceiveBufferBytes, 0);
  descriptor.assign(nl_socket_get_fd(socket.get()));
  return {};
}

Result<void> Monitor::Impl::read_all() {
  auto links = requests.links();
  if (!links) return fail("reading links: " + links.error().message);
  const auto addresses = requests.addresses();
  if (!addresses) return fail("reading addresses: " + addresses.error().message);
  Result<std::vector<Neighbour>> neighbours;
  if (scope == Scope::kAll) neighbours = requests.neighbours();
  if (!neighbours) return fail("reading neighbours: " + neighbours.error().message);
  state.replace(std::move(*links), *addresses, *neighbours);
  return {};
}

void Monitor::Impl::wait() {
  descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [this, life = std::weak_ptr(alive)](boost::system::error_code error) {
                          if (life.expired() || error) return;
                          receive();
                          wait();
                        });
}

void Monitor::Impl::receive() {
  // A bounded number of datagrams, so that a storm of notifications does not block the loop.
  constexpr int kBatch = 256;
  for (int i = 0; i < kBatch; ++i) {
    const int error = nl_recvmsgs_default(socket.get());
    if (error == -NLE_NOMEM) lost = true;  // ENOBUFS
    if (error == -NLE_AGAIN) {
      // Only now: queued notifications are older than what is read here.
      if (lost) recover();
      break;
    }
  }
  report();
}

void Monitor::Impl::recover() {
  limit.write(log::Level::kWarning, "lost", "",
              "netlink: notifications were lost; reading everything again");
  if (const auto result = read_all(); result) {
    lost = false;
  } else {
    limit.write(log::Level::kError, "unread", "", "netlink: {}", result.error().message);
    // There may be no notification for a long time.
    again.expires_after(kReadAgain);
    again.async_wait([this, life = std::weak_ptr(alive)](boost::system::error_code error) {
      if (life.expired() || error || !lost) return;
      recover();
      report();
    });
  }
}

void Monitor::Impl::report() {
  const Changes changes = state.take_changes();
  if (changes.any()) on_change(changes);
}

Monitor::Monitor(boost::asio::io_context& io, Requests& requests, OnChange on_change, Scope scope)
    : impl_(std::make_unique<Impl>(io, requests, std::move(on_change), scope)) {}

Monitor::~Monitor() = default;

Result<void> Monitor::start() {
  // Subscribed first: changes during the reading arrive afterwards, and receiving them twice
  // does no harm.
  if (auto result = impl_->open(); !result) return result;
  if (auto result = impl_->read_all(); !result) return result;
  boost::asio::post(impl_->io, [impl = impl_.get(), life = std::weak_ptr(impl_->alive)] {
    if (!life.expired()) impl->report();
  });
  impl_->wait();
  return {};
}

const State& Monitor::state() const {
  return impl_->state;
}

}  // namespace lb::netlink
