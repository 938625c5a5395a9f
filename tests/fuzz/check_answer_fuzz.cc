// Any bytes as what a real server answers to a health check, or its agent says. The dialogue comes
// to the same end however TCP cuts them; what it makes of them for people is one line. An HTTP answer
// that is read strictly is read in the same way without.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "controlplane/health/dialogue.h"
#include "controlplane/health/dns_message.h"
#include "controlplane/health/http_answer.h"
#include "tests/fuzz/input.h"

namespace {

using lb::config::CheckType;
using lb::health::Dialogue;
using lb::health::HttpAnswer;
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
  return move.kind == Kind::kWait ? dialogue->at_close(received) : move;
}

bool is_a_line(const std::string& text) {
  return text.size() < 300 &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

struct HttpRead {
  HttpRead(std::string_view answers, std::size_t piece, bool to_head, bool strict)
      : answer(to_head, strict) {
    for (; !answers.empty(); answers.remove_prefix(std::min(piece, answers.size()))) {
      answer.add(answers.substr(0, piece), body);
    }
  }
  bool good() const {
    return answer.state() == HttpAnswer::State::kBody ||
           answer.state() == HttpAnswer::State::kWhole;
  }
  bool operator==(const HttpRead& other) const {
    return answer.state() == other.answer.state() && body == other.body &&
           answer.ends_with_connection() == other.answer.ends_with_connection() &&
           (!good() || answer.status() == other.answer.status());
  }

  HttpAnswer answer;
  std::string body;
};

void hear_http(std::string_view answers, bool to_head, bool strict) {
  const HttpRead whole(answers, answers.size(), to_head, strict);
  LB_FUZZ_CHECK(whole == HttpRead(answers, 1, to_head, strict));
  LB_FUZZ_CHECK(!to_head || whole.body.empty());
  if (strict && whole.good()) {
    LB_FUZZ_CHECK(whole == HttpRead(answers, answers.size(), to_head, false));
  }
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
  if (choice % 16 == 14) {
    hear_http(answers, (choice & 32) != 0, (choice & 16) != 0);
    return 0;
  }
  const Request request = request_of(choice);
  const Move whole = play(request, answers, answers.size());
  const Move cut = play(request, answers, 1);
  LB_FUZZ_CHECK(whole.kind == cut.kind);
  LB_FUZZ_CHECK(whole.agent == cut.agent && whole.weight == cut.weight);
  if (whole.kind != Kind::kWait) LB_FUZZ_CHECK(is_a_line(whole.text) && is_a_line(cut.text));
  return 0;
}
