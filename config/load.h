// From a file to a checked configuration: parse -> validate. Pure but for reading the file.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.h"
#include "config/model.h"
#include "config/problem.h"

namespace lb::config {

// One mistake, as an operator sees it: "FILE:LINE:COLUMN: what is wrong; the remedy".
struct Mistake {
  Location where;
  std::string message;
};

struct Loaded {
  Config config;
  std::vector<Mistake> mistakes;  // in the order of the file; empty: the configuration is good
  std::string file_name;          // as it was given
};

// Facts about the machine that validation needs; tests hand in their own.
struct Machine {
  std::vector<std::uint32_t> cpus;  // online CPU numbers; empty: they are not checked
  // Whether it has a group of this name. Null: groups are not checked.
  bool (*has_group)(const std::string& name) = nullptr;
  bool reads_lists = true;  // the files of allow_file and deny_file
  // What else the machine lacks that a configuration names. Null: that is not checked.
  std::function<std::vector<Problem>(const Config& config)> missing = nullptr;

  static Machine here();  // without `missing`
  static Machine any();   // no machine: the text alone is checked
};

// Neither throws, whatever the text holds.
Loaded load_text(std::string_view text, const std::string& file_name, const Machine& machine);
Loaded load_file(const std::string& path, const Machine& machine);

// The file as it is, for those who keep it. Reads no more than what could be a configuration.
Result<std::string> read_file(const std::string& path);

// The configuration as TOML with every key written out, secrets too; load_text() of it gives the same
// Config.
std::string print(const Config& config);
// One service of it: what two directors compare.
std::string print_service(const Service& service);

// "FILE:LINE:COLUMN: message", one per line.
std::string format_mistakes(const std::string& file_name, const std::vector<Mistake>& mistakes);

}  // namespace lb::config
