// Any bytes as what a real server answers to a health check, or its agent says. The dialogue comes
// to the same end however TCP cuts them; what it makes of them for people is one line.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "controlplane/health/dialogue.h"
#include "controlplane/health/dns_message.h"
#include "tests/fuzz/input.h"

namespace {

using lb::config::CheckType;
using lb::health::Dialogue;
using lb::health::Move;
using lb::health::Patterns;
using lb::health::Request;
using Kind = lb::health::Move::Kind;

constexpr std::array kTypes{CheckType::kSmtp,  CheckType::kFtp,   CheckType::kImap,
                            CheckType::kPop3,  CheckType::kRedis, CheckType::kLdap,
                            CheckType::kMysql, CheckType::kPgsql, CheckType::kSendExpect,
                            CheckType::kAgent};
constexpr int kMostMoves = 100;  // between two answers

Request request_of(std::uint8_t choice) {
  Request request;
  request.type = kTypes[choice % kTypes.size()];
  // The second half with a user: more is said.
  if (choice >= 128) request.username = "probe";
  if (request.type == CheckType::kSendExpect) {
    request.send = "PING\r\n";
    request.expect = "PON+G";
  }
  return request;
}

// Says until it waits or has come to its end.
Move talk(Dialogue& dialogue, std::string& received) {
  Move move = dialogue.next(received);
  for (int moves = 0; move.kind == Kind::kSend; ++moves) {
    LB_FUZZ_CHECK(moves < kMostMoves);
    move = dialogue.next(received);
  }
  return move;
}

Move play(const Request& request, std::string_view answers, std::size_t piece) {
  Patterns patterns;
  const auto dialogue = std::move(lb::health::make_dialogue(request, patterns).value());
  std::string received;
  Move move = talk(*dialogue, received);
  while (move.kind == Kind::kWait && !answers.empty()) {
    received += answers.substr(0, piece);
    answers.remove_prefix(std::min(piece, answers.size()));
    move = talk(*dialogue, received);
  }
  return move;
}

bool is_a_line(const std::string& text) {
  return text.size() < 300 &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

void hear_dns(lb::fuzz::Input input) {
  const std::uint16_t id = input.word();
  const auto bytes = input.rest(4096);
  const std::string_view message(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const auto answer =
      lb::health::parse_dns_answer(message, id, lb::Address::parse("10.0.0.1").value());
  if (answer) LB_FUZZ_CHECK(is_a_line(lb::health::rcode_text(answer->rcode)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::fuzz::Input input(data, size);
  const std::uint8_t choice = input.byte();
  if (choice % 16 == 15) {
    hear_dns(input);
    return 0;
  }
  const auto bytes = input.rest(4096);
  const std::string_view answers(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const Request request = request_of(choice);
  const Move whole = play(request, answers, answers.size());
  const Move cut = play(request, answers, 1);
  LB_FUZZ_CHECK(whole.kind == cut.kind);
  LB_FUZZ_CHECK(whole.agent == cut.agent && whole.weight == cut.weight);
  if (whole.kind != Kind::kWait) LB_FUZZ_CHECK(is_a_line(whole.text) && is_a_line(cut.text));
  return 0;
}
