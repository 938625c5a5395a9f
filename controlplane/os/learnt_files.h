// Files that the event loops need the content of. They are read at configuration time, not on a loop:
// no loop waits for a disk that hangs.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>

#include "config/base/result.h"

namespace lb::controlplane {

// Some times the system's certificates.
inline constexpr std::size_t kMaxLearntBytes = std::size_t{1} << 20;

// The content, or why there is none, as read_regular_file() says it. At most kMaxLearntBytes.
using LearntFile = std::shared_ptr<const Result<std::string>>;

// Reads them for the loops, which have them from then on as they were now; not on a loop.
void learn_files(const std::set<std::string>& paths);

// The same object until the file was learnt again with another content. One that was never learnt is
// read now. Any thread.
LearntFile find_file(const std::string& path);

}  // namespace lb::controlplane
