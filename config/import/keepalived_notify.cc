#include "config/import/keepalived_notify.h"

#include <fmt/format.h>

#include <algorithm>

namespace lb::importer::keepalived {
namespace {

constexpr auto kStates = std::to_array<std::pair<std::string_view, std::string_view>>(
    {{"notify_master", "MASTER"}, {"notify_backup", "BACKUP"}, {"notify_fault", "FAULT"}});

// A word that a shell reads as it is.
std::string shell_word(const std::string& word) {
  const bool plain = !word.empty() && std::all_of(word.begin(), word.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("/._-+=:,@%").find(c) != std::string_view::npos;
  });
  if (plain) return word;
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + '\'';
}

}  // namespace

std::string Notify::command_of(const Statement& from) {
  std::string command;
  for (const std::string& word : program_words(context_, from))
    command += (command.empty() ? "" : " ") + shell_word(word);
  return command;
}

void Notify::add(Cases& cases, const Statement& from, std::string command, std::string pattern) {
  if (from.words.size() < 2) return;
  users_.insert(from.words.size() > 2 ? user_of(context_, from, 2) : global_.script_user);
  if (place_.file.empty()) place_ = from.place;
  const auto at = std::find_if(cases.begin(), cases.end(),
                               [&](const Case& each) { return each.command == command; });
  if (at != cases.end()) {
    at->patterns.push_back(std::move(pattern));
  } else {
    cases.push_back({std::move(command), {std::move(pattern)}});
  }
}

void Notify::read_states(Cases& cases, const Statement& block, const std::string& instance) {
  for (const auto& [keyword, state] : kStates) {
    if (const Statement* const from = find(block, keyword))
      add(cases, *from, command_of(*from), shell_word(fmt::format("{} {}", instance, state)));
  }
}

void Notify::read_instance(const Statement& block) {
  ++instances_;
  const std::string& name = block.argument();
  read_states(states_, block, name);
  const Statement* const from = find(block, "notify");
  if (from == nullptr) return;
  add(all_, *from, command_of(*from) + " \"$@\"", shell_word(name + ' ') + '*');
  single_ = program_words(context_, *from);
}

void Notify::read_group(const Statement& block, const std::string& first) {
  if (first.empty()) return;
  read_states(group_states_, block, first);
  const Statement* const from = find(block, "notify");
  if (from == nullptr) return;
  add(group_all_, *from,
      fmt::format("{} GROUP {} \"$3\" \"$4\"", command_of(*from), shell_word(block.argument())),
      shell_word(first + ' ') + '*');
}

std::string Notify::shell(const Cases& cases) {
  if (cases.empty()) return {};
  std::string text = "case \"$2 $3\" in ";
  for (const Case& each : cases)
    text += fmt::format("{}) {};; ", fmt::join(each.patterns, "|"), each.command);
  return text + "esac; ";
}

void Notify::write() {
  std::string script = shell(states_) + shell(group_states_) + shell(all_) + shell(group_all_);
  if (script.empty()) return;
  Table& ha = context_.draft.ha();
  const bool one = states_.empty() && group_states_.empty() && group_all_.empty() &&
                   all_.size() == 1 && all_.front().patterns.size() == instances_;
  if (one) {
    ha.texts("notify", single_, place_);
  } else {
    script.erase(script.find_last_not_of("; ") + 1);
    ha.texts("notify", {"/bin/sh", "-c", script, "notify"}, place_);
    context_.note(
        Severity::kInfo, place_, "notify", "a program for each instance, group and state",
        "one for all: a shell that chooses by its second and third argument, the instance "
        "and its state");
  }
  if (users_.size() > 1) {
    std::string names;
    for (const std::string& user : users_)
      names += (names.empty() ? "" : ", ") + (user.empty() ? "the default one" : user);
    context_.note(Severity::kError, place_, "notify", "different users: " + names,
                  "there is one notify_user: it must be allowed to do what each of them does");
  }
  const std::string user = users_.contains("root") ? "root" : *users_.rbegin();
  if (!user.empty()) ha.text("notify_user", user);
}

}  // namespace lb::importer::keepalived
