// ldirectord.cf as values: what is set for all, and for each virtual.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/import/context.h"

namespace lb::importer::ldirectord {

struct Value {
  std::string text;
  Place place;
};

// One "virtual" with its indented lines.
struct Virtual {
  Value address;
  std::map<std::string, Value> values;
  std::vector<Value> reals;
};

struct Settings {
  std::map<std::string, Value> global;
  std::vector<Virtual> virtuals;

  // Of the virtual, else of all; null: neither has it.
  const Value* value(const Virtual& of, const std::string& key) const;
  std::string text(const Virtual& of, const std::string& key, const std::string& otherwise) const;
};

// Lines that are none are noted.
Settings read_settings(Context& context, const File& file);

// Without blanks around it.
std::string trimmed(std::string_view text);

}  // namespace lb::importer::ldirectord
