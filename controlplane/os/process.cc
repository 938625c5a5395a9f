#include "controlplane/os/process.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include "controlplane/os/user.h"

namespace lb::controlplane {
namespace {

constexpr int kNotStarted = 127;  // as in shells

// In the child. Everything that allocates or takes a lock was done before the fork: another thread
// may have held the lock then.
[[noreturn]] void become(char* const* argv, char* const* environment,
                         const std::optional<User>& user) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // What we ignore, or were started to ignore, would be inherited.
  for (const int number : {SIGPIPE, SIGINT, SIGTERM}) signal(number, SIG_DFL);
  const int null = open("/dev/null", O_RDWR);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
  // Scripts must not inherit our sockets.
  syscall(SYS_close_range, 3U, ~0U, 0U);
  if (user && (setgroups(user->groups.size(), user->groups.data()) != 0 ||
               setgid(user->group) != 0 || setuid(user->id) != 0)) {
    _exit(kNotStarted);
  }
  execvpe(argv[0], argv, environment);
  _exit(kNotStarted);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

struct Running : std::enable_shared_from_this<Running> {
  Running(boost::asio::io_context& io, int pidfd, pid_t process,
          std::function<void(const ProcessResult&)> callback)
      : handle(io, pidfd), limit(io), pid(process), on_end(std::move(callback)) {}

  // The event loop has ended, and the program ends with it.
  ~Running() {
    if (reaped) return;
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void watch(std::chrono::milliseconds most);
  void reap();

  boost::asio::posix::stream_descriptor handle;  // readable when the process has ended
  boost::asio::steady_timer limit;
  pid_t pid;
  std::function<void(const ProcessResult&)> on_end;
  std::string killed;
  bool reaped = false;
};

void Running::watch(std::chrono::milliseconds most) {
  limit.expires_after(most);
  limit.async_wait([self = shared_from_this(), most](const boost::system::error_code& error) {
    if (error) return;
    self->killed = "killed after " + std::to_string(most.count()) + " ms";
    kill(-self->pid, SIGKILL);
  });
  handle.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      if (!error) self->reap();
                    });
}

void Running::reap() {
  limit.cancel();
  int status = 0;
  const bool known = waitpid(pid, &status, 0) == pid;
  reaped = true;
  // Kill what it left behind in its group.
  kill(-pid, SIGKILL);
  ProcessResult ended;
  if (!killed.empty()) {
    ended.error = killed;
  } else if (!known) {
    ended.error = "its exit status is unknown";
  } else if (WIFSIGNALED(status)) {
    ended.error = "ended by signal " + std::to_string(WTERMSIG(status));
  } else if (WEXITSTATUS(status) == kNotStarted) {
    ended.error = "exit status 127: not found, or the user may not run it";
  } else if (WEXITSTATUS(status) != 0) {
    ended.error = "exit status " + std::to_string(WEXITSTATUS(status));
  }
  if (killed.empty() && known && WIFEXITED(status) && WEXITSTATUS(status) != kNotStarted) {
    ended.status = WEXITSTATUS(status);
  }
  ended.good = ended.error.empty();
  on_end(ended);
}

}  // namespace

void run_process(boost::asio::io_context& io, const Command& command,
                 std::chrono::milliseconds limit,
                 std::function<void(const ProcessResult&)> on_end) {
  const auto failed = [&](std::string why) {
    boost::asio::post(io, [on_end, why = std::move(why)] { on_end({false, why, {}}); });
  };
  std::optional<User> user;
  if (!command.user.empty() && !(user = find_user(command.user))) {
    if (errno == 0) return failed("there is no user " + command.user);
    const std::string why = std::strerror(errno);
    return failed("user " + command.user + " cannot be looked up: " + why);
  }
  std::vector<std::string> arguments = command.argv;
  std::vector<std::string> variables = command.environment;
  for (char** each = environ; *each != nullptr; ++each) variables.emplace_back(*each);
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> environment = pointers(variables);

  const pid_t pid = fork();
  if (pid < 0) return failed(std::string("fork: ") + std::strerror(errno));
  if (pid == 0) become(argv.data(), environment.data(), user);
  setpgid(pid, pid);  // parent and child both set it
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    const int why = errno;
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return failed(std::string("pidfd_open: ") + std::strerror(why));
  }
  std::make_shared<Running>(io, pidfd, pid, std::move(on_end))->watch(limit);
}

}  // namespace lb::controlplane
