#include "config/parse.h"

#include "config/describe.h"

namespace lb::config {

Config parse(const Node& root, ReadReport& report) {
  Config config;
  TableReader reader(report, root, "");
  describe(reader, config);
  reader.finish();
  return config;
}

}  // namespace lb::config
