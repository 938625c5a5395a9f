#include "config/import/ldirectord_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/ldirectord.h"

namespace lb::importer::ldirectord {
namespace {

// What a negotiate check of each service is here.
struct CheckOf {
  std::string_view service;
  std::uint16_t port;  // the service is the default of this port
  std::string_view type;
  bool tls;
};
constexpr auto kChecks = std::to_array<CheckOf>({{"http", 80, "http", false},
                                                 {"https", 443, "https", false},
                                                 {"ftp", 21, "ftp", false},
                                                 {"smtp", 25, "smtp", false},
                                                 {"submission", 587, "smtp", false},
                                                 {"dns", 53, "dns", false},
                                                 {"pop", 110, "pop3", false},
                                                 {"pops", 995, "pop3s", false},
                                                 {"imap", 143, "imap", false},
                                                 {"imaps", 993, "imaps", false},
                                                 {"ldap", 389, "ldap", false},
                                                 {"ldaps", 636, "ldap", true},
                                                 {"mysql", 3306, "mysql", false},
                                                 {"pgsql", 5432, "pgsql", false},
                                                 {"simpletcp", 0, "send_expect", false},
                                                 {"none", 0, "none", false},
                                                 {"nntp", 119, "", false},
                                                 {"oracle", 1521, "", false},
                                                 {"radius", 1812, "", false},
                                                 {"http_proxy", 3128, "", false},
                                                 {"sip", 5060, "", false}});

class Check {
 public:
  Check(Context& context, Table& table, const CheckedService& service)
      : context_(context), table_(table), service_(service) {}

  void read(const Question& question) {
    const std::string type = text("checktype", "negotiate");
    const bool negotiates = type == "negotiate" || number(type).has_value();
    if (number(type)) {
      context_.note(Severity::kWarning, value("checktype")->place, "checktype",
                    "connects " + type + " times, then negotiates", "each check negotiates");
    }
    if (type == "off" || type == "on") {
      table_.text("type", "none");
      return;
    }
    if (service_.port == 0 && value("checkport") == nullptr && !type.starts_with("external") &&
        type != "ping" && text("service", "") != "none") {
      context_.note(Severity::kWarning, service_.from.address.place, "checkport",
                    "not set, and the service has all ports", "the check is a ping");
      table_.text("type", "ping");
      return times(negotiates);
    }
    if (type == "external" || type == "external-perl") {
      external(type == "external-perl");
    } else if (type == "ping" || (type == "connect" && service_.udp)) {
      table_.text("type", "ping");
    } else if (type == "connect") {
      table_.text("type", "tcp");
    } else if (!negotiates) {
      error(value("checktype")->place, "checktype", type, "no such type: \"tcp\" is used");
      table_.text("type", "tcp");
    } else if (!negotiate(question)) {
      return;
    }
    if (const Value* const check_port = value("checkport");
        check_port != nullptr && table_.text_of("type") != "ping") {
      if (const auto parsed = number(check_port->text))
        table_.number("port", *parsed, check_port->place);
    }
    times(negotiates);
  }

 private:
  void external(bool perl) {
    const std::string program = text("checkcommand", "/bin/true");
    table_.text("type", "script");
    // With the four arguments that it has there.
    table_.texts("command", {"/bin/sh", "-c",
                             fmt::format("exec {}{} \"$BALLAST_VIP\" \"$BALLAST_VIP_PORT\" "
                                         "\"$BALLAST_RS\" \"$BALLAST_RS_PORT\"",
                                         perl ? "perl " : "", program)});
  }

