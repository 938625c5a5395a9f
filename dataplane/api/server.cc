#include "dataplane/api/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "config/base/daemon_user.h"
#include "config/base/log_limit.h"
#include "dataplane/api/run_folder.h"
#include "dataplane/api/session.h"

namespace lb::api {

namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using boost::system::error_code;

// Pause before accepting again when the process has no descriptor left.
constexpr std::chrono::milliseconds kAcceptRetry{200};

}  // namespace

class FrameServer::Impl : public std::enable_shared_from_this<FrameServer::Impl> {
 public:
  Impl(asio::io_context& context, ServerOptions options, MakeDialogue make_dialogue)
      : context_(context),
        options_(std::move(options)),
        make_dialogue_(std::move(make_dialogue)),
        acceptor_(context),
        retry_(context) {}

  Result<void> listen();
  void close();
  void forget(const std::shared_ptr<Session>& session);

 private:
  bool wait_until_deaf();
  Result<void> remove_stale_socket();
  Result<void> bind_socket();
  void accept();
  void accepted(Local::socket socket);
  std::shared_ptr<User> user_of(uid_t uid);
  std::string refusal(const User& user, uid_t uid) const;

  asio::io_context& context_;
  const ServerOptions options_;
  MakeDialogue make_dialogue_;
  Local::acceptor acceptor_;
  asio::steady_timer retry_;
  std::set<std::shared_ptr<Session>> sessions_;
  std::map<uid_t, std::shared_ptr<User>>
      users_;  // with clients, or with a share that is not paid off
  std::size_t limited_clients_ = 0;
  LogLimit refusals_;
  bool listening_ = false;
};

// False: a daemon still listens after that time.
bool FrameServer::Impl::wait_until_deaf() {
  constexpr std::chrono::milliseconds kPause{50};
  for (std::chrono::milliseconds waited{0};; waited += kPause) {
    Local::socket probe(context_);
    error_code error;
    probe.connect(Local::endpoint(options_.path), error);
    if (error == asio::error::connection_refused) return true;
    if (waited >= options_.takeover_wait) return false;
    std::this_thread::sleep_for(kPause);
  }
}

// Removes a socket file that a killed process left behind. Anything else in the way is an error.
Result<void> FrameServer::Impl::remove_stale_socket() {
  struct stat status {};
  if (::lstat(options_.path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};
    return fail("cannot stat " + options_.path + ": " + std::strerror(errno));
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(options_.path + " exists and is not a socket; remove it");
  }
  if (!wait_until_deaf()) {
    return fail("another " + options_.program + " listens on " + options_.path +
                "; stop it, or give this one another run_dir");
  }
  if (::unlink(options_.path.c_str()) != 0 && errno != ENOENT) {
    return fail("cannot replace the old socket " + options_.path + ": " + std::strerror(errno));
  }
  return {};
}

// Nobody can connect before listen(), and until then the file has no rights but its owner's: it has
// from the first moment on what fchmod() said before bind().
Result<void> FrameServer::Impl::bind_socket() {
  // Without a group it is for root alone: no process has rights by the group of the daemon.
  const mode_t mode = options_.group.empty() ? 0600 : 0660;
  const auto failed = [this](const std::string& what, int error) {
    return fail("cannot " + what + ' ' + options_.path + ": " + std::strerror(error));
  };
  std::optional<unsigned> group;
  if (!options_.group.empty()) {
    const auto id = group_id(options_.group);
    if (!id) return tl::make_unexpected(id.error());
    group = *id;
  }
  error_code error;
  acceptor_.open(Local(), error);
  if (error) return failed("open", error.value());
  if (::fchmod(acceptor_.native_handle(), S_IRUSR | S_IWUSR) != 0) {
    return failed("set the mode of", errno);
  }
  acceptor_.bind(Local::endpoint(options_.path), error);
  if (error) return failed("bind", error.value());
  if (group && ::lchown(options_.path.c_str(), static_cast<uid_t>(-1), *group) != 0) {
    return failed("give group " + options_.group + " the socket", errno);
  }
  if (::chmod(options_.path.c_str(), mode) != 0) return failed("set the mode of", errno);
  return {};
}

