// haproxy.cfg as sections of lines, with quotes, environment variables and conditional blocks resolved.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/import/context.h"

namespace lb::importer::haproxy {

struct Line {
  std::vector<std::string> words;  // never empty
  Place place;

  // Empty when there are fewer words.
  const std::string& word(std::size_t index) const;
};

struct Section {
  std::string type;  // "listen"
  std::string name;
  std::string from;  // the defaults section that it names; empty: none
  Place place;
  std::vector<Line> lines;
};

// All files are one configuration. What is no line of it is noted.
std::vector<Section> read_sections(Context& context, const std::vector<File>& files);

// ---- The parts of it.

using Environment = std::map<std::string, std::string, std::less<>>;

// The words of a line, without its comment. Of a variable that is not set the name stays.
std::vector<std::string> split_line(Context& context, std::string_view line, const Place& place,
                                    const Environment& environment);
// What ".if" says; false for what cannot be read, which is noted.
bool is_true(Context& context, std::string_view condition, const Place& place,
             const Environment& environment);

}  // namespace lb::importer::haproxy
