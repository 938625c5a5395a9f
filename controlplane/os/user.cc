#include "controlplane/os/user.h"

#include <grp.h>
#include <pwd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

namespace lb::controlplane {
namespace {

constexpr std::size_t kMaxEntryBytes = std::size_t{1} << 20;

struct Learnt {
  std::mutex mutex;  // of what follows; never held while somebody is asked
  std::map<std::string, User> users;
};

Learnt& learnt() {
  static auto& all = *new Learnt;
  return all;
}

std::optional<User> look_up(const std::string& name) {
  passwd entry{};
  passwd* found = nullptr;
  std::vector<char> text(1024);
  do {
    text.resize(2 * text.size());
    errno = getpwnam_r(name.c_str(), &entry, text.data(), text.size(), &found);
  } while (errno == ERANGE && text.size() < kMaxEntryBytes);
  if (found == nullptr) {
    // Two of several ways in which a source of users says that it has none of this name.
    if (errno == ENOENT || errno == ESRCH) errno = 0;
    return std::nullopt;
  }
  User user{found->pw_uid, found->pw_gid, std::vector<gid_t>(64)};
  int count = static_cast<int>(user.groups.size());
  if (getgrouplist(name.c_str(), user.group, user.groups.data(), &count) < 0) {
    user.groups.resize(static_cast<std::size_t>(count));
    getgrouplist(name.c_str(), user.group, user.groups.data(), &count);
  }
  user.groups.resize(static_cast<std::size_t>(count));
  return user;
}

}  // namespace

std::optional<User> find_user(const std::string& name) {
  {
    const std::lock_guard lock(learnt().mutex);
    const auto found = learnt().users.find(name);
    if (found != learnt().users.end()) return found->second;
  }
  return look_up(name);
}

std::set<std::string> learn_users(const std::set<std::string>& names) {
  std::set<std::string> missing;
  for (const std::string& name : names) {
    auto user = look_up(name);
    if (!user) {
      missing.insert(name);
      continue;
    }
    const std::lock_guard lock(learnt().mutex);
    learnt().users[name] = std::move(*user);
  }
  return missing;
}

}  // namespace lb::controlplane
