#include "controlplane/cli/set.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "config/base/nearest.h"
#include "config/duration.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/options.h"

namespace lb::cli {
namespace {

using api::control::SetCommand;

std::vector<std::string_view> changes_of(SetOptions::Target target) {
  switch (target) {
    case SetOptions::Target::kRealServer:
      return {"maint", "ready", "drain", "weight"};
    case SetOptions::Target::kService:
      return {"scheduler"};
    case SetOptions::Target::kHealth:
      break;
  }
  return {"believe"};
}

void on_chosen(CLI::App& command, Options& options, SetOptions::Target target) {
  command.callback([&options, target] {
    options.command = Command::kSet;
    options.set.target = target;
  });
}

Result<void> set_admin_state(const SetOptions& options, SetCommand& command) {
  if (!options.value.empty()) {
    return fail(fmt::format("{} takes no value; remove {}", options.what, options.value));
  }
  if (options.what == "maint") command.set_admin_state(SetCommand::MAINT);
  if (options.what == "ready") command.set_admin_state(SetCommand::READY);
  if (options.what == "drain") command.set_admin_state(SetCommand::DRAIN);
  if (options.deadline.empty()) return {};
  if (options.what != "drain") return fail("--deadline is only for drain");
  const auto deadline = config::parse_duration(options.deadline);
  if (!deadline) return fail("--deadline: " + deadline.error().message);
  if (*deadline < std::chrono::seconds(1) || *deadline > std::chrono::hours(30 * 24)) {
    return fail(fmt::format("--deadline {} is out of range; write a duration from 1s to 720h",
                            options.deadline));
  }
  command.set_deadline_ms(static_cast<std::uint64_t>(deadline->count()));
  return {};
}

Result<void> set_weight(const SetOptions& options, SetCommand& command) {
  std::uint32_t weight = 0;
  const char* const end = options.value.data() + options.value.size();
  const auto [at, error] = std::from_chars(options.value.data(), end, weight);
  if (options.value.empty()) return fail("weight needs a number from 0 to 65535");
  if (at != end || error != std::errc() || weight > 65'535) {
    return fail(
        fmt::format("invalid weight \"{}\"; write a number from 0 to 65535", options.value));
  }
  if (!options.deadline.empty()) return fail("--deadline is only for drain");
  command.set_weight(weight);
  return {};
}

void add_save(CLI::App& app, Options& options) {
  app.add_flag("--save", options.set.save, "keep it when the configuration file is read again");
}

}  // namespace

Result<SetCommand> set_request(const SetOptions& options) {
  const auto known = changes_of(options.target);
  if (std::ranges::find(known, options.what) == known.end()) {
    return fail(unknown_name("change", options.what, known));
  }
  SetCommand command;
  if (options.target == SetOptions::Target::kHealth) {
    command.set_release_held(true);
    return command;
  }
  command.set_service(options.service);
  if (options.target == SetOptions::Target::kRealServer) {
    const auto server = parse_real_server(options.real_server);
    if (!server) return tl::make_unexpected(server.error());
    command.set_real_server(server->port == 0 ? server->address.to_string() : server->to_string());
  }
  command.set_save(options.save);
  if (options.target == SetOptions::Target::kService) {
    command.set_scheduler(options.value);
    return command;
  }
  const auto result =
      options.what == "weight" ? set_weight(options, command) : set_admin_state(options, command);
  if (!result) return tl::make_unexpected(result.error());
  return command;
}

void add_set_command(CLI::App& app, Options& options) {
  CLI::App* const set = app.add_subcommand("set", "change services until the file is read again");
  set->require_subcommand(1)->fallthrough();

  CLI::App* const rs = set->add_subcommand("rs", "a real server of a service")->fallthrough();
  on_chosen(*rs, options, SetOptions::Target::kRealServer);
  rs->add_option("service", options.set.service, "the service")->required()->type_name("NAME");
  rs->add_option("real_server", options.set.real_server, "the real server")
      ->required()
      ->type_name("ADDRESS[:PORT]");
  rs->add_option("what", options.set.what,
                 "weight N; maint: as if it were down; drain: no new connections; ready: end of "
                 "maint and drain")
      ->required()
      ->type_name("maint|ready|drain|weight");
  rs->add_option("value", options.set.value, "of weight")->type_name("N");
  rs->add_option("--deadline", options.set.deadline, "of drain: then the remaining connections end")
      ->type_name("DURATION");
  add_save(*rs, options);

  CLI::App* const service = set->add_subcommand("service", "a service")->fallthrough();
  on_chosen(*service, options, SetOptions::Target::kService);
  service->add_option("service", options.set.service, "the service")->required()->type_name("NAME");
  service->add_option("what", options.set.what, "scheduler")->required()->type_name("scheduler");
  service->add_option("value", options.set.value, "the scheduler")->required()->type_name("WORD");
  add_save(*service, options);

  CLI::App* const health = set->add_subcommand("health", "the health checks")->fallthrough();
  on_chosen(*health, options, SetOptions::Target::kHealth);
  health
      ->add_option("what", options.set.what,
                   "believe: take out the servers that the panic guard holds in service")
      ->required()
      ->type_name("believe");
}

}  // namespace lb::cli
