// The secrets of SYN cookies: two of this director, two of the HA peer.
//
// A director makes cookies with one of its own and accepts what any of the four has made, so that a client
// whose SYN went to the other director before a failover gets its connection. A data plane makes its
// secrets at random and sends them to the peer with the connections (sync/batch.h); nobody else ever sees
// them. Every minute the other one of the two comes into use; it is replaced ten seconds before, so that the
// peer has it by then. So a cookie is accepted for 50 to 110 seconds.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "dataplane/conn/record.h"
#include "dataplane/packet/syn_cookie.h"

namespace lb {

class SynSecrets {
 public:
  static constexpr unsigned kSecrets = 2;
  static constexpr std::uint32_t kPeriod = 60'000 / kTickMs;  // ticks
  static constexpr std::uint32_t kAhead = 10'000 / kTickMs;

  // Random bytes for all: also for the peer's, which nobody knows until it sends its own.
  using Random = std::array<SipKey, 2 * kSecrets>;
  SynSecrets(const Random& random, std::uint32_t now) : began_(now) {
    for (unsigned i = 0; i < kSecrets; ++i) {
      own_[i].set(random[i]);
      peers_[i].set(random[kSecrets + i]);
    }
  }

  // ---- any worker. A secret that is just being replaced may be read in parts of both, which match no
  // cookie; the one in use is not replaced.
  std::uint32_t cookie(const SynCookieOf& of, const SynOffer& offer) const {
    const unsigned current = current_.load(std::memory_order_acquire);  // pairs with step()
    return make_syn_cookie(own_[current].get(), current, of, offer);
  }
  std::optional<SynOffer> read(std::uint32_t cookie, const SynCookieOf& of) const {
    const unsigned number = secret_of_syn_cookie(cookie);
    const auto offer = read_syn_cookie(own_[number].get(), cookie, of);
    return offer ? offer : read_syn_cookie(peers_[number].get(), cookie, of);
  }

  // ---- the main thread
  // Some times a second; `fresh()` makes a random key.
  template <typename Fresh>
  void step(std::uint32_t now, Fresh&& fresh) {
    const std::uint32_t elapsed = now - began_;
    const unsigned next = 1 - current_.load(std::memory_order_relaxed);
    if (!next_is_fresh_ && elapsed >= kPeriod - kAhead) {
      own_[next].set(fresh());
      next_is_fresh_ = true;
      ++version_;
    }
    if (elapsed < kPeriod) return;
    current_.store(next, std::memory_order_release);  // pairs with cookie()
    next_is_fresh_ = false;
    began_ = now;
  }
  SipKey own(unsigned number) const { return own_[number].get(); }
  // Goes up when a secret of ours was replaced.
  std::uint64_t version() const { return version_; }
  void set_peers(unsigned number, const SipKey& key) { peers_[number % kSecrets].set(key); }

 private:
  class Secret {
   public:
    void set(const SipKey& key) {
      for (unsigned i = 0; i < 2; ++i) word_[i].store(key.word[i], std::memory_order_relaxed);
    }
    SipKey get() const {
      return {{word_[0].load(std::memory_order_relaxed), word_[1].load(std::memory_order_relaxed)}};
    }

   private:
    std::array<std::atomic<std::uint64_t>, 2> word_{};
  };

  std::array<Secret, kSecrets> own_;
  std::array<Secret, kSecrets> peers_;
  std::atomic<unsigned> current_{0};
  std::uint32_t began_;  // when the current one came into use
  bool next_is_fresh_ = false;
  std::uint64_t version_ = 0;
};

}  // namespace lb
