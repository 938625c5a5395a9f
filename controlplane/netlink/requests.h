// Queries and commands to the kernel. The kernel answers rtnetlink requests synchronously, so these
// calls return at once and may be made from the event loop. One thread.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/base/result.h"
#include "controlplane/netlink/model.h"

struct nl_sock;

namespace lb::netlink {

class Requests {
 public:
  static Result<Requests> open();
  Requests(Requests&&) noexcept;
  Requests& operator=(Requests&&) noexcept;
  ~Requests();

  Result<std::vector<Link>> links();
  Result<std::vector<InterfaceAddress>> addresses();
  Result<std::vector<Neighbour>> neighbours();
  // Routes of the main table with the mark kOwner.
  Result<std::vector<Route>> owned_routes();

  // Makes the link ready: up, and with this MTU when it has another.
  Result<void> set_link(int index, bool up, std::optional<std::uint32_t> mtu);
  Result<void> add_vlan(int parent, const std::string& name, std::uint16_t id);

  // From now on no object of this process adds an address. Waits for a thread that is adding one, for
  // `limit` at most; false: that one may add it yet. Any thread.
  static bool end_additions(std::chrono::milliseconds limit);

  // Adding what exists and removing what does not exist are no errors.
  Result<void> add_address(int index, const Prefix& prefix);
  Result<void> remove_address(int index, const Prefix& prefix);
  // Never replaces a route that is not ours.
  Result<void> add_route(const Route& route);
  Result<void> remove_route(const Route& route);

  // A permanent one with the mark kOwner, in the place of any other: the kernel learns no other MAC.
  Result<void> set_neighbour(int index, const Address& address, const MacAddress& mac);
  Result<void> remove_neighbour(int index, const Address& address);

  // The route of a packet to `destination`. nullopt: it is local, or there is no route.
  Result<std::optional<Hop>> lookup(const Address& destination);
  // Makes the kernel resolve or confirm the MAC of a neighbour. The monitor reports the result.
  Result<void> resolve(int index, const Address& address);
  // The same for a suspect MAC: the kernel drops it and resolves the address again.
  Result<void> resolve_anew(int index, const Address& address);

 private:
  struct CloseSocket {
    void operator()(nl_sock* socket) const;
  };
  explicit Requests(nl_sock* socket) : socket_(socket) {}

  std::unique_ptr<nl_sock, CloseSocket> socket_;
};

}  // namespace lb::netlink
