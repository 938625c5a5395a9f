#include "dataplane/kernel/readiness.h"

#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

namespace lb {

namespace {

// The port in the low half, the queue's descriptor in the high one.
epoll_event event_of(int queue, unsigned port) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = std::uint64_t{static_cast<std::uint32_t>(queue)} << 32 | port;
  return event;
}

}  // namespace

Readiness::Readiness() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Readiness::~Readiness() {
  if (epoll_ >= 0) close(epoll_);
}

bool Readiness::add(int queue, unsigned port) {
  epoll_event event = event_of(queue, port);
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, queue, &event) == 0;
}

std::uint32_t Readiness::wait(std::uint32_t wait_ns) {
  constexpr int kMost = 32;
  epoll_event events[kMost];
  const timespec limit{0, static_cast<long>(wait_ns)};
  const int count = epoll_pwait2(epoll_, events, kMost, &limit, nullptr);
  std::uint32_t ports = 0;
  for (int i = 0; i < count; ++i) {
    if ((events[i].events & EPOLLIN) != 0) {
      ports |= 1U << static_cast<std::uint32_t>(events[i].data.u64);
    } else {
      // The interface was removed: the queue reports that for ever.
      epoll_ctl(epoll_, EPOLL_CTL_DEL, static_cast<int>(events[i].data.u64 >> 32), nullptr);
    }
  }
  return ports;
}

}  // namespace lb
