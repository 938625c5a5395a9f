// What becomes of each keyword of HAProxy 2.6: the other sections.
#include "config/import/haproxy_keywords.h"

namespace lb::importer::haproxy {
namespace other_keywords_rows {

constexpr Fate kAlike = Fate::kSame;
constexpr Fate kIdle = Fate::kNotNeeded;

constexpr Keyword kKeywords[] = {
    {"mailers", "mailer", kAlike, "`[alert.mail] server`", ""},
    {"mailers", "timeout mail", kAlike, "`[alert.mail] timeout`", ""},
    {"peers", "peer", kIdle, "",
     "belongs to `peers`: `[ha.sync]` is one link between two directors"},
    {"peers", "server", kIdle, "",
     "belongs to `peers`: `[ha.sync]` is one link between two directors"},
    {"peers", "bind", kIdle, "",
     "belongs to `peers`: `[ha.sync]` is one link between two directors"},
    {"peers", "table", kIdle, "",
     "belongs to `peers`: `[ha.sync]` is one link between two directors"},
    {"peers", "default-bind", kIdle, "",
     "belongs to `peers`: `[ha.sync]` is one link between two directors"},
    {"peers", "default-server", kIdle, "",
     "belongs to `peers`: `[ha.sync]` is one link between two directors"},
    {"peers", "log", kIdle, "",
     "belongs to `peers`: `[ha.sync]` is one link between two directors"},
    {"peers", "enabled", kIdle, "",
     "belongs to `peers`: `[ha.sync]` is one link between two directors"},
    {"peers", "disabled", kIdle, "",
     "belongs to `peers`: `[ha.sync]` is one link between two directors"},
    {"resolvers", "nameserver", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "parse-resolv-conf", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "hold obsolete", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "hold other", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "hold refused", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "hold nx", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "hold timeout", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "hold valid", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "accepted_payload_size", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "resolve_retries", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "timeout resolve", kIdle, "", "belongs to `resolvers`"},
    {"resolvers", "timeout retry", kIdle, "", "belongs to `resolvers`"},
    {"userlist", "group", kIdle, "", "belongs to `userlist`"},
    {"userlist", "user", kIdle, "", "belongs to `userlist`"},
    {"cache", "total-max-size", kIdle, "", "belongs to `cache`"},
    {"cache", "max-object-size", kIdle, "", "belongs to `cache`"},
    {"cache", "max-age", kIdle, "", "belongs to `cache`"},
    {"cache", "process-vary", kIdle, "", "belongs to `cache`"},
    {"cache", "max-secondary-entries", kIdle, "", "belongs to `cache`"},
    {"program", "command", kIdle, "", "belongs to `program`"},
    {"program", "user", kIdle, "", "belongs to `program`"},
    {"program", "group", kIdle, "", "belongs to `program`"},
    {"program", "option start-on-reload", kIdle, "", "belongs to `program`"},
    {"http-errors", "errorfile", kIdle, "", "belongs to `http-errors`"},
    {"ring", "backing-file", kIdle, "", "belongs to `ring`"},
    {"ring", "description", kIdle, "", "belongs to `ring`"},
    {"ring", "format", kIdle, "", "belongs to `ring`"},
    {"ring", "maxlen", kIdle, "", "belongs to `ring`"},
    {"ring", "server", kIdle, "", "belongs to `ring`"},
    {"ring", "size", kIdle, "", "belongs to `ring`"},
    {"ring", "timeout connect", kIdle, "", "belongs to `ring`"},
    {"ring", "timeout server", kIdle, "", "belongs to `ring`"},
    {"log-forward", "backlog", kIdle, "", "belongs to `log-forward`"},
    {"log-forward", "bind", kIdle, "", "belongs to `log-forward`"},
    {"log-forward", "dgram-bind", kIdle, "", "belongs to `log-forward`"},
    {"log-forward", "log", kIdle, "", "belongs to `log-forward`"},
    {"log-forward", "maxconn", kIdle, "", "belongs to `log-forward`"},
    {"log-forward", "timeout client", kIdle, "", "belongs to `log-forward`"},
    {"fcgi-app", "acl", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "docroot", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "index", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "log-stderr", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "option get-values", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "option keep-conn", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "option max-reqs", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "option mpxs-conns", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "pass-header", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "path-info", kIdle, "", "belongs to `fcgi-app`"},
    {"fcgi-app", "set-param", kIdle, "", "belongs to `fcgi-app`"},
    {"namespace_list", "namespace", kIdle, "", "belongs to `namespace_list`"},
};

}  // namespace other_keywords_rows

std::span<const Keyword> other_keywords() {
  return other_keywords_rows::kKeywords;
}

}  // namespace lb::importer::haproxy
