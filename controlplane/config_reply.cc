#include "controlplane/config_reply.h"

#include "config/base/log.h"
#include "controlplane/api/controlplane.pb.h"

namespace lb::controlplane {

using api::control::ConfigReply;

std::string counted(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " change" : " changes");
}

std::string restart_error(const std::vector<config::Change>& changes) {
  std::string both;
  std::string controlplane;
  for (const config::Change& change : changes) {
    if (change.needs == config::Needs::kNothing) continue;
    std::string& list = change.needs == config::Needs::kBoth ? both : controlplane;
    list += (list.empty() ? "" : "; ") + change.text;
  }
  if (both.empty() && controlplane.empty()) return {};
  std::string text = "nothing was changed: ";
  if (!both.empty()) text += both + ": needs a restart of lb-dataplane and lb-controlplane";
  if (!both.empty() && !controlplane.empty()) text += "; ";
  if (!controlplane.empty()) text += controlplane + ": needs a restart of lb-controlplane";
  return text;
}

std::string outcome_of(const ConfigReply& reply) {
  const int mistakes = reply.mistakes_size();
  if (mistakes == 1) return reply.mistakes(0);
  if (mistakes > 1) return reply.mistakes(0) + " and " + std::to_string(mistakes - 1) + " more";
  return reply.error().empty() ? "ok" : reply.error();
}

std::vector<std::string> texts_of(const std::vector<EndedChange>& ended) {
  std::vector<std::string> lines;
  for (const EndedChange& each : ended) lines.push_back(each.text());
  return lines;
}

void put(const std::vector<std::string>& lines, ConfigReply& reply) {
  for (const std::string& line : lines) reply.add_changes(line);
}

void put(const ConfigReader::Found& found, ConfigReply& reply) {
  for (const std::string& line : found.mistakes) reply.add_mistakes(line);
  for (const config::Change& each : found.changes) reply.add_changes(each.text);
}

void write_log(const std::string& what, const ConfigReply& reply) {
  for (const std::string& line : reply.mistakes()) log::error("{}: {}", what, line);
  if (!reply.mistakes().empty()) log::error("{}: errors; nothing was changed", what);
  if (!reply.error().empty()) log::error("{}: {}", what, reply.error());
  if (!reply.mistakes().empty() || !reply.error().empty()) return;
  for (const std::string& line : reply.changes()) log::info("{}: {}", what, line);
  log::info("{}: {}", what, counted(static_cast<std::size_t>(reply.changes_size())));
}

}  // namespace lb::controlplane
