#include "controlplane/os/process.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <sstream>
#include <utility>

#include "controlplane/os/capabilities.h"
#include "controlplane/os/user.h"

namespace lb::controlplane {
namespace {

constexpr int kNotStarted = 127;  // as in shells
constexpr mode_t kUmask = 077;

// What the child needs, all made before the fork: another thread may hold the lock of the allocator
// then.
struct Start {
  std::vector<std::string> argv;
  std::vector<std::string> variables;
  std::vector<std::string> candidates;  // where the program may be, in order
  std::vector<char*> arguments;         // {a shell's place, argv[0], argv[1], ..., null}
  std::vector<char*> environment;
  std::optional<User> user;  // nothing: stays who it is
};

// In the child. Groups first, while it still may.
bool become(const User& user) {
  return setgroups(user.groups.size(), user.groups.data()) == 0 && setgid(user.group) == 0 &&
         setuid(user.id) == 0;
}

// In the child. Of whom root's capabilities were kept by an ambient set, none is left: what a
// program of root has, it has by being root's.
bool drop_capabilities() {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0 &&
         (geteuid() == 0 || syscall(SYS_capset, &header, none.data()) == 0);
}

// As execvpe() does: goes on at what cannot be run, and a script without "#!" is the shell's.
void execute(Start& start) {
  for (std::string& candidate : start.candidates) {
    execve(candidate.c_str(), start.arguments.data() + 1, start.environment.data());
    if (errno != ENOEXEC) continue;
    static char shell[] = "/bin/sh";
    start.arguments[0] = shell;
    start.arguments[1] = candidate.data();
    execve(shell, start.arguments.data(), start.environment.data());
  }
}

// In the child.
[[noreturn]] void run(Start& start) {
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  // What we ignore, or were started to ignore, would be inherited.
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  const int null = open("/dev/null", O_RDWR);
  if (null < 0) _exit(kNotStarted);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, fd);
  // Scripts must not inherit our sockets.
  syscall(SYS_close_range, 3U, ~0U, 0U);
  umask(kUmask);
  if (chdir("/") != 0 || (start.user && !become(*start.user)) || !drop_capabilities()) {
    _exit(kNotStarted);
  }
  execute(start);
  _exit(kNotStarted);
}

std::vector<std::string> candidates_of(const std::string& program) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> found;
  std::istringstream folders(kProgramPath);
  for (std::string folder; std::getline(folders, folder, ':');) {
    found.push_back(folder + '/' + program);
  }
  return found;
}

bool may_change_user() {
  return has_capability(CAP_SETUID) && has_capability(CAP_SETGID);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> all;
  for (std::string& text : texts) all.push_back(text.data());
  all.push_back(nullptr);
  return all;
}

struct Running : std::enable_shared_from_this<Running> {
  Running(boost::asio::io_context& io, int pidfd, pid_t process, bool is_daemons,
          std::function<void(const ProcessResult&)> callback)
      : handle(io, pidfd),
        limit(io),
        pid(process),
        starts_daemon(is_daemons),
        on_end(std::move(callback)) {}

  // The event loop has ended, and the program ends with it.
  ~Running() {
    if (reaped) return;
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

  void watch(std::chrono::milliseconds most);
  void end(std::string why);
  void reap();

  boost::asio::posix::stream_descriptor handle;  // readable when the process has ended
  boost::asio::steady_timer limit;
  pid_t pid;
  const bool starts_daemon;
  std::function<void(const ProcessResult&)> on_end;
  std::string killed;
  bool reaped = false;
};

void Running::watch(std::chrono::milliseconds most) {
  limit.expires_after(most);
  limit.async_wait([self = shared_from_this(), most](const boost::system::error_code& error) {
    if (!error) self->end("killed after " + std::to_string(most.count()) + " ms");
  });
  handle.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this()](const boost::system::error_code& error) {
                      if (!error) self->reap();
                    });
}

void Running::end(std::string why) {
  if (reaped || !killed.empty()) return;
  killed = std::move(why);
  kill(-pid, SIGKILL);
}

void Running::reap() {
  limit.cancel();
  int status = 0;
  const bool known = waitpid(pid, &status, 0) == pid;
  reaped = true;
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
  // What it left behind in its group. A daemon may need a moment to leave it.
  if (!starts_daemon || !ended.good) kill(-pid, SIGKILL);
  on_end(ended);
}

}  // namespace

std::function<void()> run_process(boost::asio::io_context& io, const Command& command,
                                  std::chrono::milliseconds limit,
                                  std::function<void(const ProcessResult&)> on_end) {
  const auto failed = [&](std::string why) -> std::function<void()> {
    boost::asio::post(io, [on_end, why = std::move(why)] { on_end({false, why, {}}); });
    return [] {};
  };
  Start start{command.argv, command.environment, candidates_of(command.argv.at(0)), {}, {}, {}};
  if (!command.user.empty() && !(start.user = find_user(command.user))) {
    if (errno == 0) return failed("there is no user " + command.user);
    const std::string why = std::strerror(errno);
    return failed("user " + command.user + " cannot be looked up: " + why);
  }
  if (start.user && start.user->id == geteuid()) start.user.reset();
  if (start.user && !may_change_user()) {
    return failed("lb-controlplane may not run programs as user " + command.user +
                  "; it needs CAP_SETUID and CAP_SETGID");
  }
  start.variables.push_back(std::string("PATH=") + kProgramPath);
  start.arguments = pointers(start.argv);
  start.arguments.insert(start.arguments.begin(), nullptr);
  start.environment = pointers(start.variables);

  const pid_t pid = fork();
  if (pid < 0) return failed(std::string("fork: ") + std::strerror(errno));
  if (pid == 0) run(start);
  setpgid(pid, pid);  // parent and child both set it
  const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) {
    const int why = errno;
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return failed(std::string("pidfd_open: ") + std::strerror(why));
  }
  const auto running =
      std::make_shared<Running>(io, pidfd, pid, command.starts_daemon, std::move(on_end));
  running->watch(limit);
  return [weak = std::weak_ptr(running)] {
    if (const auto self = weak.lock()) self->end("killed");
  };
}

}  // namespace lb::controlplane
