// Files that an operator names. Reading one by its path never waits, and never takes more memory
// than is allowed, whatever is at the path.
#pragma once

#include <cstddef>
#include <string>

#include "config/base/result.h"

namespace lb {

// The content of a regular file of at most `max_bytes`. A FIFO, a device, a folder is refused, as
// is a file that grows past the limit while it is read. The message has no path:
// "cannot be opened: No such file or directory", "is a FIFO and not a regular file".
Result<std::string> read_regular_file(const std::string& path, std::size_t max_bytes);

// The same of a file that this program has written itself, in a folder of its own: refuses links, and
// files that somebody else owns or everybody may write to. Owners that count as ours are root and
// that of the folder.
Result<std::string> read_own_file(const std::string& path, std::size_t max_bytes);

// The same of an open descriptor, whatever it is: waits for its end.
Result<std::string> read_descriptor(int fd, std::size_t max_bytes);

// What read_regular_file() would say, by the file's kind and size; for files that a library reads.
Result<void> check_regular_file(const std::string& path, std::size_t max_bytes);

}  // namespace lb
