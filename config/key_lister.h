// Every key that there is, by describe(): for the reference page, for secrets and the tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/visitor.h"

namespace lb::config {

struct ListedKey {
  std::string name;
  std::string values;  // "number, 1 to 65535"
  bool required = false;
  bool is_secret = false;
  std::string default_value;  // as TOML; of what is empty, 0 or false too
};

struct ListedTable {
  std::string path;  // "service.real_server"
  bool in_list = false;
  std::vector<ListedKey> keys;
};

// In the order in which they are printed.
std::vector<ListedTable> list_keys();

}  // namespace lb::config
