// The words that stand for a choice in the configuration file, in one table each: what the parser
// knows, what the printer writes, what a message offers.
#pragma once

#include <array>
#include <span>
#include <string_view>

#include "config/model.h"

namespace lb::config {

template <typename E>
struct Word {
  std::string_view text;
  E value;
};

inline constexpr auto kMemoryWords = std::to_array<Word<Memory>>({
    {"hugepages", Memory::kHugepages},
    {"no-huge", Memory::kNoHuge},
});
inline constexpr auto kIdleWords = std::to_array<Word<Idle>>({
    {"adaptive", Idle::kAdaptive},
    {"poll", Idle::kPoll},
});
inline constexpr auto kProtocolWords = std::to_array<Word<Protocol>>({
    {"tcp", Protocol::kTcp},
    {"udp", Protocol::kUdp},
});
inline constexpr auto kModeWords = std::to_array<Word<Mode>>({
    {"nat", Mode::kNat},
    {"dr", Mode::kDr},
});
inline constexpr auto kSchedulerWords = std::to_array<Word<Scheduler>>({
    {"rr", Scheduler::kRr},
    {"wrr", Scheduler::kWrr},
    {"lc", Scheduler::kLc},
    {"wlc", Scheduler::kWlc},
    {"sh", Scheduler::kSh},
    {"dh", Scheduler::kDh},
    {"mh", Scheduler::kMh},
    {"sed", Scheduler::kSed},
    {"nq", Scheduler::kNq},
    {"fo", Scheduler::kFo},
    {"ovf", Scheduler::kOvf},
});
inline constexpr auto kOnServerDownWords = std::to_array<Word<OnServerDown>>({
    {"reset", OnServerDown::kReset},
    {"keep", OnServerDown::kKeep},
    {"quiesce", OnServerDown::kQuiesce},
});
inline constexpr auto kMailTlsWords = std::to_array<Word<MailTls>>({
    {"starttls", MailTls::kStarttls},
    {"tls", MailTls::kTls},
    {"none", MailTls::kNone},
});
inline constexpr auto kCheckTypeWords = std::to_array<Word<CheckType>>({
    {"tcp", CheckType::kTcp},
    {"http", CheckType::kHttp},
    {"https", CheckType::kHttps},
    {"ping", CheckType::kPing},
    {"send_expect", CheckType::kSendExpect},
    {"smtp", CheckType::kSmtp},
    {"ftp", CheckType::kFtp},
    {"imap", CheckType::kImap},
    {"imaps", CheckType::kImaps},
    {"pop3", CheckType::kPop3},
    {"pop3s", CheckType::kPop3s},
    {"redis", CheckType::kRedis},
    {"ldap", CheckType::kLdap},
    {"mysql", CheckType::kMysql},
    {"pgsql", CheckType::kPgsql},
    {"udp", CheckType::kUdp},
    {"dns", CheckType::kDns},
    {"script", CheckType::kScript},
    {"none", CheckType::kNone},
});
inline constexpr auto kScriptStyleWords = std::to_array<Word<ScriptStyle>>({
    {"plain", ScriptStyle::kPlain},
    {"nagios", ScriptStyle::kNagios},
});
inline constexpr auto kDnsTypeWords = std::to_array<Word<DnsType>>({
    {"A", DnsType::kA},
    {"AAAA", DnsType::kAaaa},
    {"MX", DnsType::kMx},
    {"NS", DnsType::kNs},
    {"PTR", DnsType::kPtr},
    {"SOA", DnsType::kSoa},
    {"SRV", DnsType::kSrv},
    {"TXT", DnsType::kTxt},
});

template <typename E, std::size_t N>
constexpr std::string_view text_of(const std::array<Word<E>, N>& words, E value) {
  for (const Word<E>& word : words) {
    if (word.value == value) return word.text;
  }
  return {};
}

constexpr std::string_view to_text(Memory v) {
  return text_of(kMemoryWords, v);
}
constexpr std::string_view to_text(Idle v) {
  return text_of(kIdleWords, v);
}
constexpr std::string_view to_text(Protocol v) {
  return text_of(kProtocolWords, v);
}
constexpr std::string_view to_text(Mode v) {
  return text_of(kModeWords, v);
}
constexpr std::string_view to_text(Scheduler v) {
  return text_of(kSchedulerWords, v);
}
constexpr std::string_view to_text(OnServerDown v) {
  return text_of(kOnServerDownWords, v);
}
constexpr std::string_view to_text(MailTls v) {
  return text_of(kMailTlsWords, v);
}
constexpr std::string_view to_text(CheckType v) {
  return text_of(kCheckTypeWords, v);
}
constexpr std::string_view to_text(ScriptStyle v) {
  return text_of(kScriptStyleWords, v);
}
constexpr std::string_view to_text(DnsType v) {
  return text_of(kDnsTypeWords, v);
}

}  // namespace lb::config
