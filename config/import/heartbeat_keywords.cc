// What becomes of each keyword of heartbeat's files, and of the ldirectord files that they name.
#include <vector>

#include "config/import/importer.h"

namespace lb::importer {
namespace heartbeat_words {

constexpr Fate kSame = Fate::kSame;
constexpr Fate kOther = Fate::kOther;
constexpr Fate kNot = Fate::kNot;
constexpr Fate kFree = Fate::kNotNeeded;

constexpr std::string_view kLink =
    "adverts go out on the port of each instance; the link between the two is [ha.sync]'s, "
    "encrypted";
constexpr std::string_view kFence =
    "there is no STONITH: a director that hangs gives up its addresses by itself, "
    "docs/high-availability.md";

constexpr Keyword kKeywords[] = {
    {"ha.cf", "keepalive", kOther, "`advert_interval`",
     "a quarter of deadtime, since a master is dead after three intervals and a part of one"},
    {"ha.cf", "deadtime", kOther, "`advert_interval`", "four intervals"},
    {"ha.cf", "warntime", kOther, "`warn_after` of each instance",
     "a late advert is logged, counted and mailed"},
    {"ha.cf", "initdead", kFree, "",
     "a director that starts is backup until no advert has come for three intervals, or has "
     "its connections"},
    {"ha.cf", "auto_failback", kSame, "`preempt`", ""},
    {"ha.cf", "nice_failback", kSame, "`preempt`", ""},
    {"ha.cf", "node", kSame, "`[director] name`: one configuration for each", ""},
    {"ha.cf", "udpport", kFree, "", kLink},
    {"ha.cf", "bcast", kFree, "", kLink},
    {"ha.cf", "ucast", kFree, "", kLink},
    {"ha.cf", "mcast", kFree, "", kLink},
    {"ha.cf", "serial", kNot, "", "no serial line; give [ha.sync] a cable or VLAN of its own"},
    {"ha.cf", "baud", kNot, "", "no serial line"},
    {"ha.cf", "ping", kOther, "`[[ha.script]]` with ping, tracked",
     "only with ipfail it decided anything there"},
    {"ha.cf", "ping_group", kOther, "`[[ha.script]]` with ping, tracked",
     "good when one of its addresses answers"},
    {"ha.cf", "hbaping", kNot, "", "no Fibre Channel"},
    {"ha.cf", "deadping", kFree, "", "the script has a timeout and fall"},
    {"ha.cf", "respawn", kOther, "`[[ha.script]]`, `[[ha.resource]]`, systemd",
     "ipfail is the tracked ping; let systemd run other programs"},
    {"ha.cf", "apiauth", kFree, "", "the sockets have groups: admin_group, read_group"},
    {"ha.cf", "crm", kNot, "",
     "the cluster manager's resources are not read; write them as [[ha.resource]]"},
    {"ha.cf", "pacemaker", kNot, "",
     "the cluster manager's resources are not read; write them as [[ha.resource]]"},
    {"ha.cf", "stonith", kNot, "", kFence},
    {"ha.cf", "stonith_host", kNot, "", kFence},
    {"ha.cf", "watchdog", kFree, "", "the units have WatchdogSec"},
    {"ha.cf", "logfacility", kFree, "", "the log goes to stderr, and so to the journal"},
    {"ha.cf", "logfile", kFree, "", "the log goes to stderr, and so to the journal"},
    {"ha.cf", "debugfile", kFree, "", "the log goes to stderr, and so to the journal"},
    {"ha.cf", "debug", kFree, "", "lbcli show ha"},
    {"ha.cf", "use_logd", kFree, "", "the log never holds up a daemon"},
    {"ha.cf", "conn_logd_time", kFree, "", "the log never holds up a daemon"},
    {"ha.cf", "log_badpack", kFree, "", "refused packets are counted by reason: lbcli show ha"},
    {"ha.cf", "syslogmsgfmt", kFree, "", "the log has one form"},
    {"ha.cf", "realtime", kFree, "", "the failover thread has real-time priority"},
    {"ha.cf", "rtprio", kFree, "", "the failover thread has real-time priority"},
    {"ha.cf", "hopfudge", kFree, "", "no serial line"},
    {"ha.cf", "hbgenmethod", kFree, "", "nothing is counted across restarts"},
    {"ha.cf", "msgfmt", kFree, "", "VRRP has a form of its own"},
    {"ha.cf", "compression", kFree, "", "nothing is compressed"},
    {"ha.cf", "compression_threshold", kFree, "", "nothing is compressed"},
    {"ha.cf", "traditional_compression", kFree, "", "nothing is compressed"},
    {"ha.cf", "uuidfrom", kFree, "", "directors have names"},
    {"ha.cf", "autojoin", kFree, "", "the peer is named in [ha.sync]"},
    {"ha.cf", "cluster", kFree, "", "the pair has its sync_id"},
    {"ha.cf", "coredumps", kFree, "", "systemd's LimitCORE"},

    {"authkeys", "auth", kOther, "`[ha.sync] key_file`",
     "the sync link has a key of its own; adverts have none (VRRP 3)"},

    {"haresources", "IPaddr", kSame, "`[[ha.instance]] addresses`", ""},
    {"haresources", "IPaddr2", kSame, "`[[ha.instance]] addresses`", ""},
    {"haresources", "IPsrcaddr", kNot, "",
     "the source of the director's own packets is the kernel's choice"},
    {"haresources", "ldirectord", kSame, "`[[service]]`", ""},
    {"haresources", "LVSSyncDaemonSwap", kOther, "`[ha.sync]`",
     "in both directions, encrypted, with a key"},
    {"haresources", "MailTo", kSame, "`[alert.mail] to`", ""},
};

std::vector<Keyword> all() {
  std::vector<Keyword> keywords(std::begin(kKeywords), std::end(kKeywords));
  const auto more = ldirectord_keywords();
  keywords.insert(keywords.end(), more.begin(), more.end());
  return keywords;
}

}  // namespace heartbeat_words

std::span<const Keyword> heartbeat_keywords() {
  static const std::vector<Keyword> kAll = heartbeat_words::all();
  return kAll;
}

}  // namespace lb::importer
