// Writes the canonical form: for print.cc and its parts alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/model.h"

namespace lb::config {

// TOML text, table by table.
class Printer {
 public:
  void table(std::string_view header);
  void text(std::string_view key, std::string_view value);
  void number(std::string_view key, std::int64_t value);
  void boolean(std::string_view key, bool value);
  void duration(std::string_view key, Milliseconds value);
  void texts(std::string_view key, const std::vector<std::string>& values);
  void prefixes(std::string_view key, const std::vector<Ipv4Prefix>& values);
  void addresses(std::string_view key, const std::vector<Ipv4Address>& values);
  void endpoint_ranges(std::string_view key, const std::vector<Ipv4EndpointRange>& values);
  std::string take() { return std::move(out_); }

 private:
  void raw(std::string_view key, std::string_view value);
  template <typename T, typename Text>
  void list(std::string_view key, const std::vector<T>& values, Text text);

  std::string out_;
};

void print_check(Printer& out, std::string_view header, const Check& check);
void print_agent(Printer& out, const AgentCheck& agent);
void print_ha(Printer& out, const Ha& ha);
void print_alert(Printer& out, const Alert& alert);

}  // namespace lb::config
