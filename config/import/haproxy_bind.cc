// What frontends listen on: "bind".
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/haproxy.h"
#include "config/placeholder.h"

namespace lb::importer::haproxy {
namespace {

// Options of bind without an argument; all others have one.
constexpr auto kFlags = std::to_array<std::string_view>({"accept-proxy",
                                                         "allow-0rtt",
                                                         "defer-accept",
                                                         "force-sslv3",
                                                         "force-tlsv10",
                                                         "force-tlsv11",
                                                         "force-tlsv12",
                                                         "force-tlsv13",
                                                         "no-ca-names",
                                                         "no-sslv3",
                                                         "no-tls-tickets",
                                                         "no-tlsv10",
                                                         "no-tlsv11",
                                                         "no-tlsv12",
                                                         "no-tlsv13",
                                                         "prefer-client-ciphers",
                                                         "ssl",
                                                         "strict-sni",
                                                         "tfo",
                                                         "transparent",
                                                         "v4v6",
                                                         "v6only",
                                                         "quic-force-retry",
                                                         "generate-certificates"});
// What an address may begin with that is no address of IPv4.
constexpr auto kOtherFamilies = std::to_array<std::string_view>(
    {"/", "unix@", "abns@", "uxst@", "uxdg@", "fd@", "sockpair@", "quic4@", "quic6@", "udp@",
     "udp4@", "udp6@", "stdout", "stderr"});

class BindReader {
 public:
  BindReader(Context& context, const Proxy& frontend) : context_(context), frontend_(frontend) {}

  Bound read() {
    for (const Line* const line : frontend_.all("bind")) {
      options(*line);
      const std::size_t before = bound_.addresses.size();
      const std::string& list = line->word(1);
      if (list.empty()) error(*line, "", "an address is missing; left out");
      for (std::size_t begin = 0; begin < list.size();) {
        const std::size_t end = std::min(list.find(',', begin), list.size());
        address(*line, list.substr(begin, end - begin));
        begin = end + 1;
      }
      if (is_tls_) bound_.tls += bound_.addresses.size() - before;
    }
    bound_.is_single = bound_.addresses.size() == 1 && !has_range_;
    return std::move(bound_);
  }

 private:
  void error(const Line& line, std::string there, std::string here) {
    context_.note(Severity::kError, line.place, "bind", std::move(there), std::move(here));
  }

  void options(const Line& line) {
    is_tls_ = false;
    for (std::size_t i = 2; i < line.words.size(); ++i) {
      const std::string& word = line.words[i];
      if (context_.keyword("bind", word, line.place) == nullptr) return;
      if (word == "ssl") is_tls_ = true;
      if (word == "accept-proxy") {
        error(line, word,
              "a PROXY header reaches the servers: they must accept it, or nobody "
              "sends it");
      }
      if (std::find(kFlags.begin(), kFlags.end(), word) == kFlags.end()) ++i;
    }
  }

  // "ADDRESS:PORT", "ADDRESS:PORT-PORT", "*:PORT", ":PORT", "ipv4@ADDRESS:PORT"
  void address(const Line& line, std::string text) {
    for (const std::string_view family : kOtherFamilies) {
      if (!text.starts_with(family)) continue;
      error(line, text, "only IPv4 and TCP is forwarded; left out");
      return;
    }
    for (const std::string_view prefix : {"ipv4@", "tcp@", "tcp4@"}) {
      if (text.starts_with(prefix)) text = text.substr(prefix.size());
    }
    const std::size_t colon = text.rfind(':');
    const std::string host = colon == std::string::npos ? text : text.substr(0, colon);
    const std::string ports = colon == std::string::npos ? "" : text.substr(colon + 1);
    const std::size_t dash = ports.find('-');
    const auto first = number(ports.substr(0, dash));
    const auto last = dash == std::string::npos ? first : number(ports.substr(dash + 1));
    if (!first || !last || *first < 1 || *last > 65'535 || *first > *last) {
      error(line, text, "no port, or range of ports, from 1 to 65535; left out");
      return;
    }
    if (bound_.port == 0) bound_.port = static_cast<std::uint16_t>(*first);
    if (*first != *last) has_range_ = true;
    const std::string range = *first == *last ? std::to_string(*first) : ports;
    if (host.empty() || host == "*" || host == "0.0.0.0" || is_ipv6_wildcard(line, host)) {
      context_.note(Severity::kWarning, line.place, "bind", text,
                    "a service has addresses of its own: fill in the VIP");
      add(config::placeholder(
          fmt::format("the VIP of {}, as 192.0.2.10:{}", frontend_.name(), range)));
      return;
    }
    const auto parsed = Address::parse(host);
    if (parsed && parsed->is_ipv4()) {
      add(fmt::format("{}:{}", parsed->to_string(), range));
    } else if (parsed || host.starts_with("ipv6@") || host.find(':') != std::string::npos) {
      error(line, text, "IPv6 is not forwarded yet; left out");
    } else {
      error(line, text, "names are not looked up: fill in the address");
      add(config::placeholder(fmt::format("the address of {}, as 192.0.2.10:{}", host, range)));
    }
  }

  // "::" has IPv4, too, if "v4v6" says so.
  static bool is_ipv6_wildcard(const Line& line, const std::string& host) {
    if (host != "::" && host != "[::]" && host != "ipv6@") return false;
    return std::find(line.words.begin() + 2, line.words.end(), "v4v6") != line.words.end();
  }

  void add(std::string address) { bound_.addresses.push_back(std::move(address)); }

  Context& context_;
  const Proxy& frontend_;
  Bound bound_;
  bool has_range_ = false;
  bool is_tls_ = false;  // the present line
};

}  // namespace

Bound read_binds(Context& context, const Proxy& frontend) {
  return BindReader(context, frontend).read();
}

}  // namespace lb::importer::haproxy
