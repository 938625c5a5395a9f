// The results of health checks that two directors exchange: names of real servers, and conversion
// between messages and plain values. Pure.
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

// In one query: far below the limit of a message.
inline constexpr std::size_t kMaxCheckKeys = 1'000;

struct CheckKey {
  std::string service;  // ServiceKey::to_string(): the same on both directors, whatever its name
  Endpoint server;
  bool operator==(const CheckKey&) const = default;
};

// The result of a director's own checks of a real server.
enum class CheckOpinion : std::uint8_t { kUnknown, kUp, kDown };

using CheckKeys = std::vector<CheckKey>;
using CheckOpinions = std::vector<CheckOpinion>;  // in the order of the keys
using OnCheckOpinions = std::function<void(const CheckOpinions&)>;

void write(const CheckKeys& keys, lb::sync::CheckQuestion& question);
void write(const CheckOpinions& opinions, lb::sync::CheckAnswer& answer);
// nullopt: it is malformed.
std::optional<CheckKeys> read(const lb::sync::CheckQuestion& question);
// Values of later releases count as unknown.
std::optional<CheckOpinions> read(const lb::sync::CheckAnswer& answer, std::size_t asked);

}  // namespace lb::controlplane::sync
