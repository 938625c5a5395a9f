#include "controlplane/os/learnt_files.h"

#include <map>
#include <mutex>

#include "config/base/read_file.h"

namespace lb::controlplane {
namespace {

struct KnownFiles {
  std::mutex mutex;  // of what follows; never held while a file is read
  std::map<std::string, LearntFile> files;
};

KnownFiles& known_files() {
  static auto& all = *new KnownFiles;
  return all;
}

LearntFile read_now(const std::string& path) {
  return std::make_shared<const Result<std::string>>(read_regular_file(path, kMaxLearntBytes));
}

}  // namespace

void learn_files(const std::set<std::string>& paths) {
  for (const std::string& path : paths) {
    LearntFile file = read_now(path);
    const std::lock_guard lock(known_files().mutex);
    LearntFile& known = known_files().files[path];
    const bool is_same = known && *known && *file && **known == **file;
    if (!is_same) known = std::move(file);
  }
}

LearntFile find_file(const std::string& path) {
  {
    const std::lock_guard lock(known_files().mutex);
    const auto found = known_files().files.find(path);
    if (found != known_files().files.end()) return found->second;
  }
  return read_now(path);
}

}  // namespace lb::controlplane
