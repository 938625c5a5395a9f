// docs/reference/fields.md, made of the field tables. For reference_test.cc.
#pragma once

#include <string>
#include <vector>

namespace lb::view {

struct Reference {
  std::string page;
  // Where a table is not as all are: "show port: ports[].rx_bytes: the unit is not bytes".
  std::vector<std::string> mistakes;
};

Reference make_reference();

}  // namespace lb::view
