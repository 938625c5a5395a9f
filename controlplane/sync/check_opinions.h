// What two directors tell each other of their health checks: by which names they know real servers,
// and the messages' way to plain values and back. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/base/address.h"

namespace lb::sync {
class CheckAnswer;
class CheckQuestion;
}  // namespace lb::sync

namespace lb::controlplane::sync {

// Of one question: it stays far below the limit of a message.
inline constexpr std::size_t kMaxCheckKeys = 1'000;

struct CheckKey {
  std::string service;  // ServiceKey::to_string(): the same on both directors, whatever its name
  Endpoint server;
  bool operator==(const CheckKey&) const = default;
};

// What a director's own checks say of a real server.
enum class CheckOpinion : std::uint8_t { kUnknown, kUp, kDown };

using CheckKeys = std::vector<CheckKey>;
using CheckOpinions = std::vector<CheckOpinion>;  // in the order of the keys
using OnCheckOpinions = std::function<void(const CheckOpinions&)>;

void write(const CheckKeys& keys, lb::sync::CheckQuestion& question);
void write(const CheckOpinions& opinions, lb::sync::CheckAnswer& answer);
// Nothing: it is malformed.
std::optional<CheckKeys> read(const lb::sync::CheckQuestion& question);
// What a later release may say beside up and down is unknown.
std::optional<CheckOpinions> read(const lb::sync::CheckAnswer& answer, std::size_t asked);

}  // namespace lb::controlplane::sync
