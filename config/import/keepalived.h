// The parts of the keepalived importer. Each reads statements of one kind into the context's draft.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/import/context.h"
#include "config/import/keepalived_file.h"

namespace lb::importer::keepalived {

// "1.5": seconds, as every timer there; empty for anything else.
std::optional<config::Milliseconds> seconds(const std::string& text);
std::optional<std::int64_t> number(const std::string& text);
// A command line without a shell: words, with "..." and '...' and \ as a shell has them.
std::vector<std::string> command_words(const std::string& line);

// The command of a script's statement, its first argument, in words. One that only a shell can run
// becomes one of bash, with a note.
std::vector<std::string> program_words(Context& context, const Statement& from);
// Of a statement whose command alone follows: notes further arguments, which keepalived ignores.
std::vector<std::string> only_program_words(Context& context, const Statement& from);
// The user in words[index], which a group may follow.
std::string user_of(Context& context, const Statement& from, std::size_t index);

// Sets a key when the argument is what it must be, else notes an error.
void set_number(Context& context, Table& table, std::string_view key, const Statement& from);
void set_seconds(Context& context, Table& table, std::string_view key, const Statement& from);

// An address of IPv4. Else it notes what is wrong: for IPv6 that it is not forwarded yet.
std::optional<Address> address(Context& context, const std::string& text, const Statement& from);

// Global definitions that other parts need.
struct Global {
  int vrrp_version = 2;
  std::string default_interface = "eth0";
  std::string script_user;
  bool strict = false;
};
Global read_global(Context& context, const Tree& tree);

void read_vrrp(Context& context, const Tree& tree, const Global& global);
void read_virtual_servers(Context& context, const Tree& tree, const Global& global);
// The check of a real server into a table that is empty; false: it has none.
struct CheckDefaults {
  const Statement* service;
  const Statement* server;
  std::uint16_t port;  // the real server's
  std::string_view script_user;
};
bool read_check(Context& context, Table& check, const CheckDefaults& defaults);

// The last one of this name in a block; null: none.
const Statement* find(const Statement& block, std::string_view name);

}  // namespace lb::importer::keepalived
