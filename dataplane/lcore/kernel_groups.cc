#include "dataplane/lcore/kernel_groups.h"

#include <charconv>
#include <fstream>

namespace lb {

GroupsByInterface read_kernel_groups(const std::string& file) {
  GroupsByInterface found;
  std::ifstream lines(file);
  std::string index, interface, users, global, address;
  while (lines >> index >> interface >> users >> global >> address) {
    std::array<std::uint8_t, 6> group{};
    bool whole = address.size() == 2 * group.size();
    for (std::size_t i = 0; whole && i < group.size(); ++i) {
      const char* const digits = address.data() + 2 * i;
      whole = std::from_chars(digits, digits + 2, group[i], 16).ptr == digits + 2;
    }
    if (whole) found[interface].insert(group);
  }
  return found;
}

}  // namespace lb
