// docs/reference/configuration.md, made of the keys that there are and of the comments of
// config/ballast.toml. For reference_test.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lb::config {

struct Reference {
  std::string page;
  // Where the comments differ from the code: "service.port has no comment".
  std::vector<std::string> mistakes;
};

Reference make_reference(std::string_view example);

}  // namespace lb::config
