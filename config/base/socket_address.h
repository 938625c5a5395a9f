// Endpoints as the system calls of sockets take them.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

#include "config/base/address.h"

namespace lb {

class SocketAddress {
 public:
  // Room for what a call gives; data() and size() go to it.
  SocketAddress() = default;
  explicit SocketAddress(const Endpoint& endpoint);

  // Nothing when it is of another family.
  std::optional<Endpoint> endpoint() const;

  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
  const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t* size() { return &size_; }
  socklen_t size() const { return size_; }
  int family() const { return storage_.ss_family; }

 private:
  sockaddr_storage storage_{};
  socklen_t size_ = sizeof(sockaddr_storage);
};

// As Asio's sockets take it: asio_endpoint<tcp>(endpoint).
template <typename Protocol>
typename Protocol::endpoint asio_endpoint(const Endpoint& endpoint) {
  const SocketAddress from(endpoint);
  typename Protocol::endpoint to;
  std::memcpy(to.data(), from.data(), from.size());
  to.resize(from.size());
  return to;
}

}  // namespace lb
