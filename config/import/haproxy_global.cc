// What is no traffic: "global", "mailers", and sections that have no counterpart.
#include <fmt/format.h>

#include <algorithm>

#include "config/import/haproxy.h"
#include "config/import/importer.h"

namespace lb::importer::haproxy {
namespace {

class Rest {
 public:
  Rest(Context& context, const Configuration& configuration)
      : context_(context), configuration_(configuration) {}

  void read() {
    for (const Section& section : configuration_.sections) {
      if (section.type == "defaults" || section.type == "frontend" || section.type == "backend" ||
          section.type == "listen") {
        continue;
      }
      for (const Line& line : section.lines) known(section, line);
      if (section.type == "global") global(section);
      if (section.type == "mailers") mailers(section);
    }
    for (const Proxy& proxy : configuration_.proxies) mail(proxy);
  }

 private:
  // Of several words the keyword may be two.
  void known(const Section& section, const Line& line) {
    const std::string two = line.words[0] + ' ' + line.word(1);
    const bool is_two =
        line.words.size() > 1 && find_keyword(haproxy_keywords(), section.type, two) != nullptr;
    context_.keyword(section.type, is_two ? two : keyword_of(line), line.place);
  }

  void global(const Section& section) {
    for (const Line& line : section.lines) {
      if (line.words[0] == "maxconn") {
        const auto most = number(line.word(1));
        if (most && *most > 1'000'000) {
          context_.draft.dataplane().number("max_connections", *most, line.place);
        }
      }
      if (line.words[0] == "node" || line.words[0] == "localpeer") {
        if (!line.word(1).empty()) context_.draft.director().text("name", line.word(1), line.place);
      }
    }
  }

  void mailers(const Section& section) {
    for (const Line& line : section.lines) {
      if (line.words[0] != "mailer") continue;
      if (!mailers_.emplace(section.name, &line).second) {
        context_.note(Severity::kWarning, line.place, "mailer", line.word(1),
                      "mail goes to one server, the first");
      }
    }
    for (const Line& line : section.lines) {
      if (line.words[0] != "timeout") continue;
      if (const auto time = duration(line.word(2))) mail_timeout_[section.name] = {&line, *time};
    }
  }

  void mail(const Proxy& proxy) {
    // Once for each section that says it, not for each that inherits it.
    const auto to = proxy.lines.find("email-alert to");
    const auto name = proxy.lines.find("email-alert mailers");
    if (to == proxy.lines.end() && name == proxy.lines.end()) return;
    const Place& place = (to != proxy.lines.end() ? to : name)->second.back()->place;
    Table& table = context_.draft.alert().table("mail", place);
    if (name != proxy.lines.end()) server(table, *name->second.back());
    if (table.value("server").empty()) table.text("server", "127.0.0.1:25").text("tls", "none");
    const Line* const from = proxy.last("email-alert from");
    if (from != nullptr) table.text("from", from->word(2), from->place);
    if (table.value("from").empty()) table.text("from", "root@localhost");
    if (to == proxy.lines.end()) return;
    const std::string& recipient = to->second.back()->word(2);
    if (recipient.empty() || !recipients_set_.insert(recipient).second) return;
    recipients_.push_back(recipient);
    table.texts("to", recipients_, place);
  }

  void server(Table& table, const Line& line) {
    const auto at = mailers_.find(line.word(2));
    if (at == mailers_.end()) {
      context_.note(Severity::kError, line.place, "email-alert mailers", line.word(2),
                    "there is no such mailers section");
      return;
    }
    table.text("server", at->second->word(2), at->second->place).text("tls", "none");
    const auto time = mail_timeout_.find(line.word(2));
    if (time != mail_timeout_.end()) {
      table.duration("timeout",
                     within(context_, *time->second.first, time->second.second,
                            config::Milliseconds(1000), config::Milliseconds(600'000)),
                     time->second.first->place);
    }
  }

  Context& context_;
  const Configuration& configuration_;
  std::map<std::string, const Line*> mailers_;
  std::map<std::string, std::pair<const Line*, config::Milliseconds>> mail_timeout_;
  std::vector<std::string> recipients_;
  std::set<std::string> recipients_set_;
};

}  // namespace

void read_rest(Context& context, const Configuration& configuration) {
  Rest(context, configuration).read();
}

}  // namespace lb::importer::haproxy