  // False: there is nothing more to set.
  bool negotiate(const Question& question) {
    std::string service = text("service", "");
    for (const CheckOf& each : kChecks) {
      if (service.empty() && each.port != 0 && each.port == service_.port) service = each.service;
    }
    if (service.empty()) service = "none";
    const auto at = std::find_if(kChecks.begin(), kChecks.end(),
                                 [&](const CheckOf& each) { return each.service == service; });
    const Place place =
        value("service") != nullptr ? value("service")->place : service_.from.address.place;
    if (at == kChecks.end() || at->type.empty()) {
      context_.note(at == kChecks.end() ? Severity::kError : Severity::kWarning, place, "service",
                    service,
                    "there is no check of this protocol: \"tcp\" is used; send_expect or a script "
                    "can do more");
      table_.text("type", "tcp");
      return true;
    }
    table_.text("type", at->type, place);
    if (at->type == "none") return false;
    if (at->tls) table_.boolean("tls", true);
    if (at->type == "http" || at->type == "https") {
      http(question);
    } else if (at->type == "dns") {
      table_.text("query", question.request.empty() ? "." : question.request);
      if (const auto wanted = Address::parse(question.receive))
        table_.text("expect_address", wanted->to_string());
    } else if (at->type == "send_expect") {
      table_.text("send", question.request);
      table_.text("expect", question.receive.empty() ? "." : question.receive);
    } else if (!question.request.empty()) {
      context_.note(Severity::kWarning, place, "request", question.request,
                    fmt::format("the check of type \"{}\" asks nothing of its own", at->type));
    }
    if (at->type == "https" || at->type == "imaps" || at->type == "pop3s" || at->tls)
      table_.boolean("tls_verify", false);
    if (const Value* const login = value("login"); login != nullptr) {
      if (at->type == "mysql" || at->type == "pgsql")
        table_.text("username", login->text, login->place);
    }
    if (const Value* const database = value("database");
        database != nullptr && at->type == "pgsql") {
      table_.text("database", database->text, database->place);
    }
    return true;
  }

  void http(const Question& question) {
    std::string path = question.request;
    if (path.starts_with("http://") || path.starts_with("https://")) {
      const std::size_t slash = path.find('/', path.find("//") + 2);
      context_.note(Severity::kWarning, service_.from.address.place, "request", path,
                    "it names another server: set `address` and `port` of the check, if need be");
      path = slash == std::string::npos ? "/" : path.substr(slash);
    }
    if (!path.starts_with('/')) path = '/' + path;
    if (path != "/") table_.text("path", path);
    const Value* const method = value("httpmethod");
    if (method != nullptr && method->text == "HEAD" && question.receive.empty()) {
      table_.text("method", "HEAD", method->place);
    } else if (method != nullptr && method->text == "HEAD") {
      error(method->place, "httpmethod", "HEAD with receive",
            "its answer has no body: GET is used");
    }
    if (const Value* const host = value("virtualhost"))
      table_.text("host", host->text, host->place);
    table_.text("expect_status", "200-299");
    if (!question.receive.empty()) table_.text("expect_body", question.receive);
  }

  void times(bool negotiates) {
    const auto seconds = [&](const char* key) -> std::optional<std::int64_t> {
      const Value* const found = value(key);
      if (found == nullptr) return std::nullopt;
      const auto parsed = number(found->text);
      if (!parsed || *parsed < 1)
        error(found->place, key, found->text, "no number of seconds; the default there is used");
      return parsed && *parsed >= 1 ? parsed : std::nullopt;
    };
    table_.duration("interval", std::chrono::seconds(seconds("checkinterval").value_or(10)));
    const auto own = seconds(negotiates ? "negotiatetimeout" : "checktimeout");
    const auto other = seconds(negotiates ? "checktimeout" : "negotiatetimeout");
    table_.duration("timeout",
                    std::chrono::seconds(own ? *own : other.value_or(negotiates ? 30 : 5)));
    const auto count = seconds("checkcount");
    if (table_.text_of("type") == "ping" && count && *count > 1) table_.number("retry", *count - 1);
    table_.number("rise", 1).number("fall", seconds("failurecount").value_or(1));
  }

  const Value* value(const std::string& key) const {
    return service_.settings.value(service_.from, key);
  }
  std::string text(const std::string& key, const std::string& otherwise) const {
    return service_.settings.text(service_.from, key, otherwise);
  }
  void error(const Place& place, std::string keyword, std::string there, std::string here) {
    context_.note(Severity::kError, place, std::move(keyword), std::move(there), std::move(here));
  }

  Context& context_;
  Table& table_;
  const CheckedService& service_;
};

}  // namespace

void read_check(Context& context, Table& table, const CheckedService& service,
                const Question& question) {
  Check(context, table, service).read(question);
}

}  // namespace lb::importer::ldirectord
