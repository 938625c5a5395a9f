// The start of a session with PostgreSQL: StartupMessage and the first answer.
#include <utility>

#include "controlplane/health/dialogues.h"

namespace lb::health {
namespace {

constexpr std::size_t kPgsqlHeaderBytes = 5;  // type and length
constexpr std::size_t kMostPgsqlBytes = 16'384;
constexpr std::string_view kTerminate{"X\x00\x00\x00\x04", 5};
constexpr const char* kAnyUser = "ballast";

std::string in_4_bytes(std::size_t value) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
  return out;
}

std::string startup(const std::string& user, const std::string& database) {
  std::string body = in_4_bytes(3 << 16);  // protocol 3.0
  body += std::string("user") + '\0' + user + '\0';
  if (!database.empty()) body += std::string("database") + '\0' + database + '\0';
  body += '\0';
  return in_4_bytes(body.size() + 4) + body;
}

// A field of an ErrorResponse: 'C' is the SQLSTATE, 'M' the message.
std::string field(std::string_view fields, char wanted) {
  while (!fields.empty() && fields[0] != '\0') {
    const std::size_t end = fields.find('\0');
    if (fields[0] == wanted) return std::string(fields.substr(1, end - 1));
    if (end == std::string_view::npos) break;
    fields.remove_prefix(end + 1);
  }
  return {};
}

class Pgsql final : public Dialogue {
 public:
  Pgsql(std::string username, std::string database)
      : username_(std::move(username)), database_(std::move(database)) {}

  Move next(std::string& received) override {
    if (!asked_) {
      asked_ = true;
      return send_bytes(startup(username_.empty() ? kAnyUser : username_, database_));
    }
    if (received.empty()) return wait_for_more();
    const char type = received[0];
    // R: Authentication..., E: ErrorResponse, v: NegotiateProtocolVersion
    if (type != 'R' && type != 'E') return bad_answer("L7RSP not PostgreSQL");
    if (received.size() < kPgsqlHeaderBytes) return wait_for_more();
    std::size_t length = 0;
    for (std::size_t i = 1; i < kPgsqlHeaderBytes; ++i) {
      length = length << 8 | static_cast<std::uint8_t>(received[i]);
    }
    if (length < 4 || length > kMostPgsqlBytes) return bad_answer("L7RSP not PostgreSQL");
    if (received.size() < 1 + length) return wait_for_more();
    if (type == 'R') return good_answer("L7OK", std::string(kTerminate));
    return refused(std::string_view(received).substr(kPgsqlHeaderBytes, length - 4));
  }

 private:
  Move refused(std::string_view fields) const {
    const std::string state = field(fields, 'C');
    // Without a configured user, a server that does not know ours is up: 28 is "you are not
    // allowed", 3D "there is no such database". One that starts, stops or is full is not.
    if (username_.empty() && (state.starts_with("28") || state.starts_with("3D"))) {
      return good_answer("L7OK/" + shown(state));
    }
    return bad_answer("L7STS/" + shown(state) + " " + shown(field(fields, 'M')));
  }

  std::string username_;
  std::string database_;
  bool asked_ = false;
};

}  // namespace

std::unique_ptr<Dialogue> make_pgsql_dialogue(const std::string& username,
                                              const std::string& database) {
  return std::make_unique<Pgsql>(username, database);
}

}  // namespace lb::health
