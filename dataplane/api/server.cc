#include "dataplane/api/server.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "dataplane/api/run_folder.h"

namespace lb::api {

namespace {

namespace asio = boost::asio;
using Local = asio::local::stream_protocol;
using boost::system::error_code;

// A silent client must not occupy a place for ever.
constexpr std::chrono::seconds kFirstMessageLimit{10};
// Pause before accepting again when the process has no descriptor left.
constexpr std::chrono::milliseconds kAcceptRetry{200};

}  // namespace

class Session;

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
  void forget(const std::shared_ptr<Session>& session) { sessions_.erase(session); }

 private:
  bool wait_until_deaf();
  Result<void> remove_stale_socket();
  Result<void> bind_socket();
  void accept();
  void accepted(Local::socket socket);

  asio::io_context& context_;
  const ServerOptions options_;
  MakeDialogue make_dialogue_;
  Local::acceptor acceptor_;
  asio::steady_timer retry_;
  std::set<std::shared_ptr<Session>> sessions_;
  bool listening_ = false;
};

// One client. Reads a message, writes its whole answer, reads the next: while an answer waits for a
// slow client nothing more is read from it or produced for it.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Local::socket socket, std::unique_ptr<Dialogue> dialogue,
          std::weak_ptr<FrameServer::Impl> server)
      : socket_(std::move(socket)),
        silence_(socket_.get_executor()),
        dialogue_(std::move(dialogue)),
        server_(std::move(server)) {}

  void start() {
    silence_.expires_after(kFirstMessageLimit);
    silence_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error) self->finish();
    });
    read();
  }

  // Tells the client why and closes.
  void refuse(const std::string& text) { write(dialogue_->fault(text)); }

  void finish() {
    if (finished_) return;
    finished_ = true;
    silence_.cancel();
    error_code ignored;
    socket_.close(ignored);
    if (const auto server = server_.lock()) server->forget(shared_from_this());
  }

 private:
  void read() {
    asio::async_read(socket_, asio::buffer(prefix_),
                     [self = shared_from_this()](const error_code& error, std::size_t) {
                       if (error) return self->finish();
                       self->read_message();
                     });
  }

  void read_message() {
    const std::uint32_t bytes = decode_prefix(prefix_);
    if (bytes > kMaxMessageBytes) {
      refuse("a message of " + std::to_string(bytes) + " bytes is larger than the limit of " +
             std::to_string(kMaxMessageBytes));
      return;
    }
    message_left_ = bytes;
    message_.clear();
    read_part();
  }

  // Room is made as bytes come, so that a length alone does not take memory.
  void read_part() {
    if (message_left_ == 0) return handle();
    constexpr std::size_t kPart = std::size_t{64} << 10;
    const std::size_t part = std::min(message_left_, kPart);
    const std::size_t had = message_.size();
    message_.resize(had + part);
    asio::async_read(socket_, asio::buffer(message_.data() + had, part),
                     [self = shared_from_this(), part](const error_code& error, std::size_t) {
                       if (error) return self->finish();
                       self->message_left_ -= part;
                       self->read_part();
                     });
  }

  void handle() {
    silence_.cancel();
    guarded([this] {
      dialogue_->begin(message_);
      next();
    });
  }

  void next() {
    dialogue_->next([self = shared_from_this()](Dialogue::Step step) {
      if (!self->finished_) self->write(std::move(step));
    });
  }

  // An exception in a handler ends this client's talk and nothing else.
  template <typename Step>
  void guarded(Step&& step) {
    try {
      step();
    } catch (const std::exception& e) {
      write(dialogue_->fault(std::string("internal error: ") + e.what()));
    }
  }

  void write(Dialogue::Step step) {
    step_ = std::move(step);
    asio::async_write(socket_, asio::buffer(step_.frame),
                      [self = shared_from_this()](const error_code& error, std::size_t) {
                        self->written(error);
                      });
  }

  void written(const error_code& error) {
    if (error || finished_ || step_.close) return finish();
    if (step_.more) {
      guarded([this] { next(); });
    } else {
      step_.frame = std::string();
      read();
    }
  }

  Local::socket socket_;
  asio::steady_timer silence_;
  std::unique_ptr<Dialogue> dialogue_;
  std::weak_ptr<FrameServer::Impl> server_;
  FramePrefix prefix_{};
  std::string message_;
  std::size_t message_left_ = 0;
  Dialogue::Step step_;
  bool finished_ = false;
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
  constexpr mode_t kSocketMode = 0660;
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
  if (::chmod(options_.path.c_str(), kSocketMode) != 0) return failed("set the mode of", errno);
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
  auto session =
      std::make_shared<Session>(std::move(socket), make_dialogue_(caller), weak_from_this());
  if (sessions_.size() >= options_.max_clients) {
    session->refuse(options_.program + " serves " + std::to_string(options_.max_clients) +
                    " clients already; try again later");
    return;
  }
  sessions_.insert(session);
  session->start();
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
    : impl_(std::make_shared<Impl>(context, std::move(options), std::move(make_dialogue))) {}

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
