// Questions about network interfaces of the host, answered by the kernel at once. Netlink and an
// interface's flags report a lost carrier up to a second later.
#pragma once

#include <optional>
#include <string>

namespace lb {

// Asks in the network namespace that its constructor ran in. Any thread, one at a time.
class InterfaceQuery {
 public:
  InterfaceQuery();
  ~InterfaceQuery();
  InterfaceQuery(const InterfaceQuery&) = delete;
  InterfaceQuery& operator=(const InterfaceQuery&) = delete;

  // Whether it is up and has a carrier; false when it does not exist or cannot be asked: unknown is
  // not up. An interface whose driver does not report its carrier counts by its flags.
  bool has_carrier(const std::string& interface) const;

  // Its present name: an interface may be renamed. Empty: there is no interface of this index;
  // nullopt: the kernel cannot be asked.
  std::optional<std::string> name_of(unsigned index) const;

 private:
  int fd_;
};

}  // namespace lb
