#include "dataplane/lcore/host_notes.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <string_view>

#include "config/base/log.h"
#include "config/base/read_file.h"

namespace lb {
namespace {

constexpr std::size_t kMaxNotesBytes = std::size_t{1} << 20;
constexpr std::size_t kMaxBootIdBytes = 64;
constexpr std::size_t kAddress6Digits = 32;

std::string notes_file(const std::string& run_dir) {
  return run_dir + "/host-interfaces";
}

tl::unexpected<Error> failed(const std::string& run_dir, const std::string& what) {
  return fail(fmt::format("{}, which keeps the settings of the host's interfaces, {}",
                          notes_file(run_dir), what));
}

// This boot and network namespace, as the first line of the file.
Result<std::string> here() {
  const auto boot = read_regular_file("/proc/sys/kernel/random/boot_id", kMaxBootIdBytes);
  if (!boot) return fail("boot_id " + boot.error().message);
  // Unlike the inode of the namespace it is never given to another one.
  std::uint64_t cookie = 0;
  socklen_t bytes = sizeof cookie;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const bool known = getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &bytes) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (!known) {
    return fail(std::string("the network namespace is unknown: ") + std::strerror(error));
  }
  return fmt::format("boot {} network {}", boot->substr(0, boot->find('\n')), cookie);
}

// Parts of it become a path, and arguments of system calls.
bool is_note(const HostNote& note) {
  constexpr std::size_t kMostBytes = 64;
  const auto is_name = [](const std::string& text, std::string_view also) {
    return !text.empty() && text.size() <= kMostBytes && text.find("..") == std::string::npos &&
           std::all_of(text.begin(), text.end(), [also](char c) {
             return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
                    also.find(c) != std::string_view::npos;
           });
  };
  const bool is_value = is_name(note.before, "ABCDEF:/-") && is_name(note.ours, "ABCDEF:/-");
  if (note.key == kHostAddress6) {
    const std::size_t slash = note.before.find('/');
    return slash == kAddress6Digits && is_value &&
           note.before.find_first_not_of("0123456789abcdef") == slash;
  }
  return is_value && is_name(note.key, "/");
}

}  // namespace

std::string print_host_notes(const std::vector<HostNote>& notes) {
  std::string text;
  for (const HostNote& note : notes) {
    text += fmt::format("{} {} {} {} {} {}\n", note.index, note.interface, note.mac, note.key,
                        note.before, note.ours);
  }
  return text;
}

Result<std::vector<HostNote>> parse_host_notes(const std::string& text) {
  std::istringstream lines(text);
  std::vector<HostNote> notes;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    HostNote note;
    fields >> note.index >> note.interface >> note.mac >> note.key >> note.before >> note.ours;
    if (!fields || !is_note(note)) {
      return fail(fmt::format("is damaged in line {}; remove it", notes.size() + 2));
    }
    notes.push_back(note);
  }
  return notes;
}

Result<std::vector<HostNote>> read_host_notes(const std::string& run_dir) {
  const std::string path = notes_file(run_dir);
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 && errno == ENOENT) return std::vector<HostNote>();
  const auto text = read_own_file(path, kMaxNotesBytes);
  if (!text) return failed(run_dir, text.error().message);
  const auto place = here();
  if (!place) return failed(run_dir, "cannot be judged: " + place.error().message);
  const std::string first = *place + '\n';
  if (!text->starts_with(first)) {
    log::info("{}: is of another boot or network namespace, and does not count", path);
    return std::vector<HostNote>();
  }
  auto notes = parse_host_notes(text->substr(first.size()));
  if (!notes) return failed(run_dir, notes.error().message);
  return notes;
}

Result<void> write_host_notes(const std::string& run_dir, const std::vector<HostNote>& notes) {
  const std::string path = notes_file(run_dir);
  if (notes.empty()) {
    if (unlink(path.c_str()) == 0 || errno == ENOENT) return {};
    return failed(run_dir, fmt::format("cannot be removed: {}", std::strerror(errno)));
  }
  const auto place = here();
  if (!place) return failed(run_dir, "cannot be written: " + place.error().message);
  const std::string text = *place + '\n' + print_host_notes(notes);
  const std::string fresh = path + ".new";
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  const bool written = fd >= 0 &&
                       write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(fd) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (written && rename(fresh.c_str(), path.c_str()) == 0) return {};
  return failed(run_dir,
                fmt::format("cannot be written: {}", std::strerror(written ? errno : error)));
}

}  // namespace lb
