// An anonymous simple bind of LDAP: RFC 4511, section 4.2, in BER.
#include <optional>

#include "controlplane/health/dialogues.h"

namespace lb::health {
namespace {

constexpr std::uint8_t kSequence = 0x30;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kEnumerated = 0x0a;
constexpr std::uint8_t kOctets = 0x04;
constexpr std::uint8_t kBindResponse = 0x61;
constexpr std::size_t kMostLengthBytes = 4;

// message 1: bindRequest version 3, name "", simple ""
constexpr std::string_view kBind{"\x30\x0c\x02\x01\x01\x60\x07\x02\x01\x03\x04\x00\x80\x00", 14};
// message 2: unbindRequest
constexpr std::string_view kUnbind{"\x30\x05\x02\x01\x02\x42\x00", 7};

// Reads tag, length and value from the front of `in`; false: not that, or not complete.
bool take(std::string_view& in, std::uint8_t tag, std::string_view& value) {
  if (in.size() < 2 || static_cast<std::uint8_t>(in[0]) != tag) return false;
  std::size_t length = static_cast<std::uint8_t>(in[1]);
  std::size_t header = 2;
  if (length >= 0x80) {
    const std::size_t bytes = length & 0x7f;
    if (bytes == 0 || bytes > kMostLengthBytes || in.size() < 2 + bytes) return false;
    length = 0;
    for (; header < 2 + bytes; ++header) {
      length = length << 8 | static_cast<std::uint8_t>(in[header]);
    }
  }
  if (in.size() - header < length) return false;
  value = in.substr(header, length);
  in.remove_prefix(header + length);
  return true;
}

class Ldap final : public Dialogue {
 public:
  Move next(std::string& received) override {
    if (!asked_) {
      asked_ = true;
      return send_bytes(std::string(kBind));
    }
    if (received.empty()) return wait_for_more();
    if (static_cast<std::uint8_t>(received[0]) != kSequence) {
      return bad_answer("L7RSP not LDAP");
    }
    std::string_view rest = received;
    std::string_view message;
    if (!take(rest, kSequence, message)) return wait_for_more();
    std::string_view field;
    std::string_view response;
    std::string_view code;
    if (!take(message, kInteger, field) || !take(message, kBindResponse, response) ||
        !take(response, kEnumerated, code) || code.size() != 1) {
      return bad_answer("L7RSP not a bind response");
    }
    std::string_view text;
    if (!take(response, kOctets, field) || !take(response, kOctets, text)) text = {};
    if (code[0] == 0) return good_answer("L7OK", std::string(kUnbind));
    return bad_answer("L7STS/" + std::to_string(static_cast<std::uint8_t>(code[0])) + " " +
                      shown(text));
  }

 private:
  bool asked_ = false;
};

}  // namespace

std::unique_ptr<Dialogue> make_ldap_dialogue() {
  return std::make_unique<Ldap>();
}

}  // namespace lb::health
