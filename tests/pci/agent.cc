// The first program of a test's guest. It makes the machine's own files the guest's root, read-only under a layer in
// memory, and then runs the commands that come over the second serial port:
//
//   ready:              once, when commands are accepted
//   ID COMMAND          from the test: run COMMAND by a shell; its output goes to the file ID.out of the shared folder
//   ID STATUS           to the test: the command has ended, as waitpid() says it
//
// Statically linked, so that the initial file system holds nothing else but kernel modules.
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>

namespace {

constexpr const char* kModules = "/modules/order";
constexpr const char* kPort = "/dev/ttyS1";
constexpr const char* kNinep = "trans=virtio,version=9p2000.L,msize=262144,";

// The kernel stops when this program ends, and says so on the console.
[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "agent: %s: %s\n", what, std::strerror(errno));
  std::exit(1);
}

void mount_at(const char* what, const std::string& where, const char* type, unsigned long flags = 0,
              const std::string& options = {}) {
  if (::mount(what, where.c_str(), type, flags, options.c_str()) != 0) give_up(where.c_str());
}

void make_folders(const std::string& path) {
  for (std::size_t at = path.find('/', 1); at != std::string::npos; at = path.find('/', at + 1)) {
    ::mkdir(path.substr(0, at).c_str(), 0755);
  }
  ::mkdir(path.c_str(), 0755);
}

void load_modules() {
  std::FILE* order = std::fopen(kModules, "r");
  if (order == nullptr) give_up(kModules);
  char name[256];
  while (std::fscanf(order, "%255s", name) == 1) {
    const int file = ::open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0 || (::syscall(SYS_finit_module, file, "", 0) != 0 && errno != EEXIST)) {
      give_up(name);
    }
    ::close(file);
  }
  std::fclose(order);
}

void make_root() {
  for (const char* folder : {"/dev", "/proc", "/sys", "/lower", "/layer", "/root"}) {
    ::mkdir(folder, 0755);
  }
  mount_at("dev", "/dev", "devtmpfs");
  mount_at("proc", "/proc", "proc");
  mount_at("sys", "/sys", "sysfs");
  load_modules();
  mount_at("root", "/lower", "9p", MS_RDONLY, std::string(kNinep) + "cache=loose");
  mount_at("layer", "/layer", "tmpfs");
  ::mkdir("/layer/upper", 0755);
  ::mkdir("/layer/work", 0755);
  mount_at("overlay", "/root", "overlay", 0,
           "lowerdir=/lower,upperdir=/layer/upper,workdir=/layer/work");
  for (const char* folder : {"/dev", "/proc", "/sys"}) {
    if (::mount(folder, (std::string("/root") + folder).c_str(), nullptr, MS_MOVE, nullptr) != 0) {
      give_up(folder);
    }
  }
  if (::chdir("/root") != 0 || ::mount(".", "/", nullptr, MS_MOVE, nullptr) != 0 ||
      ::chroot(".") != 0 || ::chdir("/") != 0) {
    give_up("root");
  }
}

void mount_folders(const std::string& shared) {
  mount_at("run", "/run", "tmpfs");
  mount_at("tmp", "/tmp", "tmpfs");
  for (const char* folder : {"/dev/shm", "/dev/hugepages"}) ::mkdir(folder, 0755);
  mount_at("shm", "/dev/shm", "tmpfs");
  mount_at("huge", "/dev/hugepages", "hugetlbfs");
  make_folders(shared);
  mount_at("shared", shared, "9p", 0, std::string(kNinep) + "cache=none");
}

int open_port() {
  const int port = ::open(kPort, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (port < 0) give_up(kPort);
  termios settings{};
  ::tcgetattr(port, &settings);
  ::cfmakeraw(&settings);
  ::tcsetattr(port, TCSANOW, &settings);
  return port;
}

class Agent {
 public:
  Agent(int port, std::string folder) : port_(port), folder_(std::move(folder)) {}

  [[noreturn]] void run(int children) {
    say("ready:");
    for (;;) {
      pollfd polled[] = {{port_, POLLIN, 0}, {children, POLLIN, 0}};
      if (::poll(polled, 2, -1) < 0 && errno != EINTR) give_up("poll");
      if ((polled[1].revents & POLLIN) != 0) reap(children);
      if ((polled[0].revents & POLLIN) != 0) read_commands();
    }
  }

 private:
  void say(const std::string& text) {
    const std::string line = text + '\n';
    for (std::size_t done = 0; done < line.size();) {
      const ssize_t written = ::write(port_, line.data() + done, line.size() - done);
      if (written < 0 && errno != EINTR) give_up("write");
      done += static_cast<std::size_t>(std::max<ssize_t>(written, 0));
    }
  }

  void read_commands() {
    char received[4096];
    const ssize_t size = ::read(port_, received, sizeof received);
    if (size <= 0) return;
    input_.append(received, static_cast<std::size_t>(size));
    for (std::size_t end = input_.find('\n'); end != std::string::npos; end = input_.find('\n')) {
      start(input_.substr(0, end));
      input_.erase(0, end + 1);
    }
  }

  void start(const std::string& line) {
    const std::size_t space = line.find(' ');
    if (space == std::string::npos) return;
    const std::string id = line.substr(0, space);
    const pid_t pid = ::fork();
    if (pid == 0) execute(id, line.substr(space + 1));
    if (pid < 0) give_up("fork");
    names_[pid] = id;
  }

  [[noreturn]] void execute(const std::string& id, const std::string& command) {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::setsid();
    const std::string path = folder_ + '/' + id + ".out";
    const int output = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    const int input = ::open("/dev/null", O_RDONLY);
    ::dup2(input, 0);
    ::dup2(output, 1);
    ::dup2(output, 2);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    std::_Exit(127);
  }

  void reap(int children) {
    signalfd_siginfo info;
    if (::read(children, &info, sizeof info) < 0 && errno != EAGAIN) give_up("signalfd");
    int status = 0;
    for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0;
         pid = ::waitpid(-1, &status, WNOHANG)) {
      const auto named = names_.find(pid);
      if (named == names_.end()) continue;  // the orphan of a command
      say(named->second + ' ' + std::to_string(status));
      names_.erase(named);
    }
  }

  int port_;
  std::string folder_;
  std::string input_;
  std::map<pid_t, std::string> names_;
};

}  // namespace

int main() {
  const char* shared = std::getenv("BALLAST_SHARED");  // the kernel's command line has it
  if (shared == nullptr) give_up("BALLAST_SHARED");
  make_root();
  mount_folders(shared);
  ::setenv("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", 1);
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  const int children = ::signalfd(-1, &child, SFD_CLOEXEC);
  if (children < 0) give_up("signalfd");
  Agent(open_port(), std::string(shared) + "/commands").run(children);
}
