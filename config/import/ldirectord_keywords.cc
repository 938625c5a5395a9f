// What becomes of each keyword of ldirectord.cf (ldirectord(8), release 4.12).
#include "config/import/importer.h"

namespace lb::importer {
namespace ldirectord_words {

constexpr Fate kSame = Fate::kSame;
constexpr Fate kOther = Fate::kOther;
constexpr Fate kNot = Fate::kNot;
constexpr Fate kFree = Fate::kNotNeeded;

constexpr std::string_view kQuiescent =
    "yes is weight 0: connections stay; no: TCP clients of a server that is down are "
    "reset, so that they connect anew";
constexpr std::string_view kFallback =
    "one on the director, 127.0.0.1, listens on the service's port, on all addresses or the VIP";
constexpr std::string_view kCommand =
    "it runs as the user ballast-script; quorum_user names another one";
constexpr std::string_view kRepeat =
    "each transition is mailed once; lbcli show check has what is down";
constexpr std::string_view kInterval =
    "each real server is checked every so often; there it was the pause between rounds";

constexpr Keyword kKeywords[] = {
    {"ldirectord.cf", "virtual", kSame, "`[[service]]`", ""},
    {"ldirectord.cf", "virtual6", kNot, "", "IPv6 is not forwarded yet"},
    {"ldirectord.cf", "fallback6", kNot, "", "IPv6 is not forwarded yet"},
    {"ldirectord.cf", "checktimeout", kSame, "`[service.check] timeout`", ""},
    {"ldirectord.cf", "negotiatetimeout", kSame, "`[service.check] timeout`", ""},
    {"ldirectord.cf", "checkinterval", kOther, "`[service.check] interval`", kInterval},
    {"ldirectord.cf", "checkcount", kSame, "`[service.check] retry` of ping checks", ""},
    {"ldirectord.cf", "failurecount", kSame, "`[service.check] fall`", ""},
    {"ldirectord.cf", "autoreload", kSame, "`[director] auto_reload`", ""},
    {"ldirectord.cf", "callback", kNot, "",
     "nothing is called when the file changes; copy it to the peer by what writes it"},
    {"ldirectord.cf", "fallback", kOther, "`[service.sorry_server]`", kFallback},
    {"ldirectord.cf", "fallbackcommand", kOther, "`quorum_down`, `quorum_up`", kCommand},
    {"ldirectord.cf", "logfile", kFree, "", "the log goes to stderr, and so to the journal"},
    {"ldirectord.cf", "emailalert", kSame, "`[alert.mail] to`", ""},
    {"ldirectord.cf", "emailalertfrom", kSame, "`[alert.mail] from`", ""},
    {"ldirectord.cf", "emailalertfreq", kNot, "", kRepeat},
    {"ldirectord.cf", "emailalertstatus", kNot, "",
     "starts and stops of the daemons are not mailed"},
    {"ldirectord.cf", "smtp", kSame, "`[alert.mail] server`", ""},
    {"ldirectord.cf", "execute", kNot, "", "name that file in the import, too"},
    {"ldirectord.cf", "supervised", kFree, "", "systemd supervises the daemons"},
    {"ldirectord.cf", "fork", kFree, "", "checks do not wait for each other"},
    {"ldirectord.cf", "quiescent", kOther, "`on_server_down`", kQuiescent},
    {"ldirectord.cf", "readdquiescent", kFree, "", "lbcli flush persistence ends bindings"},
    {"ldirectord.cf", "cleanstop", kFree, "",
     "a stop of the control plane removes the VIPs; after a kill the data plane goes on"},
    {"ldirectord.cf", "maintenancedir", kNot, "", "lbcli set rs SERVICE SERVER maint"},

    {"virtual", "real", kSame, "`[[service.real_server]]`", ""},
    {"virtual", "checktype", kSame, "`[service.check] type`", ""},
    {"virtual", "service", kSame, "`[service.check] type`", ""},
    {"virtual", "checkcommand", kSame, "`[service.check] command`", ""},
    {"virtual", "checkport", kSame, "`[service.check] port`", ""},
    {"virtual", "request", kSame, "`[service.check] path`, `query`, `send`", ""},
    {"virtual", "receive", kSame, "`[service.check] expect_body`, `expect_address`, `expect`", ""},
    {"virtual", "httpmethod", kSame, "`[service.check] method`", ""},
    {"virtual", "virtualhost", kSame, "`[service.check] host`", ""},
    {"virtual", "login", kOther, "`[service.check] username`",
     "of mysql and pgsql; the other checks do not log in"},
    {"virtual", "passwd", kNot, "", "checks do not log in with a password; a check by script can"},
    {"virtual", "database", kOther, "`[service.check] database`", "of pgsql; no query is sent"},
    {"virtual", "secret", kNot, "", "there is no check of RADIUS; a script can do it"},
    {"virtual", "scheduler", kSame, "`scheduler`", ""},
    {"virtual", "persistent", kSame, "`persistence`", ""},
    {"virtual", "netmask", kSame, "`persistence_prefix`", ""},
    {"virtual", "protocol", kSame, "`protocol`", ""},
    {"virtual", "real6", kNot, "", "IPv6 is not forwarded yet"},
    {"virtual", "fallback6", kNot, "", "IPv6 is not forwarded yet"},
    {"virtual", "ops", kSame, "`one_packet`", ""},
    {"virtual", "monitorfile", kNot, "",
     "lbcli show check, the log and [alert] script have the results"},
    {"virtual", "checktimeout", kSame, "`[service.check] timeout`", ""},
    {"virtual", "negotiatetimeout", kSame, "`[service.check] timeout`", ""},
    {"virtual", "checkinterval", kOther, "`[service.check] interval`", kInterval},
    {"virtual", "checkcount", kSame, "`[service.check] retry` of ping checks", ""},
    {"virtual", "failurecount", kSame, "`[service.check] fall`", ""},
    {"virtual", "fallback", kOther, "`[service.sorry_server]`", kFallback},
    {"virtual", "fallbackcommand", kOther, "`quorum_down`, `quorum_up`", kCommand},
    {"virtual", "emailalert", kOther, "`[alert.mail] to`",
     "all recipients get the mail of all services"},
    {"virtual", "emailalertfrom", kSame, "`[alert.mail] from`", ""},
    {"virtual", "emailalertfreq", kNot, "", kRepeat},
    {"virtual", "emailalertstatus", kNot, "", "starts and stops of the daemons are not mailed"},
    {"virtual", "smtp", kSame, "`[alert.mail] server`", ""},
    {"virtual", "quiescent", kOther, "`on_server_down`", kQuiescent},
    {"virtual", "readdquiescent", kFree, "", "lbcli flush persistence ends bindings"},
    {"virtual", "cleanstop", kFree, "",
     "a stop of the control plane removes the VIPs; after a kill the data plane goes on"},
};

}  // namespace ldirectord_words

std::span<const Keyword> ldirectord_keywords() {
  return ldirectord_words::kKeywords;
}

}  // namespace lb::importer
