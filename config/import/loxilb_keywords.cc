// What becomes of each key of loxilb's JSON.
#include "config/import/loxilb.h"

namespace lb::importer {
namespace {

constexpr std::string_view kProxy =
    "of the mode fullproxy, which is left out: packets are forwarded, connections not ended";
constexpr std::string_view kState = "what was at the time of the output";

constexpr auto kLoxilbKeywords = std::to_array<Keyword>({
    {"file", "lbAttr", Fate::kSame, "`[[service]]`", "`loxicmd get lb -o json`, `save --lb`"},
    {"file", "Attr", Fate::kSame, "`[service.real_server.check]`",
     "`loxicmd get ep -o json`: for the servers of services without a probetype"},
    {"file", "fwAttr", Fate::kNot, "",
     "`allow` and `deny` of each service, and the firewall of the director's kernel for the rest"},
    {"file", "polAttr", Fate::kNot, "",
     "rates are not limited; new connections are: [service.limits]"},
    {"file", "mirrAttr", Fate::kNot, "", "packets are not mirrored"},
    {"file", "sessionAttr", Fate::kNot, "", "there are no tunnels of GTP"},
    {"file", "ulclAttr", Fate::kNot, "", "there are no tunnels of GTP"},
    {"file", "bgpNeiAttr", Fate::kNot, "",
     "a routing daemon on the ports' kernel interfaces speaks BGP (docs/kernel-traffic.md)"},
    {"file", "routeAttr", Fate::kNot, "`[[route]]`", "write them there"},
    {"file", "ipAttr", Fate::kNot, "`[[port]] addresses`", "write them there"},
    {"file", "vlanAttr", Fate::kNot, "`[[port.vlan]]`", "write them there"},
    {"file", "vxlanAttr", Fate::kNot, "", "there is no tunnel mode"},
    {"file", "neighborAttr", Fate::kNotNeeded, "", "ARP finds them"},
    {"file", "fdbAttr", Fate::kNotNeeded, "", "a director is no bridge"},
    {"file", "portAttr", Fate::kNotNeeded, "", kState},
    {"file", "ctAttr", Fate::kNotNeeded, "", kState},
    {"file", "cistatus", Fate::kNot, "", "two directors are a pair by [[ha.instance]]"},

    {"lbAttr", "serviceArguments", Fate::kSame, "`[[service]]`", ""},
    {"lbAttr", "endpoints", Fate::kSame, "`[[service.real_server]]`", ""},
    {"lbAttr", "secondaryIPs", Fate::kSame, "`[[service]] addresses`", ""},
    {"lbAttr", "allowedSources", Fate::kSame, "`[[service]] allow`", ""},
    {"secondaryIPs", "secondaryIP", Fate::kSame, "`[[service]] addresses`", "IPv4 only"},
    {"allowedSources", "prefix", Fate::kSame, "`[[service]] allow`", "IPv4 only"},

    {"serviceArguments", "externalIP", Fate::kSame, "`[[service]] address`", "IPv4 only"},
    {"serviceArguments", "privateIP", Fate::kNot, "",
     "an error: if packets arrive with it, it is the service's address"},
    {"serviceArguments", "port", Fate::kSame, "`[[service]] address`", ""},
    {"serviceArguments", "portMax", Fate::kSame, "`[[service]] addresses`",
     "`[\"192.0.2.10:8000-8100\"]`; the check is on the first port"},
    {"serviceArguments", "protocol", Fate::kSame, "`[[service]] protocol`",
     "tcp and udp; sctp, icmp and none are left out, with an error"},
    {"serviceArguments", "sel", Fate::kSame, "`[[service]] scheduler`",
     "0 (rr) rr, 1 (hash) rr with a note, 2 (priority) wrr, 3 (persist) rr with `persistence`, 4 "
     "(lc) "
     "lc; others are errors"},
    {"serviceArguments", "persistTimeout", Fate::kSame, "`[[service]] persistence`",
     "3h without it, with a note"},
    {"serviceArguments", "mode", Fate::kSame, "`[[service]] mode`",
     "0 (default) nat, 3 (dsr) dr; 1, 2 and 5 (onearm, fullnat, hostonearm) are to be filled in; 4 "
     "(fullproxy) is left out"},
    {"serviceArguments", "fullNat", Fate::kSame, "`[[service]] mode`", "to be filled in"},
    {"serviceArguments", "bgp", Fate::kNot, "",
     "VIPs are announced by VRRP, [[ha.instance]]; a routing daemon on the ports' kernel "
     "interfaces "
     "can advertise them"},
    {"serviceArguments", "monitor", Fate::kSame, "`[service.check]`",
     "every service has a check; `type = \"none\"` is without"},
    {"serviceArguments", "probetype", Fate::kSame, "`[service.check] type`",
     "ping, tcp, http, https, none; udp and sctp become ping, with a note"},
    {"serviceArguments", "probeport", Fate::kSame, "`[service.check] port`", ""},
    {"serviceArguments", "probereq", Fate::kSame, "`[service.check] path`", "of http and https"},
    {"serviceArguments", "proberesp", Fate::kSame, "`[service.check] expect_body`",
     "of http and https; anywhere in the body"},
    {"serviceArguments", "probeTimeout", Fate::kSame, "`[service.check] interval`", ""},
    {"serviceArguments", "probeRetries", Fate::kSame, "`[service.check] fall`", ""},
    {"serviceArguments", "inactiveTimeOut", Fate::kSame,
     "`[service.timeouts] tcp_established`, `udp`", ""},
    {"serviceArguments", "block", Fate::kNotNeeded, "", "a number to tell rules apart"},
    {"serviceArguments", "managed", Fate::kNot, "",
     "another program makes these rules (kube-loxilb): it has to write this file and call `lbcli "
     "reload`"},
    {"serviceArguments", "name", Fate::kSame, "`[[service]] name`", ""},
    {"serviceArguments", "snat", Fate::kNot, "", "left out: outgoing connections are no services"},
    {"serviceArguments", "egress", Fate::kNot, "",
     "left out: outgoing connections are no services"},
    {"serviceArguments", "oper", Fate::kNotNeeded, "", "of one request"},
    {"serviceArguments", "security", Fate::kNot, "", "left out: TLS is not ended"},
    {"serviceArguments", "lbsec", Fate::kNot, "", "left out: TLS is not ended"},
    {"serviceArguments", "host", Fate::kNot, "", kProxy},
    {"serviceArguments", "path", Fate::kNot, "", kProxy},
    {"serviceArguments", "proxyprotocolv2", Fate::kNot, "",
     "an error: no data is added to connections"},
    {"serviceArguments", "connectionLimit", Fate::kNot, "`[[service.real_server]] max_connections`",
     "each server has its own limit: write it there"},

    {"endpoints", "endpointIP", Fate::kSame, "`[[service.real_server]] address`", "IPv4 only"},
    {"endpoints", "targetPort", Fate::kSame, "`[[service.real_server]] address`",
     "the service's without it"},
    {"endpoints", "weight", Fate::kSame, "`[[service.real_server]] weight`", ""},
    {"endpoints", "state", Fate::kNotNeeded, "", kState},
    {"endpoints", "counter", Fate::kNotNeeded, "", kState},
    {"endpoints", "counters", Fate::kNotNeeded, "", kState},
    {"endpoints", "ep_role", Fate::kNot, "", kProxy},
    {"endpoints", "nixl_port", Fate::kNot, "", kProxy},

    {"Attr", "hostName", Fate::kSame, "`[[service.real_server]] address`", ""},
    {"Attr", "name", Fate::kNotNeeded, "", "a server's name is its address"},
    {"Attr", "description", Fate::kNotNeeded, "", "a server's name is its address"},
    {"Attr", "inactiveReTries", Fate::kSame, "`[service.real_server.check] fall`", ""},
    {"Attr", "probeType", Fate::kSame, "`[service.real_server.check] type`", ""},
    {"Attr", "probeReq", Fate::kSame, "`[service.real_server.check] path`", ""},
    {"Attr", "probeResp", Fate::kSame, "`[service.real_server.check] expect_body`", ""},
    {"Attr", "probeDuration", Fate::kSame, "`[service.real_server.check] interval`", ""},
    {"Attr", "probePort", Fate::kSame, "`[service.real_server.check] port`", ""},
    {"Attr", "minDelay", Fate::kNotNeeded, "", kState},
    {"Attr", "avgDelay", Fate::kNotNeeded, "", kState},
    {"Attr", "maxDelay", Fate::kNotNeeded, "", kState},
    {"Attr", "currState", Fate::kNotNeeded, "", kState},
    {"Attr", "instance", Fate::kNot, "",
     "of BFD: directors see each other by VRRP, [[ha.instance]]"},
    {"Attr", "remoteIp", Fate::kNot, "", "of BFD: the other director is the peer of [ha.sync]"},
    {"Attr", "sourceIp", Fate::kNot, "", "of BFD"},
    {"Attr", "port", Fate::kNot, "", "of BFD"},
    {"Attr", "interval", Fate::kNot, "", "of BFD: `advert_interval` of [[ha.instance]]"},
    {"Attr", "retryCount", Fate::kNot, "", "of BFD: three intervals"},
    {"Attr", "state", Fate::kNotNeeded, "", kState},
});

}  // namespace

std::span<const Keyword> loxilb_keywords() {
  return kLoxilbKeywords;
}

}  // namespace lb::importer
