// The two sockets of a daemon's local API, and who may do what through them:
//
//   RUN_DIR/NAME.sock       for root and the admin_group: everything
//   RUN_DIR/NAME-read.sock  for the read_group: no changes; absent without such a group
//
// The daemon says what a request changes (action.h). Each change goes to the audit log, refused or
// not.
#pragma once

#include <unistd.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/base/audit_log.h"
#include "config/base/daemon_user.h"
#include "dataplane/api/action.h"
#include "dataplane/api/caller.h"
#include "dataplane/api/error_codec.h"
#include "dataplane/api/run_folder.h"
#include "dataplane/api/server.h"

namespace lb::api {

struct SocketOptions {
  std::string run_dir;
  std::string name;         // of the socket: "dataplane"
  std::string program;      // "lb-dataplane"
  std::string admin_group;  // empty: none, root alone
  std::string read_group;   // empty: none
  std::string own_client;   // the other daemon of ours: what it does all the time is not logged
};

inline std::string permission_denied(const std::string& what, const std::string& admin_group) {
  return "permission denied: " + what + " is for " +
         (admin_group.empty() ? "root; [director] admin_group would name a group for it"
                              : "root and the members of group " + admin_group);
}

template <typename Request, typename Response>
class Sockets {
 public:
  using Api = Server<Request, Response>;
  using Answer = typename Api::Answer;
  using Handler = typename Api::CallerHandler;
  // Nothing: it only reads.
  using ActionOf = std::function<std::optional<Action>(const Request&)>;

  // The audit log outlives this.
  Sockets(boost::asio::io_context& context, SocketOptions options, AuditLog& audit,
          ActionOf action_of, Handler handler)
      : options_(std::move(options)),
        audit_(audit),
        action_of_(std::move(action_of)),
        handler_(std::move(handler)),
        admin_(context, server_options(false), answer()) {
    if (!options_.read_group.empty()) read_.emplace(context, server_options(true), answer());
  }

  Result<void> listen() {
    std::vector<std::string> groups;
    for (const std::string& group : {options_.admin_group, options_.read_group}) {
      if (!group.empty()) groups.push_back(group);
    }
    if (auto ready = prepare_run_folder(options_.run_dir, groups); !ready) return ready;
    if (auto listening = admin_.listen(); !listening) return listening;
    if (read_) return read_->listen();
    // Left by a killed daemon: as the other socket is ours, no daemon owns it.
    ::unlink(server_options(true).path.c_str());
    return {};
  }

  void close() {
    admin_.close();
    if (read_) read_->close();
  }

 private:
  ServerOptions server_options(bool read_only) const {
    ServerOptions out;
    out.path = options_.run_dir + '/' + options_.name + (read_only ? "-read.sock" : ".sock");
    out.program = options_.program;
    out.group = read_only ? options_.read_group : options_.admin_group;
    out.read_only = read_only;
    return out;
  }

  Handler answer() {
    return [this](const Request& request, const Caller& caller) -> Answer {
      const std::optional<Action> action = action_of_(request);
      if (!action) return handler_(request, caller);
      if (caller.read_only) {
        const auto refusal = error_response<Response>(
            {permission_denied(action->command, options_.admin_group), ErrorKind::kDenied});
        audit_.write_refused(to_string(caller), action->command, refusal.error());
        return refusal;
      }
      Answer answer = handler_(request, caller);
      return action->logged && !is_own(caller) ? logged(std::move(answer), caller, action->command)
                                               : answer;
    };
  }

  bool is_own(const Caller& caller) const {
    return !options_.own_client.empty() && caller.program == options_.own_client &&
           is_daemon_user(caller.uid);
  }

  // With the outcome in the first part of the answer.
  Answer logged(Answer answer, const Caller& caller, const std::string& words) {
    const auto held = std::make_shared<Answer>(std::move(answer));
    return typename Api::Later([this, by = to_string(caller), words, held,
                                told = std::make_shared<bool>(false)](auto reply) {
      held->next([this, by, words, told, reply = std::move(reply)](Response part) {
        if (!std::exchange(*told, true)) {
          audit_.write(by, words, part.error().empty() ? "ok" : part.error());
        }
        reply(std::move(part));
      });
    });
  }

  const SocketOptions options_;
  AuditLog& audit_;
  const ActionOf action_of_;
  const Handler handler_;
  Api admin_;
  std::optional<Api> read_;
};

}  // namespace lb::api
