// For tests: a Reloader with a file of its own, and what it asks of the rest of the control plane.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/os/file_writer.h"
#include "controlplane/os/test_namespace.h"
#include "controlplane/os/text_file.h"
#include "controlplane/reload.h"

namespace lb::controlplane {

inline std::string config_text(int weight, const std::string& more = "",
                               const std::string& lcores = "1") {
  return "[director]\nname = \"lb1\"\n" + more + "[dataplane]\nlcores = \"" + lcores +
         "\"\n[[port]]\nname = \"wan\"\ndevice = \"net_null0\"\naddresses = [\"192.0.2.2/24\"]\n"
         "[[service]]\nname = \"web\"\naddress = \"192.0.2.10:80\"\nmode = \"dr\"\n"
         "[[service.real_server]]\naddress = \"192.0.2.11:80\"\nweight = " +
         std::to_string(weight) + "\n";
}

inline const config::Machine kMachine{{0, 1, 2, 3}};
inline constexpr const char* kChange = "service web: real server 192.0.2.11:80: weight 1 -> 2";

class ReloaderTest : public testing::Test {
 protected:
  ReloaderTest() {
    std::string pattern = "/tmp/ballast-reload-XXXXXX";
    folder = ::mkdtemp(pattern.data());
    file = folder + "/ballast.toml";
    EXPECT_TRUE(write_text(file, config_text(1)));
    audit.emplace(AuditLog::open("test", folder + "/audit.log").value());
    start();
  }
  ~ReloaderTest() override {
    EXPECT_TRUE(writer.finish(std::chrono::seconds(20)));
    std::filesystem::remove_all(folder);
  }

  // As after a restart: with what the file says.
  void start() {
    const std::string text = config::read_file(file).value();
    reloader.emplace(io, Reloader::Options{file, folder, machine, &*audit, &writer}, text,
                     config::seal(config::load_text(text, file, machine).config), host());
  }

  Reloader::Host host() {
    const auto apply = [this](const config::ConfigPtr& next, auto done) {
      applied.push_back(next->services[0].real_servers[0].weight);
      if (hold) {
        held = std::move(done);
      } else if (refusal.empty()) {
        done({});
      } else {
        done(fail(std::exchange(refusal, {})));
      }
    };
    return {.apply =
                [this, apply](const config::ConfigPtr& next, auto done) {
                  overrides.clear();
                  apply(next, std::move(done));
                },
            .restore =
                [this, apply](const config::ConfigPtr& before, const std::string& text, auto done) {
                  overrides = text;
                  apply(before, std::move(done));
                },
            .overrides = [this] { return overrides; },
            .ended_by =
                [this](const config::Config&) {
                  std::vector<EndedChange> ended;
                  if (!overrides.empty()) ended.push_back({"service web", overrides, "ready"});
                  return ended;
                }};
  }

  // Until what it starts has ended, unless the data plane holds it.
  api::control::ConfigReply run(api::control::ConfigCommand::Kind kind,
                                const std::string& text = "", int confirm_ms = 0) {
    api::control::ConfigCommand command;
    command.set_kind(kind);
    command.set_file("next.toml");
    command.set_text(text);
    command.set_confirm_ms(static_cast<std::uint64_t>(confirm_ms));
    std::optional<api::control::ConfigReply> reply;
    reloader->command(command, "by=test",
                      [&reply](const api::control::ConfigReply& got) { reply = got; });
    EXPECT_TRUE(test::run_until(io, [&reply] { return reply.has_value(); }));
    auto answer = reply.value_or(api::control::ConfigReply());
    if (hold || !answer.applying()) return answer;
    EXPECT_TRUE(test::run_until(io, [this] { return !status().applying(); }));
    answer.set_applying(false);
    answer.set_error(status().error());
    return answer;
  }
  api::control::ConfigReply status() {
    api::control::ConfigCommand command;
    command.set_kind(api::control::ConfigCommand::STATUS);
    api::control::ConfigReply reply;
    reloader->command(command, "", [&](const api::control::ConfigReply& got) { reply = got; });
    return reply;
  }
  // Without waiting for the answer, which is put there.
  void begin(api::control::ConfigCommand::Kind kind,
             std::optional<api::control::ConfigReply>& reply) {
    api::control::ConfigCommand command;
    command.set_kind(kind);
    reloader->command(command, "by=test",
                      [&reply](const api::control::ConfigReply& got) { reply = got; });
  }
  std::string in_file() { return config::read_file(file).value(); }

  boost::asio::io_context io;
  FileWriter writer{io};
  config::Machine machine = kMachine;
  std::string folder;
  std::string file;
  // New lines of the audit log since the last call, without times.
  std::vector<std::string> told() {
    EXPECT_TRUE(audit->finish(std::chrono::seconds(20)));
    std::ifstream in(folder + "/audit.log");
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
      lines.push_back(line.substr(line.find("audit: ") + 7));
    }
    const auto known = static_cast<std::ptrdiff_t>(std::exchange(audited_, lines.size()));
    return {lines.begin() + known, lines.end()};
  }

  std::size_t audited() const {
    std::ifstream in(folder + "/audit.log");
    return static_cast<std::size_t>(
        std::count(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>(), '\n'));
  }

  std::optional<AuditLog> audit;
  std::size_t audited_ = 0;
  std::optional<Reloader> reloader;
  std::vector<int> applied;  // weights
  std::string overrides;     // that operators have set
  std::string refusal;       // of the next one
  bool hold = false;
  std::function<void(Result<void>)> held;
};

}  // namespace lb::controlplane
