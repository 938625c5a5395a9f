// What becomes of each command, option and line of ipvsadm(8).
#include "config/import/ipvsadm.h"

namespace lb::importer {
namespace {

constexpr auto kIpvsadmKeywords = std::to_array<Keyword>({
    {"command", "--add-service", Fate::kSame, "`[[service]]`", "-A"},
    {"command", "--edit-service", Fate::kSame, "`[[service]]`",
     "-E; what it leaves out is as after -A, as there"},
    {"command", "--delete-service", Fate::kSame, "`[[service]]`", "-D; the service is not written"},
    {"command", "--clear", Fate::kSame, "`[[service]]`", "-C; what came before is not written"},
    {"command", "--add-server", Fate::kSame, "`[[service.real_server]]`", "-a"},
    {"command", "--edit-server", Fate::kSame, "`[[service.real_server]]`", "-e"},
    {"command", "--delete-server", Fate::kSame, "`[[service.real_server]]`",
     "-d; the server is not written"},
    {"command", "--set", Fate::kOther, "`[dataplane.timeouts]`",
     "tcp is tcp_established, tcpfin is tcp_fin_wait, udp is udp; the other states have times of "
     "their own, and UDP that no server has answered ends after udp_unanswered (30s)"},
    {"command", "--start-daemon", Fate::kNot, "",
     "connections are synchronized by [ha.sync]: over TLS with a key, in both directions at once, "
     "by "
     "one table for both directors. It needs [[ha.instance]]: import the file of the program that "
     "moves the VIPs (keepalived, heartbeat)"},
    {"command", "--stop-daemon", Fate::kNotNeeded, "", "there is no such daemon to stop"},
    {"command", "--save", Fate::kNotNeeded, "", "-S; the director's file is all there is to save"},
    {"command", "--restore", Fate::kNotNeeded, "", "-R; the director reads its file at the start"},
    {"command", "--list", Fate::kNotNeeded, "", "-L, -l; `lbcli show` is its counterpart"},
    {"command", "--zero", Fate::kNotNeeded, "", "-Z; counters here only grow"},
    {"command", "--help", Fate::kNotNeeded, "", "-h"},

    {"service", "--tcp-service", Fate::kSame, "`[[service]] address`",
     "-t; port 0: `addresses = [\"192.0.2.10:*\"]`"},
    {"service", "--udp-service", Fate::kSame, "`[[service]] protocol = \"udp\"`",
     "-u; the check is a ping, because \"udp\" and \"dns\" need a question"},
    {"service", "--sctp-service", Fate::kNot, "", "only TCP and UDP are balanced"},
    {"service", "--fwmark-service", Fate::kOther, "`[[service]] addresses`",
     "-f; the addresses and ports are in the firewall's rules: fill them in"},
    {"service", "--scheduler", Fate::kSame, "`[[service]] scheduler`",
     "-s; wlc without it, as there; lblc and lblcr become dh, twos becomes wlc, each with a note"},
    {"service", "--persistent", Fate::kSame, "`[[service]] persistence`",
     "-p; 300 s without a time, as there; 168h at most"},
    {"service", "--netmask", Fate::kSame, "`[[service]] persistence_prefix`", "-M"},
    {"service", "--ops", Fate::kSame, "`[[service]] one_packet`",
     "-o; schedulers that count connections become wrr, with a note"},
    {"service", "--sched-flags", Fate::kNot, "",
     "-b; sh and mh skip servers that are down or have weight 0 without it (fallback), and take "
     "the "
     "client's address alone (port is missing)"},
    {"service", "--pe", Fate::kNot, "",
     "persistence by the Call-ID of SIP; here it is by the client's address"},
    {"service", "--ipv6", Fate::kNot, "", "-6; services have IPv4 addresses"},

    {"server", "--real-server", Fate::kSame, "`[[service.real_server]] address`",
     "-r; without a port it is the service's, as there"},
    {"server", "--gatewaying", Fate::kSame, "`[[service]] mode = \"dr\"`", "-g, the default there"},
    {"server", "--masquerading", Fate::kSame, "`[[service]] mode = \"nat\"`",
     "-m; the real servers' return path leads through the director, as there"},
    {"server", "--ipip", Fate::kNot, "", "-i; there is no tunnel mode"},
    {"server", "--tun-type", Fate::kNot, "", "there is no tunnel mode"},
    {"server", "--tun-port", Fate::kNot, "", "there is no tunnel mode"},
    {"server", "--tun-nocsum", Fate::kNot, "", "there is no tunnel mode"},
    {"server", "--tun-csum", Fate::kNot, "", "there is no tunnel mode"},
    {"server", "--tun-remcsum", Fate::kNot, "", "there is no tunnel mode"},
    {"server", "--weight", Fate::kSame, "`[[service.real_server]] weight`",
     "-w; 1 without it, as there; 65535 at most"},
    {"server", "--u-threshold", Fate::kSame, "`[[service.real_server]] max_connections`", "-x"},
    {"server", "--l-threshold", Fate::kSame, "`[[service.real_server]] resume_connections`",
     "-y; three quarters of -x without it, as there"},

    {"daemon", "--mcast-interface", Fate::kNot, "",
     "`listen` and `peer` of [ha.sync] are addresses of the link"},
    {"daemon", "--syncid", Fate::kOther, "`[ha.sync] sync_id`", "0 to 65535, 1 without it"},
    {"daemon", "--sync-maxlen", Fate::kNotNeeded, "", "[ha.sync] is a TCP connection"},
    {"daemon", "--mcast-group", Fate::kNotNeeded, "", "[ha.sync] is a TCP connection"},
    {"daemon", "--mcast-port", Fate::kNotNeeded, "", "[ha.sync] is a TCP connection"},
    {"daemon", "--mcast-ttl", Fate::kNotNeeded, "", "[ha.sync] is a TCP connection"},
});

}  // namespace

std::span<const Keyword> ipvsadm_keywords() {
  return kIpvsadmKeywords;
}

}  // namespace lb::importer
