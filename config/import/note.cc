#include "config/import/note.h"

#include <fmt/format.h>

#include <algorithm>

namespace lb::importer {

std::string Note::to_string() const {
  const std::string where = place.file.empty() ? "" : place.to_string() + ": ";
  std::string text = fmt::format("{}{}: {}", where, name_of(severity), keyword);
  if (!there.empty()) text += ": " + there;
  if (!here.empty()) text += fmt::format("{}here: {}", there.empty() ? ": " : "; ", here);
  return text;
}

std::string summary(const std::vector<Note>& notes) {
  std::string text;
  for (const auto& [name, severity] : kEnumNames<Severity>) {
    const auto is_one = [level = severity](const Note& note) { return note.severity == level; };
    const auto count = std::count_if(notes.begin(), notes.end(), is_one);
    if (count == 0) continue;
    if (!text.empty()) text += ", ";
    text += fmt::format("{} {}{}", count, name, count == 1 ? "" : "s");
  }
  return text;
}

}  // namespace lb::importer
