// RUN_DIR/host-interfaces: what the interfaces of the host were before the data plane changed them
// (host_interface.h). It outlives the process, so it says where its interface numbers mean something.
#pragma once

#include <string>
#include <vector>

#include "config/base/result.h"

namespace lb {

inline constexpr const char* kHostAddress6 = "address6";  // a key; `before` is HEX/LENGTH

struct HostNote {
  unsigned index = 0;     // the kernel gives it to one interface of a boot and network namespace
  std::string interface;  // its name and MAC when it was noted
  std::string mac;
  std::string key;
  std::string before;
  std::string ours;

  bool operator==(const HostNote&) const = default;
};

// The lines behind the file's first one, which says the boot and the network namespace.
std::string print_host_notes(const std::vector<HostNote>& notes);
// Fails when a line is damaged.
Result<std::vector<HostNote>> parse_host_notes(const std::string& text);

// Empty: there is no file, or it is of another boot or network namespace, which is logged. Fails
// when that cannot be found out.
Result<std::vector<HostNote>> read_host_notes(const std::string& run_dir);

// Replaces the file at once; without notes, removes it.
Result<void> write_host_notes(const std::string& run_dir, const std::vector<HostNote>& notes);

}  // namespace lb
