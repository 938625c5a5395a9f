// Lists of clients' prefixes, in the configuration and in files of their own.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/base/address.h"
#include "config/base/result.h"

namespace lb::config {

// "198.51.100.0/24", or an address alone. Bits behind the length are a mistake.
Result<Prefix> parse_client_prefix(std::string_view text);

// One prefix per line; "#" begins a comment. What cannot be read goes to `mistakes`, as
// "FILE:LINE: what is wrong"; of many the first few.
std::vector<Prefix> read_prefix_file(const std::string& path, std::vector<std::string>& mistakes);
// The same of the content of the file `path`.
std::vector<Prefix> parse_prefixes(std::string_view content, const std::string& path,
                                   std::vector<std::string>& mistakes);

}  // namespace lb::config
