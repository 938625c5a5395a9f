#include "config/base/socket_address.h"

#include <cstring>
#include <string_view>

namespace lb {

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  const auto bytes = endpoint.address.bytes();
  if (endpoint.address.is_ipv4()) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(endpoint.port);
    std::memcpy(&to.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&storage_, &to, sizeof to);
    size_ = sizeof to;
  } else {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_port = htons(endpoint.port);
    std::memcpy(&to.sin6_addr, bytes.data(), bytes.size());
    std::memcpy(&storage_, &to, sizeof to);
    size_ = sizeof to;
  }
}

std::optional<Endpoint> SocketAddress::endpoint() const {
  const auto made = [](const auto& bytes, std::uint16_t port) -> std::optional<Endpoint> {
    const auto address = address_from_bytes({reinterpret_cast<const char*>(&bytes), sizeof bytes});
    return Endpoint(*address, ntohs(port));
  };
  if (family() == AF_INET && size_ >= sizeof(sockaddr_in)) {
    sockaddr_in from;
    std::memcpy(&from, &storage_, sizeof from);
    return made(from.sin_addr, from.sin_port);
  }
  if (family() == AF_INET6 && size_ >= sizeof(sockaddr_in6)) {
    sockaddr_in6 from;
    std::memcpy(&from, &storage_, sizeof from);
    return made(from.sin6_addr, from.sin6_port);
  }
  return std::nullopt;
}

}  // namespace lb
