// docs/reference/commands.md has a section for every command, with each of its options, and for no
// other.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>

#include "controlplane/cli/options.h"

namespace lb::cli {
namespace {

constexpr std::string_view kHeading = "## `lbcli ";

// By the words behind `lbcli` in a heading, up to the first option or argument.
std::map<std::string, std::string> sections() {
  std::map<std::string, std::string> out;
  std::ifstream file(LB_COMMANDS_DOC);
  EXPECT_TRUE(file) << LB_COMMANDS_DOC;
  std::string* section = nullptr;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kHeading)) {
      const auto end = line.find('`', kHeading.size());
      section = &out[line.substr(kHeading.size(), end - kHeading.size())];
    } else if (line.starts_with("## ")) {
      section = nullptr;
    }
    if (section != nullptr) *section += line + '\n';
  }
  return out;
}

TEST(CommandsDocument, HasASectionForEveryCommand) {
  auto documented = sections();
  for (const CommandHelp& command : all_commands()) {
    const auto found = documented.find(command.name);
    if (found == documented.end()) {
      ADD_FAILURE() << "no section \"## `lbcli " << command.name << "`\" in " << LB_COMMANDS_DOC;
      continue;
    }
    for (const std::string& option : command.options) {
      EXPECT_NE(found->second.find('`' + option), std::string::npos)
          << "the section of `lbcli " << command.name << "` does not explain `" << option << '`';
    }
    documented.erase(found);
  }
  for (const auto& [name, text] : documented) {
    ADD_FAILURE() << "there is no command `lbcli " << name << "`; remove its section";
  }
}

}  // namespace
}  // namespace lb::cli
