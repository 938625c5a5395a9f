// Signals are for the threads that expect them: all others are started without.
#pragma once

#include <pthread.h>

#include <csignal>
#include <initializer_list>

namespace lb {

// While it lives, the calling thread receives no signal; a thread that is started meanwhile never
// does. Faults of the thread itself are no such signals: the kernel ends the process at a blocked one,
// past every handler. DPDK handles SIGBUS while it touches hugepages, of which there may be too few.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int fault : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP, SIGSYS}) {
      sigdelset(&blocked, fault);
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace lb
