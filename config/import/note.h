// What an import says about the origin: everything that is not the same here, with its place there.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "config/base/enum_names.h"

namespace lb::importer {

// A line of an input file. `line` counts from 1; 0: the file as a whole.
struct Place {
  std::string file;
  std::uint32_t line = 0;
  auto operator<=>(const Place&) const = default;
  std::string to_string() const { return line == 0 ? file : file + ':' + std::to_string(line); }
};

enum class Severity : std::uint8_t {
  kError,    // a mistake there, or something that clients will miss and that Ballast cannot do
  kWarning,  // another meaning, or no counterpart: read it before the change-over
  kInfo,     // nothing to do: done in another way, or not needed here
};
constexpr auto enum_names(Severity) {
  return std::to_array<EnumName<Severity>>({
      {"error", Severity::kError},
      {"warning", Severity::kWarning},
      {"info", Severity::kInfo},
  });
}

struct Note {
  Severity severity = Severity::kWarning;
  Place place;
  std::string keyword;  // as it is written there, with its block if needed: "real_server weight"
  std::string there;    // what it did there; may be empty
  std::string here;     // what is done or to be done here
  // "keepalived.conf:12: warning: KEYWORD: THERE; here: HERE"
  std::string to_string() const;
  bool operator==(const Note&) const = default;
};

// "2 errors, 1 warning"; empty without notes.
std::string summary(const std::vector<Note>& notes);

}  // namespace lb::importer
