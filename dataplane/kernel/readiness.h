// Which of a worker's kernel queues have packets: one system call for all of them. A worker that
// forwards asks every 50 us only, a worker with nothing else to do waits here, so that a packet
// of the kernel wakes it. By epoll rather than by a read of each queue (a system call per port and
// poll), a signal (one more system call per packet on the kernel's side) or a thread of its own (a
// CPU that workers would have to share).
#pragma once

#include <cstdint>

namespace lb {

class Readiness {
 public:
  Readiness();
  ~Readiness();
  Readiness(const Readiness&) = delete;
  Readiness& operator=(const Readiness&) = delete;

  // Main thread, before the others; `port` is below 32. False: the kernel refused.
  bool add(int queue, unsigned port);

  // A bit per port with packets. One that the kernel has taken away is never reported again.
  std::uint32_t now() { return wait(0); }
  // The same, after a wait for one of them of `wait_ns` at most.
  std::uint32_t wait(std::uint32_t wait_ns);

 private:
  const int epoll_;
};

}  // namespace lb
