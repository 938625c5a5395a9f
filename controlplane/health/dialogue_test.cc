#include "controlplane/health/dialogue.h"

#include <gtest/gtest.h>

#include <fstream>

namespace lb::health {
namespace {

using config::CheckType;
using Kind = Move::Kind;
using namespace std::string_literals;

Request request_of(CheckType type) {
  Request request;
  request.type = type;
  return request;
}

// Plays the server: hands over its answers one after the other, and keeps what was said to it.
struct Play {
  explicit Play(const Request& request)
      : dialogue(std::move(make_dialogue(request, patterns).value())) {}
  explicit Play(CheckType type) : Play(request_of(type)) {}

  // The first move that is no wish to send.
  Move receive(const std::string& bytes) {
    received += bytes;
    Move move = dialogue->next(received);
    while (move.kind == Kind::kSend) {
      said += move.text;
      move = dialogue->next(received);
    }
    return move;
  }

  // The same, however TCP cuts it.
  Move receive_bytewise(const std::string& bytes) {
    Move move = receive("");
    for (const char c : bytes) {
      if (move.kind == Kind::kGood || move.kind == Kind::kBad) break;
      move = receive(std::string(1, c));
    }
    return move;
  }

  Patterns patterns;
  std::unique_ptr<Dialogue> dialogue;
  std::string received;
  std::string said;
};

void expect_good(CheckType type, const std::string& answers, const std::string& code) {
  Play play(type);
  const Move move = play.receive_bytewise(answers);
  EXPECT_EQ(move.kind, Kind::kGood) << answers;
  EXPECT_EQ(move.text, code);
}

void expect_bad(CheckType type, const std::string& answers, const std::string& result) {
  Play play(type);
  const Move move = play.receive_bytewise(answers);
  EXPECT_EQ(move.kind, Kind::kBad) << answers;
  EXPECT_EQ(move.text, result);
}

TEST(Dialogue, SmtpGreetsAndIsGreeted) {
  Play play(CheckType::kSmtp);
  EXPECT_EQ(play.receive("").kind, Kind::kWait);
  EXPECT_EQ(play.said, "");
  EXPECT_EQ(play.receive("220-first\r\n").kind, Kind::kWait);
  EXPECT_EQ(play.receive("220 mail.example ESMTP\r\n").kind, Kind::kWait);
  EXPECT_EQ(play.said, "EHLO localhost\r\n");
  const Move last = play.receive("250-mail.example\r\n250-SIZE\r\n250 HELP\r\n");
  EXPECT_EQ(last.kind, Kind::kGood);
  EXPECT_EQ(last.text, "L7OK/250");
  EXPECT_EQ(last.farewell, "QUIT\r\n");
}

TEST(Dialogue, ShowsBadReplyCodes) {
  expect_bad(CheckType::kSmtp, "421 4.3.2 closing\r\n", "L7STS/421 4.3.2 closing");
  expect_bad(CheckType::kSmtp, "220 a\r\n502 no\r\n", "L7STS/502 no");
  expect_bad(CheckType::kFtp, "HTTP/1.1 400\r\n", "L7RSP unexpected answer: HTTP/1.1 400");
  expect_good(CheckType::kFtp, "220-hello\r\n anything\r\n220 ready\r\n", "L7OK/220");
}

TEST(Dialogue, MailboxesSendOneLine) {
  expect_good(CheckType::kImap, "* OK [CAPABILITY IMAP4rev1] ready\r\n", "L7OK");
  expect_good(CheckType::kPop3, "+OK ready\r\n", "L7OK");
  expect_bad(CheckType::kImaps, "* BYE too many\r\n", "L7STS * BYE too many");
  expect_bad(CheckType::kPop3s, "-ERR busy\r\n", "L7STS -ERR busy");
  expect_bad(CheckType::kPop3, "220 x\r\n", "L7RSP unexpected answer: 220 x");
}

TEST(Dialogue, RedisLogsInAndPings) {
  expect_good(CheckType::kRedis, "+PONG\r\n", "L7OK");
  expect_bad(CheckType::kRedis, "-LOADING wait\r\n", "L7STS -LOADING wait");

  const std::string path = testing::TempDir() + "redis.password";
  std::ofstream(path) << "se cret\n";
  Request request = request_of(CheckType::kRedis);
  request.password_file = path;
  Play play(request);
  play.receive("");
  EXPECT_EQ(play.said, "*2\r\n$4\r\nAUTH\r\n$7\r\nse cret\r\n");
  EXPECT_EQ(play.receive("+OK\r\n+PONG\r\n").kind, Kind::kGood);

  request.password_file = "/nowhere/password";
  Patterns patterns;
  EXPECT_EQ(make_dialogue(request, patterns).error().message,
            "password_file /nowhere/password cannot be opened: No such file or directory");
}

TEST(Dialogue, LdapReportsTheResultOfTheBind) {
  expect_good(CheckType::kLdap, "\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00"s,
              "L7OK");
  // A long form of the length, code 49.
  expect_bad(CheckType::kLdap,
             "\x30\x84\x00\x00\x00\x0e\x02\x01\x01\x61\x09\x0a\x01\x31\x04\x00"
             "\x04\x02no"s,
             "L7STS/49 no");
  expect_bad(CheckType::kLdap, "220 x\r\n", "L7RSP not LDAP");
  expect_bad(CheckType::kLdap, "\x30\x03\x02\x01\x01"s, "L7RSP not a bind response");
}

std::string mysql_packet(char number, const std::string& payload) {
  return std::string{static_cast<char>(payload.size()), '\0', '\0', number} + payload;
}

TEST(Dialogue, MysqlGreetsWithItsVersion) {
  const std::string greeting = mysql_packet(0,
                                            "\x0a"
                                            "8.0.1\0"
                                            "rest of it"s);
  expect_good(CheckType::kMysql, greeting, "L7OK/8.0.1");
  expect_bad(CheckType::kMysql, mysql_packet(0, "\xff\x69\x04Host is blocked"s),
             "L7STS/1129 Host is blocked");
  expect_bad(CheckType::kMysql, "HTTP/1.1 400 Bad Request\r\n", "L7RSP not MySQL");

  Request request = request_of(CheckType::kMysql);
  request.username = "probe";
  Play play(request);
  EXPECT_EQ(play.receive(greeting).kind, Kind::kWait);
  EXPECT_NE(play.said.find("probe\0\0mysql_native_password\0"s), std::string::npos);
  play.said.clear();
  EXPECT_EQ(play.receive(mysql_packet(2,
                                      "\xfe"
                                      "caching_sha2_password\0salt"s))
                .kind,
            Kind::kWait);
  EXPECT_EQ(play.said, "\0\0\0\3"s);
  EXPECT_EQ(play.receive(mysql_packet(4, "\0\0\0\2\0\0\0"s)).text, "L7OK/8.0.1");
}

std::string pgsql_message(char type, const std::string& body) {
  return std::string{type, '\0', '\0', '\0', static_cast<char>(body.size() + 4)} + body;
}

TEST(Dialogue, PgsqlAcceptsAPasswordRequestOrAnUnknownRole) {
  const std::string unknown = pgsql_message('E', "SFATAL\0C28000\0Mno such role\0\0"s);
  expect_good(CheckType::kPgsql, pgsql_message('R', "\0\0\0\5salt"s), "L7OK");
  expect_good(CheckType::kPgsql, unknown, "L7OK/28000");
  expect_bad(CheckType::kPgsql, pgsql_message('E', "SFATAL\0C57P03\0Mstarting up\0\0"s),
             "L7STS/57P03 starting up");
  expect_bad(CheckType::kPgsql, "+OK\r\n", "L7RSP not PostgreSQL");

  Request request = request_of(CheckType::kPgsql);
  request.username = "probe";
  request.database = "shop";
  Play play(request);
  EXPECT_EQ(play.receive(unknown).text, "L7STS/28000 no such role");
  EXPECT_NE(play.said.find("user\0probe\0database\0shop\0\0"s), std::string::npos);
}

TEST(Dialogue, SendExpectMatchesAnywhere) {
  Request request = request_of(CheckType::kSendExpect);
  request.send = "PING\n";
  request.expect = "^\\+PO.G";
  Play play(request);
  EXPECT_EQ(play.receive("+PO").kind, Kind::kWait);
  EXPECT_EQ(play.said, "PING\n");
  EXPECT_EQ(play.receive("NG").kind, Kind::kGood);
}

TEST(Dialogue, AgentReportsItsWeight) {
  Play play(CheckType::kAgent);
  const Move move = play.receive("up 75%\n");
  EXPECT_EQ(move.text, "L7OK/up 75%");
  ASSERT_TRUE(move.agent);
  EXPECT_EQ(move.agent->percent, 75u);
}

TEST(Dialogue, AgentSkipsWordsThatItDoesNotKnow) {
  expect_good(CheckType::kAgent, "down disk full\n", "L7OK/down disk full");
  expect_bad(CheckType::kAgent, "hello\n", "L7RSP unexpected answer: hello");
  expect_bad(CheckType::kAgent, "\nup\n", "L7RSP unexpected answer: ");
  Play play(CheckType::kAgent);
  EXPECT_EQ(play.receive("hello\n").agent, AgentReport{});
}

TEST(Dialogue, AgentEndsItsLineInAnyWay) {
  for (const std::string& line :
       {"DRAIN \r\n"s, "DRAIN\n\n"s, "DRAIN\0"s, "DRAIN\r"s, "DRAIN\nup maint\n"s}) {
    Play play(CheckType::kAgent);
    const Move move = play.receive_bytewise(line);
    EXPECT_EQ(move.kind, Kind::kGood) << line;
    EXPECT_EQ(move.agent, parse_agent_line("drain")) << line;
  }
  Play play(CheckType::kAgent);
  EXPECT_EQ(play.receive("150% up").kind, Kind::kWait);
  const Move move = play.dialogue->at_close(play.received);
  EXPECT_EQ(move.text, "L7OK/150% up");
  EXPECT_EQ(move.agent, parse_agent_line("150% up"));
  EXPECT_EQ(Play(CheckType::kAgent).dialogue->at_close("").kind, Kind::kWait);
  EXPECT_EQ(Play(CheckType::kPop3).dialogue->at_close("+OK").kind, Kind::kWait);
}

}  // namespace
}  // namespace lb::health
