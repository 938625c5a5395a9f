// What is kept of a connection that a SYN proxy opened, beside its record, by the index of the record. Only for tables that have been given the memory (ConnTable::set_proxied()).
#pragma once

#include <atomic>
#include <cstdint>

#include "dataplane/packet/syn_cookie.h"
#include "dataplane/packet/tcp_translate.h"

namespace lb {

// What the client was promised and has offered. Written before the record is published; read until the
// server has answered, when SYNs to it are repeated.
struct ProxiedClient {
  std::uint32_t isn = 0;
  std::uint32_t cookie = 0;           // the director's initial sequence number towards it
  std::uint32_t timestamp_value = 0;  // its last
  std::uint32_t timestamp_echo = 0;   // the director's, as it came back
  std::uint16_t window = 0;           // the field of its first ACK
  std::uint16_t mss = 0;
  std::uint8_t window_scale = kNoWindowScale;
  bool sack = false;
  bool timestamps = false;

  bool operator==(const ProxiedClient&) const = default;
};

struct ProxiedConn {
  ProxiedClient client;

  // All zeros until the server has answered: then numbers pass as they are. Written before the state
  // leaves SYN_SENT, and when the two ends themselves open another connection on the same record.
  // Acquire and release: for ConnTable::read().
  TcpTranslation translation() const {
    const std::uint64_t numbers = numbers_.load(std::memory_order_acquire);
    return {static_cast<std::uint32_t>(numbers), static_cast<std::uint32_t>(numbers >> 32),
            TcpTranslationForm::of_word(form_.load(std::memory_order_acquire))};
  }
  void set(const TcpTranslation& translation) {
    numbers_.store(translation.seq | std::uint64_t{translation.timestamp} << 32,
                   std::memory_order_release);
    form_.store(translation.form.word(), std::memory_order_release);
  }

 private:
  std::atomic<std::uint64_t> numbers_{0};
  std::atomic<std::uint16_t> form_{0};
};

}  // namespace lb
