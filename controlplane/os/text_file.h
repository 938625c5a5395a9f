// Files that are replaced as a whole.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "config/base/result.h"

namespace lb::controlplane {

// Detects a changed file.
struct FileStamp {
  bool exists = false;
  dev_t device = 0;
  ino_t inode = 0;
  off_t bytes = 0;
  std::int64_t changed_ns = 0;
  bool operator==(const FileStamp&) const = default;

  static FileStamp of(const std::string& path);
};

// The text of a file that we have written (read_own_file()), at most 64 MiB; nullopt: there is none.
Result<std::optional<std::string>> read_text(const std::string& path);

// Readers see the old text or the new one, also after a power cut. The file keeps its owner and
// mode; a new one has mode 0640. If the path is a link, its target is replaced.
Result<void> write_text(const std::string& path, const std::string& text);

// Whether write_text() could, as far as that can be said before: the folder and the owner. Changes
// nothing.
Result<void> can_write_text(const std::string& path);

}  // namespace lb::controlplane
