#include "controlplane/cli/set.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <limits>

#include "config/duration.h"
#include "controlplane/api/controlplane.pb.h"
#include "controlplane/cli/options.h"

namespace lb::cli {
namespace {

using api::control::SetCommand;

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
  if (options.value.empty() || at != end || error != std::errc() || weight > 65'535) {
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
  SetCommand command;
  if (options.what == "believe") {
    command.set_release_held(true);
    return command;
  }
  command.set_service(options.service);
  if (!options.real_server.empty()) {
    const auto server = parse_real_server(options.real_server);
    if (!server) return tl::make_unexpected(server.error());
    command.set_real_server(server->port == 0 ? server->address.to_string() : server->to_string());
  }
  command.set_save(options.save);
  if (options.what == "scheduler") {
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
  rs->callback([&options] { options.command = Command::kSet; });
  rs->add_option("service", options.set.service, "the service")->required()->type_name("NAME");
  rs->add_option("real_server", options.set.real_server, "the real server")
      ->required()
      ->type_name("ADDRESS[:PORT]");
  rs->add_option("what", options.set.what,
                 "weight N; maint: as if it were down; drain: no new connections; ready: end of "
                 "maint and drain")
      ->required()
      ->check(CLI::IsMember({"weight", "maint", "ready", "drain"}));
  rs->add_option("value", options.set.value, "of weight")->type_name("N");
  rs->add_option("--deadline", options.set.deadline, "of drain: then the remaining connections end")
      ->type_name("DURATION");
  add_save(*rs, options);

  CLI::App* const service = set->add_subcommand("service", "a service")->fallthrough();
  service->callback([&options] { options.command = Command::kSet; });
  service->add_option("service", options.set.service, "the service")->required()->type_name("NAME");
  service->add_option("what", options.set.what, "scheduler")
      ->required()
      ->check(CLI::IsMember({"scheduler"}));
  service->add_option("value", options.set.value, "the scheduler")->required()->type_name("WORD");
  add_save(*service, options);

  CLI::App* const health = set->add_subcommand("health", "the health checks")->fallthrough();
  health->callback([&options] { options.command = Command::kSet; });
  health
      ->add_option("what", options.set.what,
                   "believe: take out the servers that the panic guard holds in service")
      ->required()
      ->check(CLI::IsMember({"believe"}));
}

}  // namespace lb::cli
