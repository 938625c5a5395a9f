// Checks by an operator's program.
#include <utility>

#include "controlplane/health/probes.h"
#include "controlplane/os/process.h"

namespace lb::health {
namespace {

constexpr int kNagiosWarning = 1;
constexpr int kFirstWeight = 2;  // exit status of weight 0
constexpr int kMostStatus = 255;

// A program that could not be started says nothing about the server.
Outcome evaluate(const controlplane::ProcessResult& ended, const Request& request,
                 std::chrono::steady_clock::duration took) {
  if (!ended.status) {
    const bool killed = ended.error.starts_with("killed") || ended.error.starts_with("ended by");
    if (killed) return bad("L7TOUT", ended.error);
    return {Verdict::kInconclusive, "SOCKERR " + ended.error};
  }
  const int status = *ended.status;
  if (status == 0 ||
      (request.script_style == config::ScriptStyle::kNagios && status == kNagiosWarning)) {
    return good("L7OK/" + std::to_string(status), took);
  }
  if (request.dynamic_weight && status >= kFirstWeight && status <= kMostStatus) {
    Outcome outcome = good("L7OK/" + std::to_string(status), took);
    outcome.weight = static_cast<std::uint16_t>(status - kFirstWeight);
    return outcome;
  }
  return {Verdict::kBad, "L7STS/" + std::to_string(status)};
}

// A canceled one leaves its program to end by itself or by its time-out: its result is ignored.
class ScriptProbe final : public Probe, public std::enable_shared_from_this<ScriptProbe> {
 public:
  ScriptProbe(const Request& request, Done done) : request_(request), done_(std::move(done)) {}

  void begin(boost::asio::io_context& io) {
    controlplane::run_process(
        io, {request_.command, request_.environment, request_.user}, request_.timeout,
        [self = shared_from_this()](const controlplane::ProcessResult& ended) {
          const Done done = std::exchange(self->done_, nullptr);
          if (!done) return;
          done(evaluate(ended, self->request_, std::chrono::steady_clock::now() - self->started_));
        });
  }

  void cancel() override { done_ = nullptr; }

 private:
  Request request_;
  Done done_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace

std::shared_ptr<Probe> start_script_probe(boost::asio::io_context& io, const Request& request,
                                          Done done) {
  auto probe = std::make_shared<ScriptProbe>(request, std::move(done));
  probe->begin(io);
  return probe;
}

}  // namespace lb::health
