#include "config/import/keepalived_track.h"

#include <fmt/format.h>

#include <algorithm>

namespace lb::importer::keepalived {
namespace {

constexpr std::int64_t kMostWeight = 253;
constexpr std::size_t kProcessName = 15;  // what the kernel keeps of it

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// "killall -0 NAME" -> NAME; empty for another command.
std::string signalled_process(const std::vector<std::string>& command) {
  std::string name;
  bool only_asks = false;
  if (command.empty() || base_name(command.front()) != "killall") return {};
  for (std::size_t i = 1; i < command.size(); ++i) {
    if (command[i] == "-0") {
      only_asks = true;
    } else if (command[i].starts_with('-') && command[i] != "-q") {
      return {};
    } else if (command[i] != "-q") {
      if (!name.empty()) return {};
      name = command[i];
    }
  }
  return only_asks ? name : std::string();
}

std::vector<std::string> running(const std::string& process) {
  return {"pgrep", "-x", process.substr(0, kProcessName)};
}

}  // namespace

void Tracks::read_definitions(const Tree& tree) {
  for (const Statement& each : tree.statements) {
    if (each.name() == "vrrp_script") read_script(each);
  }
  for (const Statement& each : tree.statements) {
    // The instance's track_process has no name; a deprecated form of the definition does.
    if (each.name() == "vrrp_track_process" || each.name() == "track_process") read_process(each);
  }
}

std::string Tracks::unused_name(const std::string& wanted) {
  std::string name = wanted;
  for (int i = 2; !names_.insert(name).second; ++i) name = fmt::format("{}-{}", wanted, i);
  return name;
}

void Tracks::read_script(const Statement& block) {
  for (const Statement& each : block.block)
    context_.keyword("vrrp_script", each.name(), each.place);
  if (scripts_.contains(block.argument())) {
    context_.note(Severity::kError, block.place, "vrrp_script", block.argument(),
                  "there is one of this name already; left out");
    return;
  }
  Program program{unused_name(block.argument())};
  Table& script = context_.draft.ha().add("script", block.place);
  script.text("name", program.script);
  std::string user = global_.script_user;
  if (const Statement* const from = find(block, "user")) user = user_of(context_, *from, 1);
  if (const Statement* const from = find(block, "script")) {
    std::vector<std::string> command = only_program_words(context_, *from);
    const std::string process = signalled_process(command);
    if (!process.empty() && user.empty()) {
      command = running(process);
      context_.note(Severity::kInfo, from->place, "script", from->arguments(),
                    "a signal needs the right to send it, which ballast-script does not have: "
                    "pgrep -x asks the same");
    }
    script.texts("command", command, from->place);
  }
  // The defaults there: every second, and as long as the interval.
  const Statement* const interval = find(block, "interval");
  const auto every = interval != nullptr ? seconds(interval->argument()) : std::nullopt;
  script.duration("interval", every.value_or(config::Milliseconds(1000)),
                  interval != nullptr ? interval->place : block.place);
  if (const Statement* const timeout = find(block, "timeout")) {
    set_seconds(context_, script, "timeout", *timeout);
  } else {
    script.duration("timeout", every.value_or(config::Milliseconds(1000)));
  }
  for (const std::string_view name : {"rise", "fall"}) {
    const Statement* const from = find(block, name);
    if (from != nullptr && from->argument() != "1") set_number(context_, script, name, *from);
  }
  if (!user.empty()) script.text("user", user);
  if (const Statement* const from = find(block, "weight")) {
    program.weight = number(from->argument()).value_or(0);
    program.reverse = from->words.size() > 2 && from->words[2] == "reverse";
  }
  scripts_[block.argument()] = program;
}

void Tracks::read_process(const Statement& block) {
  for (const Statement& each : block.block)
    context_.keyword("vrrp_track_process", each.name(), each.place);
  const Statement* const process = find(block, "process");
  const Statement* const quorum = find(block, "quorum");
  const bool simple =
      process != nullptr && process->words.size() == 2 &&
      (quorum == nullptr || quorum->argument() == "1") && find(block, "quorum_max") == nullptr &&
      find(block, "full_command") == nullptr && find(block, "param_match") == nullptr;
  Program program;
  program.weight = 1;
  if (simple) {
    program.script = unused_name(block.argument());
    context_.draft.ha()
        .add("script", block.place)
        .text("name", program.script)
        .texts("command", running(base_name(process->argument())), process->place)
        .duration("interval", std::chrono::seconds(1))
        .duration("timeout", std::chrono::seconds(1));
  } else {
    context_.note(Severity::kError, block.place, "vrrp_track_process", block.argument(),
                  "more than one process of one name: write a [[ha.script]] that decides, with "
                  "pgrep; left out");
  }
  if (const Statement* const from = find(block, "weight")) {
    program.weight = number(from->argument()).value_or(1);
    program.reverse = from->words.size() > 2 && from->words[2] == "reverse";
  }
  processes_[block.argument()] = program;
}

// "NAME", "NAME weight -20 reverse", of a block or behind the keyword.
std::vector<Tracks::Track> Tracks::tracks_of(const Statement& block) {
  std::vector<Track> tracks;
  for (const Statement& from : block.block) {
    if (from.name() != "track_interface" && from.name() != "track_script" &&
        from.name() != "track_process")
      continue;
    for (const Statement& each : from.block) add_track(tracks, each, from.name());
    if (!from.has_block && from.words.size() > 1) {
      Statement single = from;
      single.words.erase(single.words.begin());
      add_track(tracks, single, from.name());
    }
  }
  return tracks;
}

void Tracks::add_track(std::vector<Track>& tracks, const Statement& from,
                       const std::string& keyword) {
  Track track{"script", from.name(), 0, false, from.place, keyword};
  if (keyword == "track_interface") {
    track.key = "interface";
  } else if (!find_program(track, keyword == "track_script" ? scripts_ : processes_,
                           keyword == "track_script" ? "vrrp_script" : "vrrp_track_process")) {
    return;
  }
  read_weight(track, from.words, 1);
  if (track.reverse) {
    context_.note(Severity::kError, from.place, keyword, from.name() + " reverse",
                  "not here: write a script with the opposite result, and track it with weight " +
                      std::to_string(-track.weight) + "; left out");
    return;
  }
  tracks.push_back(std::move(track));
}

bool Tracks::find_program(Track& track, const Programs& programs, const std::string& what) {
  const auto known = programs.find(track.target);
  if (known == programs.end()) {
    context_.note(Severity::kError, track.place, track.keyword, track.target,
                  fmt::format("there is no {} of this name; left out", what));
    return false;
  }
  track.target = known->second.script;
  track.weight = known->second.weight;
  track.reverse = known->second.reverse;
  return !track.target.empty();
}

void Tracks::read_weight(Track& track, const std::vector<std::string>& words, std::size_t from) {
  for (std::size_t i = from; i < words.size(); ++i) {
    const auto given =
        words[i] == "weight" && i + 1 < words.size() ? number(words[i + 1]) : std::nullopt;
    if (given) {
      track.weight = *given;
      ++i;
    } else if (words[i] == "reverse" || words[i] == "noreverse") {
      track.reverse = words[i] == "reverse";
    } else {
      context_.note(Severity::kError, track.place, track.keyword, words[i],
                    "it is no weight; left out");
    }
  }
  if (track.weight < -kMostWeight || track.weight > kMostWeight) {
    context_.note(Severity::kWarning, track.place, track.keyword,
                  fmt::format("weight {}", track.weight),
                  "priorities go from 1 to 254: 253 is used");
    track.weight = std::clamp(track.weight, -kMostWeight, kMostWeight);
  }
}

void Tracks::write(Table& instance, const Track& track) {
  const bool script = std::string_view(track.key) == "script";
  Table& table = instance.add("track", track.place);
  table.text(track.key, script ? track.target : context_.port(track.target, track.place));
  if (track.weight != 0) table.number("weight", track.weight);
}

void Tracks::read_instance(Table& instance, const Statement& block, const Statement* group) {
  std::unordered_set<std::string> of_group;
  bool keeps_weights = true;
  if (group != nullptr) {
    keeps_weights = find(*group, "sync_group_tracking_weight") != nullptr ||
                    find(*group, "global_tracking") != nullptr;
    for (const Statement& from : group->block) {
      for (const Statement& each : from.block) of_group.insert(from.name() + ' ' + each.name());
    }
  }
  for (Track& track : tracks_of(block)) {
    if (of_group.contains(track.keyword + ' ' + track.target)) continue;
    if (track.weight != 0 && !keeps_weights) {
      context_.note(Severity::kWarning, track.place, track.keyword,
                    fmt::format("{} weight {}: 0 in a vrrp_sync_group", track.target, track.weight),
                    "no weight either: a failure is a fault of the group; a track of the group "
                    "keeps its weight");
      track.weight = 0;
    }
    write(instance, track);
  }
}

void Tracks::read_group(const std::vector<Table*>& members, const Statement& block) {
  for (const Track& track : tracks_of(block)) {
    for (Table* const member : members) {
      write(*member, track);
      // A fault of one is one of the group.
      if (track.weight == 0) break;
    }
  }
}

}  // namespace lb::importer::keepalived
