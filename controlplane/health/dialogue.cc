#include "controlplane/health/dialogue.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <utility>
#include <vector>

#include "controlplane/health/dialogues.h"
#include "controlplane/health/outcome.h"
#include "controlplane/os/learnt_files.h"

namespace lb::health {
namespace {

constexpr std::size_t kMaxPasswordBytes = 4096;

using config::CheckType;

constexpr std::size_t kMostShown = 80;

// The first line, taken out of `received` with its end; nullopt: it is not complete.
std::optional<std::string> take_line(std::string& received) {
  const std::size_t end = received.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = received.substr(0, end);
  if (line.ends_with('\r')) line.pop_back();
  received.erase(0, end + 1);
  return line;
}

// A reply of SMTP or FTP (RFC 5321, 959): "250-more", "250 last".
struct Turn {
  std::string send;
  std::string code;  // of the reply that is good
};

class ReplyCodes final : public Dialogue {
 public:
  ReplyCodes(std::vector<Turn> turns, std::string farewell)
      : turns_(std::move(turns)), farewell_(std::move(farewell)) {}

  Move next(std::string& received) override {
    Turn& turn = turns_[at_];
    if (!turn.send.empty()) return send_bytes(std::exchange(turn.send, {}));
    while (const auto line = take_line(received)) {
      if (line->size() < 3 || line->find_first_not_of("0123456789") < 3) {
        // Within a reply of several lines FTP may send anything.
        if (!code_.empty()) continue;
        return bad_answer("L7RSP unexpected answer: " + shown(*line));
      }
      const std::string code = line->substr(0, 3);
      const bool more = line->size() > 3 && (*line)[3] == '-';
      if (code_.empty()) code_ = code;
      if (more || code != code_) continue;
      code_.clear();
      if (code != turn.code) return bad_answer("L7STS/" + code + " " + shown(line->substr(3)));
      if (++at_ == turns_.size()) return good_answer("L7OK/" + code, farewell_);
      return next(received);
    }
    return wait_for_more();
  }

 private:
  std::vector<Turn> turns_;
  std::string farewell_;
  std::size_t at_ = 0;
  std::string code_;  // of the reply that has begun
};

// One line, evaluated by its beginning.
struct Prefixes {
  std::string send;
  std::vector<std::string> good;
  std::vector<std::string> bad;  // what the protocol sends on failure
};

class Lines final : public Dialogue {
 public:
  Lines(std::vector<Prefixes> turns, std::string farewell)
      : turns_(std::move(turns)), farewell_(std::move(farewell)) {}

  Move next(std::string& received) override {
    Prefixes& turn = turns_[at_];
    if (!turn.send.empty()) return send_bytes(std::exchange(turn.send, {}));
    const auto line = take_line(received);
    if (!line) return wait_for_more();
    const auto begins = [&](const std::vector<std::string>& all) {
      for (const std::string& each : all) {
        if (line->starts_with(each)) return true;
      }
      return false;
    };
    if (begins(turn.good)) {
      if (++at_ == turns_.size()) return good_answer("L7OK", farewell_);
      return next(received);
    }
    return bad_answer((begins(turn.bad) ? "L7STS " : "L7RSP unexpected answer: ") + shown(*line));
  }

 private:
  std::vector<Prefixes> turns_;
  std::string farewell_;
  std::size_t at_ = 0;
};

class SendExpect final : public Dialogue {
 public:
  SendExpect(std::string send, Pattern expected)
      : send_(std::move(send)), expected_(std::move(expected)) {}

  Move next(std::string& received) override {
    if (!send_.empty()) return send_bytes(std::exchange(send_, {}));
    return expected_.matches(received) ? good_answer("L7OK") : wait_for_more();
  }

 private:
  std::string send_;
  Pattern expected_;
};

// The first line counts. An agent may also close without ending it, or end it with a zero byte.
class Agent final : public Dialogue {
 public:
  explicit Agent(std::string send) : send_(std::move(send)) {}

