#include "controlplane/sync/check_opinions.h"

#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane::sync {
namespace {

constexpr std::size_t kMaxServiceKey = 64;

}  // namespace

void write(const CheckKeys& keys, lb::sync::CheckQuestion& question) {
  for (const CheckKey& key : keys) {
    lb::sync::CheckKey& each = *question.add_keys();
    each.set_service(key.service);
    each.set_address(to_bytes(key.server.address));
    each.set_port(key.server.port);
  }
}

void write(const CheckOpinions& opinions, lb::sync::CheckAnswer& answer) {
  for (const CheckOpinion opinion : opinions) {
    answer.add_states(opinion == CheckOpinion::kUp     ? lb::sync::CheckAnswer::UP
                      : opinion == CheckOpinion::kDown ? lb::sync::CheckAnswer::DOWN
                                                       : lb::sync::CheckAnswer::UNKNOWN);
  }
}

std::optional<CheckKeys> read(const lb::sync::CheckQuestion& question) {
  if (static_cast<std::size_t>(question.keys_size()) > kMaxCheckKeys) return std::nullopt;
  CheckKeys keys;
  for (const lb::sync::CheckKey& each : question.keys()) {
    const auto server = endpoint_from_bytes(each.address(), each.port());
    if (each.service().size() > kMaxServiceKey || !server) return std::nullopt;
    keys.push_back({each.service(), *server});
  }
  return keys;
}

std::optional<CheckOpinions> read(const lb::sync::CheckAnswer& answer, std::size_t asked) {
  if (static_cast<std::size_t>(answer.states_size()) != asked) return std::nullopt;
  CheckOpinions opinions;
  for (const int state : answer.states()) {
    opinions.push_back(state == lb::sync::CheckAnswer::UP     ? CheckOpinion::kUp
                       : state == lb::sync::CheckAnswer::DOWN ? CheckOpinion::kDown
                                                              : CheckOpinion::kUnknown);
  }
  return opinions;
}

}  // namespace lb::controlplane::sync
