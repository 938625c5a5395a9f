// Signals are for the threads that expect them: all others are started without.
#pragma once

#include <pthread.h>

#include <csignal>

namespace lb {

// While it lives, the calling thread receives no signal; a thread that is started meanwhile never
// does.
class BlockedSignals {
 public:
  BlockedSignals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~BlockedSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

 private:
  sigset_t before_;
};

}  // namespace lb
