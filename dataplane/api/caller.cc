#include "dataplane/api/caller.h"

#include <pwd.h>

#include <algorithm>
#include <cstdio>
#include <memory>

namespace lb::api {
namespace {

constexpr std::size_t kMostLetters = 32;

// The name that a client gives itself, without characters that could be misread in a line.
std::string plain(const std::string& program) {
  std::string out = program.substr(0, kMostLetters);
  std::replace_if(
      out.begin(), out.end(),
      [](char c) {
        return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 c == '-' || c == '_' || c == '.');
      },
      '?');
  return out.empty() ? "?" : out;
}

// From the machine's own file: getpwuid() may ask a directory service that does not answer, and
// block everything. Empty: unknown.
std::string user_name(uid_t uid) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen("/etc/passwd", "re"), std::fclose);
  if (!file) return {};
  while (const passwd* const entry = ::fgetpwent(file.get())) {
    if (entry->pw_uid == uid) return entry->pw_name;
  }
  return {};
}

}  // namespace

std::string to_string(const Caller& caller) {
  std::string words = "by=" + plain(caller.program) + " uid=" + std::to_string(caller.uid);
  if (const std::string name = user_name(caller.uid); !name.empty()) words += " user=" + name;
  return words + " pid=" + std::to_string(caller.pid);
}

}  // namespace lb::api