Result<void> FrameServer::Impl::listen() {
  const auto failed = [this](const char* what, const error_code& error) {
    return fail(std::string("cannot ") + what + " " + options_.path + ": " + error.message());
  };
  if (options_.path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail("the socket's path " + options_.path + " is longer than " +
                std::to_string(sizeof(sockaddr_un::sun_path) - 1) + " bytes; shorten run_dir");
  }
  error_code error;
  std::error_code folder_error;
  std::filesystem::create_directories(std::filesystem::path(options_.path).parent_path(),
                                      folder_error);
  if (folder_error) return failed("create the folder of", folder_error);
  if (auto cleared = remove_stale_socket(); !cleared) return cleared;

  if (auto bound = bind_socket(); !bound) return bound;
  acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return failed("listen on", error);
  listening_ = true;
  accept();
  return {};
}

void FrameServer::Impl::accept() {
  acceptor_.async_accept(
      [self = shared_from_this()](const error_code& error, Local::socket socket) {
        if (!self->listening_) return;
        if (!error) {
          self->accepted(std::move(socket));
          self->accept();
          return;
        }
        self->retry_.expires_after(kAcceptRetry);
        self->retry_.async_wait([self](const error_code& cancelled) {
          if (!cancelled) self->accept();
        });
      });
}

void FrameServer::Impl::accepted(Local::socket socket) {
  Caller caller;
  caller.read_only = options_.read_only;
  ucred credentials{};
  socklen_t bytes = sizeof(credentials);
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) == 0) {
    caller.uid = credentials.uid;
    caller.pid = credentials.pid;
  }
  const auto user = user_of(caller.uid);
  auto session =
      std::make_shared<Session>(std::move(socket), make_dialogue_(caller), options_, user,
                                [weak = weak_from_this()](const std::shared_ptr<Session>& ended) {
                                  if (const auto self = weak.lock()) self->forget(ended);
                                });
  if (const std::string refused = refusal(*user, caller.uid); !refused.empty()) {
    refusals_.write(log::Level::kWarning, "client", std::to_string(caller.uid), "{}: {}",
                    options_.path, refused);
    return session->refuse(refused + "; try again later");
  }
  sessions_.insert(session);
  ++user->clients;
  if (user->limited) ++limited_clients_;
  session->start();
}

void FrameServer::Impl::forget(const std::shared_ptr<Session>& session) {
  if (sessions_.erase(session) == 0) return;
  --session->user().clients;
  if (session->user().limited) --limited_clients_;
}

// Those that nobody needs go here: there are never many more users than clients.
std::shared_ptr<User> FrameServer::Impl::user_of(uid_t uid) {
  const auto now = Share::Clock::now();
  std::erase_if(users_, [now](const auto& each) {
    return each.second->clients == 0 && each.second->share.is_unused(now);
  });
  std::shared_ptr<User>& user = users_[uid];
  if (!user) user = std::make_shared<User>();
  user->limited = options_.limits.for_everybody || !is_daemon_user(uid);
  return user;
}

// Why there is no place for one more client of the user; empty: there is one.
std::string FrameServer::Impl::refusal(const User& user, uid_t uid) const {
  const std::size_t most = options_.limits.clients;
  const std::string serves = options_.program + " serves ";
  if (user.limited && user.clients >= std::max<std::size_t>(most / 4, 1)) {
    return serves + std::to_string(user.clients) + " clients of user " + std::to_string(uid) +
           " already";
  }
  // The last places are root's.
  if (sessions_.size() < most && (!user.limited || limited_clients_ < most - most / 8)) return {};
  return serves + std::to_string(sessions_.size()) + " clients already";
}

void FrameServer::Impl::close() {
  if (!listening_) return;
  listening_ = false;
  error_code ignored;
  acceptor_.close(ignored);
  retry_.cancel();
  ::unlink(options_.path.c_str());
  const std::vector<std::shared_ptr<Session>> open(sessions_.begin(), sessions_.end());
  for (const auto& session : open) session->finish();
}

FrameServer::FrameServer(asio::io_context& context, ServerOptions options,
                         MakeDialogue make_dialogue)
    : impl_(std::make_shared<Impl>(context, std::move(options), std::move(make_dialogue))) {
  is_daemon_user(0);  // looks it up, before a client comes
}

FrameServer::~FrameServer() {
  impl_->close();
}

Result<void> FrameServer::listen() {
  return impl_->listen();
}

void FrameServer::close() {
  impl_->close();
}

}  // namespace lb::api