  Move next(std::string& received) override {
    if (!send_.empty()) return send_bytes(std::exchange(send_, {}));
    const std::size_t end = received.find_first_of(std::string_view("\r\n\0", 3));
    return end == std::string::npos ? wait_for_more() : evaluate(received.substr(0, end));
  }
  Move at_close(std::string_view received) override {
    return received.empty() ? wait_for_more() : evaluate(received);
  }

 private:
  static Move evaluate(std::string_view line) {
    const auto report = parse_agent_line(line);
    Move move = report ? good_answer("L7OK/" + shown(line))
                       : bad_answer("L7RSP unexpected answer: " + shown(line));
    move.agent = report.value_or(AgentReport{});
    return move;
  }

  std::string send_;
};

// An array of byte strings, as Redis clients send commands.
std::string redis_command(std::initializer_list<std::string> words) {
  std::string out = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    out += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return out;
}

Result<std::unique_ptr<Dialogue>> make_redis(const Request& request) {
  std::vector<Prefixes> turns;
  if (!request.password_file.empty()) {
    const auto password = read_password(request.password_file);
    if (!password) return tl::make_unexpected(password.error());
    const std::string& user = request.username;
    turns.push_back({user.empty() ? redis_command({"AUTH", *password})
                                  : redis_command({"AUTH", user, *password}),
                     {"+OK"},
                     {"-"}});
  }
  turns.push_back({redis_command({"PING"}), {"+PONG"}, {"-"}});
  return std::make_unique<Lines>(std::move(turns), std::string());
}

}  // namespace

Result<std::string> read_password(const std::string& path) {
  const controlplane::LearntFile file = controlplane::find_file(path);
  if (!*file) return fail("password_file " + path + ' ' + file->error().message);
  const std::string& text = **file;
  if (text.size() > kMaxPasswordBytes)
    return fail("password_file " + path + " is larger than 4 KiB");
  std::string line = text.substr(0, text.find('\n'));
  if (line.empty()) return fail("password_file " + path + " is empty");
  return line;
}

Move wait_for_more() {
  return {};
}

Move send_bytes(std::string bytes) {
  Move move;
  move.kind = Move::Kind::kSend;
  move.text = std::move(bytes);
  return move;
}

Move good_answer(std::string code, std::string farewell) {
  Move move;
  move.kind = Move::Kind::kGood;
  move.text = std::move(code);
  move.farewell = std::move(farewell);
  return move;
}

Move bad_answer(std::string result) {
  Move move;
  move.kind = Move::Kind::kBad;
  move.text = std::move(result);
  return move;
}

std::string shown(std::string_view answer) {
  while (answer.starts_with(' ')) answer.remove_prefix(1);
  std::string out;
  for (const char c : answer.substr(0, kMostShown)) out += c >= ' ' && c <= '~' ? c : '.';
  return out;
}

Result<std::unique_ptr<Dialogue>> make_dialogue(const Request& request, Patterns& patterns) {
  switch (request.type) {
    case CheckType::kSmtp:
      return std::make_unique<ReplyCodes>(
          std::vector<Turn>{{"", "220"}, {"EHLO localhost\r\n", "250"}}, "QUIT\r\n");
    case CheckType::kFtp:
      return std::make_unique<ReplyCodes>(std::vector<Turn>{{"", "220"}}, "QUIT\r\n");
    case CheckType::kImap:
    case CheckType::kImaps:
      return std::make_unique<Lines>(
          std::vector<Prefixes>{{"", {"* OK", "* PREAUTH"}, {"* BYE", "* NO", "* BAD"}}},
          "a1 LOGOUT\r\n");
    case CheckType::kPop3:
    case CheckType::kPop3s:
      return std::make_unique<Lines>(std::vector<Prefixes>{{"", {"+OK"}, {"-ERR"}}}, "QUIT\r\n");
    case CheckType::kRedis:
      return make_redis(request);
    case CheckType::kLdap:
      return make_ldap_dialogue();
    case CheckType::kMysql:
      return make_mysql_dialogue(request.username);
    case CheckType::kPgsql:
      return make_pgsql_dialogue(request.username, request.database);
    case CheckType::kAgent:
      return std::make_unique<Agent>(request.send);
    default:
      break;
  }
  return std::make_unique<SendExpect>(request.send, patterns.get(request.expect));
}

}  // namespace lb::health
