#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/dpvs.h"

namespace lb::importer {

bool is_dpvs_conf(const File&) {
  return false;
}

void read_dpvs_conf(const File&, DpvsState&, Context&) {}

}  // namespace lb::importer
