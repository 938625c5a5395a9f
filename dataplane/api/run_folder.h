// The folder of the daemons' sockets, and who has access.
#pragma once

#include <string>
#include <vector>

#include "config/base/result.h"

namespace lb::api {

// The number of a group of this machine.
Result<unsigned> group_id(const std::string& name);

// Makes the folder, with those that lead there. Root and the members of `groups` get through it,
// nobody else. A folder that holds other things than daemons' sockets, or belongs to somebody else,
// keeps the rights that it has.
Result<void> prepare_run_folder(const std::string& path, const std::vector<std::string>& groups);

}  // namespace lb::api
