// notify, notify_master, notify_backup and notify_fault of instances and groups: [ha] notify, which is
// one program for all.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/import/keepalived.h"

namespace lb::importer::keepalived {

class Notify {
 public:
  // Both outlive this.
  Notify(Context& context, const Global& global) : context_(context), global_(global) {}

  void read_instance(const Statement& block);
  // `first`: the member whose transitions stand for the group's; empty: it has none.
  void read_group(const Statement& block, const std::string& first);
  // Into the draft. Call last.
  void write();

 private:
  // Commands in the order of the file, each with the patterns of "INSTANCE STATE" that it is for.
  struct Case {
    std::string command;
    std::vector<std::string> patterns;
  };
  using Cases = std::vector<Case>;

  void read_states(Cases& cases, const Statement& block, const std::string& instance);
  void add(Cases& cases, const Statement& from, std::string command, std::string pattern);
  std::string command_of(const Statement& from);
  static std::string shell(const Cases& cases);

  Context& context_;
  const Global& global_;
  Cases states_;
  Cases group_states_;
  Cases all_;
  Cases group_all_;
  std::vector<std::string> single_;  // the program of `notify`, as long as there is nothing else
  std::size_t instances_ = 0;
  std::set<std::string> users_;
  Place place_;
};

}  // namespace lb::importer::keepalived
