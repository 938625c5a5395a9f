#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "config/import/ipvsadm.h"

namespace lb::importer {
namespace {

std::vector<std::string_view> split_columns(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t begin = 0; begin < line.size();) {
    begin = line.find_first_not_of(" \t\r", begin);
    if (begin == std::string_view::npos) break;
    const std::size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
    words.push_back(line.substr(begin, end - begin));
    begin = end;
  }
  return words;
}

}  // namespace

bool IpvsadmTable::read(const std::string& line, const Place& place) {
  const std::vector<std::string_view> words = split_columns(line);
  if (words.empty()) return true;
  if (line.starts_with("IP Virtual Server") || words[0] == "Prot") return state_.recognized = true;
  if (words[0] == "->") {
    if (words.size() > 1 && words[1].starts_with("RemoteAddress")) {
      forwards_ = std::find(words.begin(), words.end(), "Forward") != words.end();
      if (!forwards_) {
        context_.note(Severity::kError, place, "table", "it has no columns Forward and Weight",
                      "its servers are left out; import what `ipvsadm -S -n` prints");
      }
    } else {
      server(words, place);
    }
    return true;
  }
  if (service(words, place)) return state_.recognized = true;
  return other(line, place);
}

bool IpvsadmTable::service(const std::vector<std::string_view>& words, const Place& place) {
  IpvsService out;
  out.protocol = words[0] == "TCP"    ? "tcp"
                 : words[0] == "UDP"  ? "udp"
                 : words[0] == "SCTP" ? "sctp"
                 : words[0] == "FWM"  ? "fwmark"
                                      : "";
  if (dpvs_ && (words[0] == "MATCH" || words[0].starts_with("ICMP"))) {
    current_.clear();
    context_.note(Severity::kError, place, std::string(words[0]), "a service without VIP",
                  "left out with its servers: outgoing connections and pings are no services");
    return true;
  }
  if (out.protocol.empty() || words.size() < 2) return false;
  current_.clear();
  out.place = place;
  if (out.protocol == "fwmark") {
    const auto mark = ipvs_number(words[1], 0xffffffff, "FWM", place, context_);
    if (!mark) return true;
    out.mark = *mark;
    out.key = fmt::format("fwmark {}", *mark);
  } else {
    const auto vip = ipvs_endpoint(words[1], std::string(words[0]), place, context_);
    if (!vip) return true;
    out.vip = *vip;
    out.key = fmt::format("{} {}", out.protocol, vip->to_string());
  }
  if (words.size() > 2) out.scheduler = words[2];
  flags(out, words, place);
  current_ = out.key;
  state_.ipvs.add(std::move(out));
  return true;
}

void IpvsadmTable::flags(IpvsService& service, const std::vector<std::string_view>& words,
                         const Place& place) {
  for (std::size_t i = 3; i < words.size(); ++i) {
    const bool more = i + 1 < words.size();
    if (words[i] == "persistent" && more) {
      service.persistence = ipvs_number(words[++i], 0xffffffff, "persistent", place, context_);
    } else if (words[i] == "mask" && more) {
      service.prefix = ipvs_mask(words[++i], place, context_);
    } else if (words[i] == "ops") {
      service.one_packet = true;
    } else if (words[i] == "pe" && more) {
      context_.keyword("service", "--pe", place);
      ++i;
    } else if (words[i].starts_with('(')) {
      context_.keyword("service", "--sched-flags", place);
    } else if (words[i] == "IPv6") {
      context_.keyword("service", "--ipv6", place);
    } else if (dpvs_ && dpvs_flag(service, words, i, place)) {
      continue;
    } else {
      context_.note(Severity::kError, place, std::string(words[i]), "no flag of a service",
                    "left out");
    }
  }
}

