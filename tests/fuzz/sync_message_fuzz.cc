// Any bytes as what a peer that knows the key sends over the sync link: frames with messages, of
// which batches and acknowledgements go where they always go. None is trusted about a number that
// is not due, and what waits stays within its bound. Of heartbeats and services what is taken is what
// the failover relies on.
#include <boost/asio/io_context.hpp>
#include <string_view>

#include "controlplane/failover/peer_groups.h"
#include "controlplane/failover/service_differences.h"
#include "controlplane/sync/check_opinions.h"
#include "controlplane/sync/mirror.h"
#include "controlplane/sync/sync.pb.h"
#include "dataplane/api/frame.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/quiet.h"

namespace {

using lb::controlplane::sync::Mirror;
using lb::controlplane::sync::Refusal;

const lb::fuzz::Quiet kQuiet;

class Session {
 public:
  Session()
      : mirror_(io_, "/nonexistent/ballast-fuzz.sock",
                {.send = [](const lb::sync::Message&) {},
                 .refuse = [this](Refusal, const std::string&) { refused_ = true; },
                 .reset = [](const std::string&) {},
                 .progress = [] {}}) {
    mirror_.up({"wan", "lan"});
  }

  // False: the session is over.
  bool receive(std::string_view bytes) {
    lb::sync::Message message;
    if (!lb::api::from_bytes(bytes, message)) return false;
    if (message.has_batch()) {
      mirror_.on_batch(message.batch());
      if (!refused_) LB_FUZZ_CHECK(message.batch().number() == ++batches_);
    } else if (message.has_ack()) {
      mirror_.on_ack(message.ack());
      LB_FUZZ_CHECK(refused_);  // nothing was sent that could be acknowledged
    } else if (message.has_check_question()) {
      receive(message.check_question());
    } else if (message.has_check_answer()) {
      receive(message.check_answer());
    } else if (message.has_heartbeat()) {
      receive(message.heartbeat());
    } else if (message.has_services()) {
      receive(message.services());
    }
    LB_FUZZ_CHECK(!mirror_.complete());  // no data plane has taken anything
    return !refused_;
  }

 private:
  // What is read is within its bounds, and says the same when it is written again.
  void receive(const lb::sync::CheckQuestion& question) {
    const auto keys = lb::controlplane::sync::read(question);
    refused_ = !keys;
    if (!keys) return;
    LB_FUZZ_CHECK(keys->size() <= lb::controlplane::sync::kMaxCheckKeys);
    lb::sync::CheckQuestion again;
    lb::controlplane::sync::write(*keys, again);
    LB_FUZZ_CHECK(lb::controlplane::sync::read(again) == keys);
  }

  // As if two keys had been asked about.
  void receive(const lb::sync::CheckAnswer& answer) {
    const auto words = lb::controlplane::sync::read(answer, 2);
    refused_ = !words;
    LB_FUZZ_CHECK(!words || words->size() == 2);
  }

  void receive(const lb::sync::Heartbeat& heartbeat) {
    const auto groups = lb::controlplane::peer_groups(heartbeat);
    refused_ = !groups;
    if (!groups) return;
    LB_FUZZ_CHECK(groups->size() <= static_cast<std::size_t>(heartbeat.groups_size()));
    for (const auto& [name, group] : *groups) {
      LB_FUZZ_CHECK(group.vrrp.alive && group.vrrp.state <= lb::vrrp::State::kFault);
      LB_FUZZ_CHECK(group.sees <= lb::vrrp::State::kFault);
      LB_FUZZ_CHECK(group.programs <= lb::controlplane::Programs::kStopFailed);
    }
  }

  void receive(const lb::sync::Services& services) {
    const auto theirs = lb::controlplane::texts_of(services);
    lb::sync::Services again;
    lb::controlplane::write(theirs, again);
    LB_FUZZ_CHECK(lb::controlplane::differences(theirs, lb::controlplane::texts_of(again)).empty());
    LB_FUZZ_CHECK(lb::controlplane::differences({}, theirs).size() == theirs.size());
  }

  boost::asio::io_context io_;
  bool refused_ = false;
  std::uint64_t batches_ = 0;
  Mirror mirror_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  Session session;
  while (bytes.size() >= lb::api::kFramePrefixBytes) {
    lb::api::FramePrefix prefix{};
    for (std::size_t i = 0; i < prefix.size(); ++i)
      prefix[i] = static_cast<unsigned char>(bytes[i]);
    const std::size_t length = lb::api::decode_prefix(prefix);
    bytes.remove_prefix(prefix.size());
    if (length > bytes.size() || !session.receive(bytes.substr(0, length))) break;
    bytes.remove_prefix(length);
  }
  return 0;
}
