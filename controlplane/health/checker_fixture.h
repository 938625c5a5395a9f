// For the tests of the Checker: a prober that remembers what was asked, and lets the test answer.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "controlplane/health/checker.h"
#include "controlplane/health/probe.h"

namespace lb::health {

inline constexpr std::chrono::milliseconds kLong{3'600'000};  // no second check within any test

class FakeProbe final : public Probe {
 public:
  FakeProbe(Request asked, Done on_done) : request(std::move(asked)), done(std::move(on_done)) {}
  void cancel() override { done = nullptr; }

  void answer(Verdict verdict, const std::string& text) {
    const Done to_call = std::exchange(done, nullptr);
    ASSERT_TRUE(to_call);
    to_call({verdict, text});
  }

  Request request;
  Done done;
};

// Remembers what was asked; the test answers.
class FakeProber final : public Prober {
 public:
  using Probes = std::vector<std::shared_ptr<FakeProbe>>;
  explicit FakeProber(Probes& probes) : probes_(probes) {}

  std::shared_ptr<Probe> start(const Request& request, Done done) override {
    probes_.push_back(std::make_shared<FakeProbe>(request, std::move(done)));
    return probes_.back();
  }

 private:
  Probes& probes_;
};

inline Target target(const std::string& service, const std::string& address,
                     config::CheckType type = config::CheckType::kTcp,
                     std::chrono::milliseconds interval = kLong) {
  Target made;
  made.id = RealServerId{static_cast<std::uint32_t>(std::hash<std::string>{}(service + address))};
  made.service = service;
  made.vip = Endpoint::parse("192.0.2.10:80").value();
  made.address = Endpoint::parse(address).value();
  made.check.type = type;
  made.check.interval = interval;
  made.check.rise = 2;
  made.check.fall = 3;
  return made;
}

class CheckerTest : public testing::Test {
 protected:
  Checker::OnChange record() {
    return [this](const Target& changed, const State& state) {
      changes_.push_back(changed.service + " " + changed.address.to_string() + " " +
                         (state.up ? "up " : "down ") + state.last_result);
    };
  }

  std::unique_ptr<Checker> make_checker() {
    return std::make_unique<Checker>(io_, record(), std::make_unique<FakeProber>(probes_));
  }

  void answer(std::size_t probe, Verdict verdict, const std::string& text = "text") {
    ASSERT_LT(probe, probes_.size());
    probes_[probe]->answer(verdict, text);
  }

  // Runs timers until so many probes have been started in all.
  void run_until_started(std::size_t count) {
    while (probes_.size() < count) {
      io_.restart();
      ASSERT_GT(io_.run_one(), 0u) << "nothing is left to run";
    }
  }

  boost::asio::io_context io_;
  FakeProber::Probes probes_;
  std::vector<std::string> changes_;
};

}  // namespace lb::health
