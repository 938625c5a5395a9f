#include "controlplane/failover/notifier.h"

#include <utility>

namespace lb::controlplane {

Notifier::Notifier(boost::asio::io_context& io, std::string director,
                   std::vector<std::string> command, std::string user)
    : director_(std::move(director)),
      command_(std::move(command)),
      user_(std::move(user)),
      queue_(io) {}

void Notifier::notify(const HaEvent& event) {
  if (command_.empty()) return;
  const std::string priority = std::to_string(event.priority);
  Command program{command_, {}, user_};
  program.argv.insert(program.argv.end(), {"INSTANCE", event.instance, event.to, priority});
  program.environment = {"BALLAST_DIRECTOR=" + director_, "BALLAST_INSTANCE=" + event.instance,
                         "BALLAST_FROM=" + event.from,    "BALLAST_STATE=" + event.to,
                         "BALLAST_PRIORITY=" + priority,  "BALLAST_REASON=" + event.reason};
  queue_.run(std::move(program), "notify program for " + event.instance + ' ' + event.to);
}

}  // namespace lb::controlplane
