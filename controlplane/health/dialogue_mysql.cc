// The start of MySQL's client/server protocol: greeting, login without a password.
#include <utility>

#include "controlplane/health/dialogues.h"

namespace lb::health {
namespace {

constexpr std::size_t kMysqlHeaderBytes = 4;
constexpr std::size_t kMostMysqlBytes = 4096;  // of a packet at the start of a session
constexpr std::uint8_t kOk = 0x00;
constexpr std::uint8_t kError = 0xff;
constexpr std::uint8_t kAuthSwitch = 0xfe;
constexpr std::uint8_t kProtocol10 = 10;
// CLIENT_LONG_PASSWORD, PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH
constexpr std::uint32_t kCapabilities = 0x1 | 0x200 | 0x8000 | 0x80000;
constexpr char kUtf8 = 33;
constexpr std::string_view kQuit{"\x01\x00\x00\x00\x01", 5};

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint8_t>(bytes[at]);
}

std::string packet(std::uint8_t number, const std::string& payload) {
  std::string out;
  out += static_cast<char>(payload.size() & 0xff);
  out += static_cast<char>(payload.size() >> 8);
  out += '\0';
  out += static_cast<char>(number);
  return out + payload;
}

std::string login(const std::string& username) {
  std::string payload;
  for (int shift = 0; shift < 32; shift += 8) {
    payload += static_cast<char>(kCapabilities >> shift & 0xff);
  }
  payload += std::string("\0\0\0\1", 4);  // the largest packet: 16 MiB
  payload += kUtf8;
  payload += std::string(23, '\0');
  payload += username + '\0';
  payload += '\0';  // no password
  payload += std::string("mysql_native_password") + '\0';
  return payload;
}

// "1045 Access denied for user ..."
Move error_packet(std::string_view payload) {
  if (payload.size() < 3) return bad_answer("L7RSP malformed error");
  const unsigned code = byte_at(payload, 1) | unsigned{byte_at(payload, 2)} << 8;
  payload.remove_prefix(3);
  if (payload.starts_with('#') && payload.size() >= 6) payload.remove_prefix(6);  // SQLSTATE
  return bad_answer("L7STS/" + std::to_string(code) + " " + shown(payload));
}

class Mysql final : public Dialogue {
 public:
  explicit Mysql(std::string username) : username_(std::move(username)) {}

  Move next(std::string& received) override {
    if (received.size() < kMysqlHeaderBytes) return wait_for_more();
    const std::size_t length = byte_at(received, 0) | std::size_t{byte_at(received, 1)} << 8 |
                               std::size_t{byte_at(received, 2)} << 16;
    if (length == 0 || length > kMostMysqlBytes) return bad_answer("L7RSP not MySQL");
    if (received.size() < kMysqlHeaderBytes + length) return wait_for_more();
    const std::uint8_t number = byte_at(received, 3);
    const std::string payload = received.substr(kMysqlHeaderBytes, length);
    received.erase(0, kMysqlHeaderBytes + length);
    const std::uint8_t kind = byte_at(payload, 0);
    if (kind == kError) return error_packet(payload);
    if (version_.empty()) return greeting(payload, number);
    if (kind == kOk) return good_answer("L7OK/" + version_, std::string(kQuit));
    // Another authentication method; without a password each of them accepts an empty answer.
    if (kind == kAuthSwitch) return send_bytes(packet(static_cast<std::uint8_t>(number + 1), ""));
    return bad_answer("L7RSP the server requires a password");
  }

 private:
  Move greeting(const std::string& payload, std::uint8_t number) {
    const std::size_t end = payload.find('\0', 1);
    if (byte_at(payload, 0) != kProtocol10 || number != 0 || end == std::string::npos) {
      return bad_answer("L7RSP not MySQL");
    }
    version_ = shown(std::string_view(payload).substr(1, end - 1));
    if (username_.empty()) return good_answer("L7OK/" + version_);
    return send_bytes(packet(1, login(username_)));
  }

  std::string username_;
  std::string version_;  // from the greeting
};

}  // namespace

std::unique_ptr<Dialogue> make_mysql_dialogue(const std::string& username) {
  return std::make_unique<Mysql>(username);
}

}  // namespace lb::health
