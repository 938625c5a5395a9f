// The SYN proxy translates what a server answers, so it must see it.
#include <fmt/format.h>

#include "config/validate.h"

namespace lb::config {

void validate_syn_proxy(const Config& config, std::vector<Problem>& problems) {
  for (std::size_t i = 0; i < config.services.size(); ++i) {
    const Service& service = config.services[i];
    if (service.syn_proxy == SynProxyMode::kOff) continue;
    const auto report = [&](std::string_view key, std::string message) {
      problems.push_back(
          {fmt::format("service[{}].{}", i, key), std::move(message), ProblemKind::kOther});
    };
    if (service.protocol != Protocol::kTcp) {
      report("syn_proxy", "syn_proxy is for TCP; remove it, or write protocol = \"tcp\"");
    } else if (service.mode == Mode::kDr) {
      report("syn_proxy",
             "syn_proxy needs mode = \"nat\": in DR mode the director does not see the server's "
             "answers, whose sequence numbers it would have to translate");
    } else if (service.sorry_server && !service.sorry_server->is_local() &&
               service.sorry_server->mode == Mode::kDr) {
      report("sorry_server.mode",
             "with syn_proxy the sorry server needs mode = \"nat\", too: the director must see its "
             "answers");
    }
  }
}

}  // namespace lb::config