bool IpvsadmTable::dpvs_flag(IpvsService& service, const std::vector<std::string_view>& words,
                             std::size_t& at, const Place& place) {
  const std::string_view word = words[at];
  if (word == "sip") return true;
  if (word == "synproxy") return service.syn_proxy = true;
  if (word == "conn-timeout" && at + 1 < words.size()) {
    service.established = ipvs_number(words[++at], 0x7fffffff, "conn-timeout", place, context_);
  } else if (word.starts_with("ppv")) {
    context_.note(Severity::kError, place, std::string(word),
                  "PROXY protocol: the servers get a header with the client's address",
                  "left out: they see the client's address itself; configure them to expect no "
                  "header");
  } else if (word == "qid") {
    context_.keyword("service", "--hash-target", place);
  } else if (word == "expire-quiescent" || word == "quic" || word == "dest-check") {
    context_.keyword("service", "--" + std::string(word), place);
  } else if (word.starts_with("external:")) {
    if (word.find("tcp") == std::string_view::npos) service.check = "ping";
  } else {
    return word.starts_with("internal:");
  }
  return true;
}

// "-> 10.0.0.11:80  Masq  1  0  0"
void IpvsadmTable::server(const std::vector<std::string_view>& words, const Place& place) {
  IpvsService* const service = current_.empty() ? nullptr : state_.ipvs.find(current_);
  if (!forwards_) return;
  if (service == nullptr) {
    context_.note(Severity::kError, place, "->", "a server without a service that could be read",
                  "left out");
    return;
  }
  if (words.size() < 4) {
    context_.note(Severity::kError, place, "->", "the columns Forward and Weight are missing",
                  "left out");
    return;
  }
  const auto address = ipvs_endpoint(words[1], "->", place, context_);
  const auto weight = ipvs_number(words[3], 0x7fffffff, "Weight", place, context_);
  if (!address || !weight) return;
  IpvsServer server;
  server.address = *address;
  server.weight = *weight;
  server.place = place;
  if (dpvs_ && words.back().starts_with("inhibited")) {
    context_.note(Severity::kWarning, place, "server " + server.address.to_string(),
                  "its check failed, so its weight is shown as 0", "weight 1: correct it");
    server.weight = 1;
  }
  if (words[2] == "Masq") {
    server.forward = IpvsForward::kNat;
  } else if (words[2] == "Tunnel") {
    server.forward = IpvsForward::kTunnel;
  } else if (words[2] == "Local") {
    server.forward = IpvsForward::kLocal;
  } else if (dpvs_ && words[2] == "FullNat") {
    server.forward = IpvsForward::kFullNat;
  } else if (dpvs_ && (words[2] == "SNAT" || words[2] == "Snat")) {
    server.forward = IpvsForward::kSnat;
  } else if (words[2] != "Route") {
    context_.note(Severity::kError, place, std::string(words[2]),
                  "no forwarding method: Route, Masq, Tunnel and Local are", "left out");
    return;
  }
  if (!service->by_address.emplace(server.address, service->servers.size()).second) {
    context_.note(Severity::kError, place, "server " + server.address.to_string(),
                  "is there already", "left out");
    return;
  }
  service->servers.push_back(std::move(server));
}

// What -l --timeout and -l --daemon print.
bool IpvsadmTable::other(const std::string& line, const Place& place) {
  constexpr std::string_view kTimeouts = "Timeout (tcp tcpfin udp):";
  if (line.starts_with(kTimeouts)) {
    const auto times = split_columns(std::string_view(line).substr(kTimeouts.size()));
    state_.recognized = true;
    if (times.size() == 3) {
      context_.keyword("command", "--set", place);
      set_ipvs_timeouts(times[0], times[1], times[2], place, context_);
      return true;
    }
    context_.note(Severity::kError, place, "Timeout", "three times belong to it", "left out");
    return true;
  }
  if (line.starts_with("master sync daemon") || line.starts_with("backup sync daemon")) {
    state_.recognized = true;
    context_.note(Severity::kWarning, place, line, {},
                  std::string(find_keyword(ipvsadm_keywords(), "command", "--start-daemon")->why));
    return true;
  }
  return false;
}

}  // namespace lb::importer
