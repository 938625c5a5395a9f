#include "controlplane/host/files.h"

#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/base/daemon_user.h"
#include "controlplane/os/process.h"

namespace lb::controlplane::host {
namespace {

// RuntimeDirectory=, StateDirectory= and LogsDirectory= of the units: systemd makes them before a
// daemon starts.
constexpr std::array<std::string_view, 3> kMadeByUnits = {"/run/ballast", "/var/lib/ballast",
                                                          "/var/log/ballast"};

bool is_root() {
  return ::geteuid() == 0;
}

// Whom the daemons run as: their own user where there is one, else root.
std::optional<User> daemon() {
  return is_root() ? find_user(kDaemonUser) : std::nullopt;
}

std::string daemon_name() {
  return daemon() ? kDaemonUser : "root";
}

bool is_made_by_unit(const std::string& path) {
  struct stat status {};
  return std::ranges::find(kMadeByUnits, path) != kMadeByUnits.end() &&
         ::stat(path.c_str(), &status) != 0 && errno == ENOENT;
}

std::string our_name() {
  const passwd* const found = ::getpwuid(::geteuid());
  return found == nullptr ? fmt::format("number {}", ::geteuid()) : found->pw_name;
}

// Whether a daemon may do it cannot be said by someone who may not.
std::string unknown(const std::string& path) {
  return fmt::format("{} cannot be checked by user {}; run lbcli check as root, or with --no-host",
                     path, our_name());
}

bool is_denied(int error) {
  return error == EACCES || error == EPERM;
}

// Nothing that any access could help against: it is missing, or of another kind.
std::string of_kind(const std::string& path, mode_t kind, std::string_view name) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (is_denied(errno) && !is_root()) return unknown(path);
    return fmt::format("{} cannot be opened: {}", path, std::strerror(errno));
  }
  if ((status.st_mode & S_IFMT) == kind) return {};
  return fmt::format("{} is no {}", path, name);
}

// The folder that exists, of which the missing ones below can be made.
std::string existing(std::string path) {
  struct stat status {};
  while (path.size() > 1 && ::stat(path.c_str(), &status) != 0 && errno == ENOENT) {
    path = std::filesystem::path(path).parent_path();
  }
  return path;
}

std::string without_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

// Files are made in it, and others opened through it.
std::string usable_folder(const std::string& path) {
  if (std::string wrong = of_kind(path, S_IFDIR, "folder"); !wrong.empty()) {
    return wrong + "; make it, or name another one";
  }
  for (const Access access : {Access::kWrite, Access::kExecute}) {
    const int error = access_as(daemon(), path, access);
    if (error == 0) continue;
    return fmt::format("{} cannot be written to: {}; chown {} {}, or name another folder", path,
                       std::strerror(error), daemon_name(), path);
  }
  return {};
}

// As run_process() searches, which goes on at a file that cannot be run; else the first file found.
// Empty: there is none.
std::string in_path(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  std::string first;
  std::string_view left = kProgramPath;
  while (!left.empty()) {
    const std::size_t end = left.find(':');
    const std::string candidate = std::string(left.substr(0, end)) + '/' + program;
    left.remove_prefix(end == std::string_view::npos ? left.size() : end + 1);
    struct stat status {};
    if (::stat(candidate.c_str(), &status) != 0) continue;
    if (S_ISREG(status.st_mode) && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    if (first.empty()) first = candidate;
  }
  return first;
}

std::string file_error(const std::string& path, const std::string& kind,
                       const std::function<Result<void>(const std::string&)>& load) {
  if (std::string wrong = of_kind(path, S_IFREG, "regular file"); !wrong.empty()) {
    return fmt::format("{}; {}", wrong,
                       wrong.find("--no-host") != std::string::npos
                           ? "it holds " + kind
                           : "make it, or name another " + kind);
  }
  if (const int error = access_as(daemon(), path, Access::kRead); error != 0) {
    if (is_denied(error) && !is_root()) return unknown(path);
    return fmt::format("{} cannot be read by lb-controlplane: {}; chown {} {}", path,
                       std::strerror(error), daemon_name(), path);
  }
  const auto loaded = load(path);
  return loaded ? std::string() : loaded.error().message;
}

std::string program_error(const std::string& program, const std::string& name) {
  const std::string path = in_path(program);
  if (path.empty()) {
    return fmt::format("there is no program {} in {}; install it, or write its absolute path",
                       program, kProgramPath);
  }
  if (std::string wrong = of_kind(path, S_IFREG, "program"); !wrong.empty()) {
    return wrong + "; make it, or name another program";
  }
  const std::optional<User> user = find_user(name);
  if (!user) return {};  // reported at its own key
  const int error = access_as(user, path, Access::kExecute);
  if (error == 0 && (is_root() || user->id == ::geteuid())) return {};
  if (!is_root()) return unknown(path);
  return fmt::format(
      "{} cannot be run by user {}: {}; see the modes of it and of its folders (chmod +x)", path,
      name, std::strerror(error));
}

}  // namespace

template <typename Ask>
const std::string& Files::once(Question question, const Ask& ask) {
  const auto [found, is_new] = answers_.try_emplace(std::move(question));
  if (is_new) found->second = ask();
  return found->second;
}

std::string Files::file(const std::string& path, const std::string& kind,
                        const std::function<Result<void>(const std::string& path)>& load) {
  return once({"file", path, kind}, [&] { return file_error(path, kind, load); });
}

// What only the daemons write to says nothing to others: it is no mistake that they may not.
std::string Files::writable_file(const std::string& path) {
  if (!is_root()) return {};
  return once({"writable", path, ""}, [&] {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0 && errno == ENOENT) {
      const std::string folder = std::filesystem::path(path).parent_path();
      return is_made_by_unit(folder) ? std::string() : usable_folder(folder);
    }
    if (std::string wrong = of_kind(path, S_IFREG, "regular file"); !wrong.empty()) {
      return wrong + "; name another file";
    }
    const int error = access_as(daemon(), path, Access::kWrite);
    if (error == 0) return std::string();
    return fmt::format("{} cannot be written to: {}; chown {} {}, or name another file", path,
                       std::strerror(error), daemon_name(), path);
  });
}

std::string Files::folder(const std::string& path) {
  if (!is_root()) return {};
  return once({"folder", path, ""}, [&] {
    const std::string folder = without_slashes(path);
    return is_made_by_unit(folder) ? std::string() : usable_folder(existing(folder));
  });
}

std::string Files::library(const std::string& path) {
  return once({"library", path, ""}, [&]() -> std::string {
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0) {
      if (is_denied(errno) && !is_root()) return unknown(path);
      return fmt::format("{} cannot be opened: {}; install it, or leave drivers out", path,
                         std::strerror(errno));
    }
    if ((status.st_mode & S_IWOTH) == 0) return {};
    return fmt::format("{} is writable by everybody, and DPDK refuses it; chmod o-w {}", path,
                       path);
  });
}

std::string Files::program(const std::string& program, const std::string& user) {
  return once({"program", program, user}, [&] { return program_error(program, user); });
}

std::string Files::user(const std::string& name) {
  return once({"user", name, ""}, [&] {
    if (find_user(name)) return std::string();
    if (errno != 0) {
      return fmt::format("user {} cannot be looked up: {}", name, std::strerror(errno));
    }
    return fmt::format("there is no user {} on this machine; make it with useradd --system {}",
                       name, name);
  });
}

}  // namespace lb::controlplane::host
