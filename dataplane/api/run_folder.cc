#include "dataplane/api/run_folder.h"

#include <endian.h>
#include <grp.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "config/base/log.h"

namespace lb::api {
namespace {

constexpr const char* kAccessList = "system.posix_acl_access";
constexpr mode_t kFolderMode = 0700;
constexpr mode_t kModeWithoutLists = 0711;
constexpr std::uint16_t kReadAndEnter = ACL_READ | ACL_EXECUTE;

Result<void> failed(const std::string& what, const std::string& path, int error) {
  return fail("cannot " + what + " " + path + ": " + std::strerror(error) +
              "; name another folder as run_dir");
}

// Whether it may be given other rights: it is ours, and there is nothing in it but sockets.
bool is_ours(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) return false;
  if (status.st_uid != ::geteuid() || (status.st_mode & S_ISVTX) != 0) return false;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (!entry.is_socket(error) || entry.path().extension() != ".sock") return false;
  }
  return !error;
}

void append(std::string& out, std::uint16_t tag, std::uint16_t rights,
            std::uint32_t id = static_cast<std::uint32_t>(ACL_UNDEFINED_ID)) {
  posix_acl_xattr_entry entry{};
  entry.e_tag = htole16(tag);
  entry.e_perm = htole16(rights);
  entry.e_id = htole32(id);
  out.append(reinterpret_cast<const char*>(&entry), sizeof(entry));
}

// A folder has one group and there are two to let through: acl(5). The folder's own group stays
// what it is, so that the service manager finds no reason to change the owner of what is in it, and
// gets no rights.
std::string access_list(std::vector<unsigned> groups) {
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  posix_acl_xattr_header header{};
  header.a_version = htole32(POSIX_ACL_XATTR_VERSION);
  std::string out(reinterpret_cast<const char*>(&header), sizeof(header));
  append(out, ACL_USER_OBJ, ACL_READ | ACL_WRITE | ACL_EXECUTE);
  append(out, ACL_GROUP_OBJ, 0);
  for (const unsigned group : groups) append(out, ACL_GROUP, kReadAndEnter, group);
  append(out, ACL_MASK, kReadAndEnter);
  append(out, ACL_OTHER, 0);
  return out;
}

Result<void> set_rights(const std::string& path, const std::vector<unsigned>& groups) {
  if (groups.empty()) {
    if (::removexattr(path.c_str(), kAccessList) != 0 && errno != ENODATA && errno != EOPNOTSUPP) {
      return failed("set the rights of", path, errno);
    }
    if (::chmod(path.c_str(), kFolderMode) != 0) return failed("set the rights of", path, errno);
    return {};
  }
  const std::string list = access_list(groups);
  if (::setxattr(path.c_str(), kAccessList, list.data(), list.size(), 0) == 0) return {};
  if (errno != EOPNOTSUPP) return failed("set the rights of", path, errno);
  log::warning(
      "{}: its file system has no access lists (acl(5)), so everybody gets through it; the "
      "sockets in it are for their groups all the same",
      path);
  if (::chmod(path.c_str(), kModeWithoutLists) != 0) {
    return failed("set the rights of", path, errno);
  }
  return {};
}

}  // namespace

Result<unsigned> group_id(const std::string& name) {
  const group* const found = ::getgrnam(name.c_str());
  if (found == nullptr) {
    return fail("there is no group " + name + " on this machine; make it with groupadd --system " +
                name);
  }
  return found->gr_gid;
}

Result<void> prepare_run_folder(const std::string& path, const std::vector<std::string>& groups) {
  std::vector<unsigned> ids;
  for (const std::string& name : groups) {
    const auto id = group_id(name);
    if (!id) return tl::make_unexpected(id.error());
    ids.push_back(*id);
  }
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return failed("make", path, errno);
  return is_ours(path) ? set_rights(path, ids) : Result<void>{};
}

}  // namespace lb::api
