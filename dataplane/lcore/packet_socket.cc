#include "dataplane/lcore/packet_socket.h"

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

namespace {

std::atomic<unsigned> relieved{0};

}  // namespace

namespace lb {

unsigned sockets_without_reassembly() {
  return relieved.load(std::memory_order_relaxed);
}

}  // namespace lb

// In place of the C library's, for the driver, which is a shared object: the linker is set to
// export it.
extern "C" int setsockopt(int fd, int level, int name, const void* value,
                          socklen_t length) noexcept {
  unsigned fanout = 0;
  if (level == SOL_PACKET && name == PACKET_FANOUT && length == sizeof(fanout)) {
    std::memcpy(&fanout, value, sizeof(fanout));
    fanout &= ~(unsigned{PACKET_FANOUT_FLAG_DEFRAG} << 16);
    value = &fanout;
    relieved.fetch_add(1, std::memory_order_relaxed);
  }
  return static_cast<int>(syscall(SYS_setsockopt, fd, level, name, value, length));
}
