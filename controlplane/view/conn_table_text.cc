// `show table`.
#include <fmt/format.h>

#include "controlplane/view/as_text.h"
#include "controlplane/view/conn_table_fields.h"
#include "controlplane/view/table.h"

namespace lb::view {

std::string as_text(const ConnTableUse& answer) {
  return fmt::format("Connections {} of {}; {} packets found no room\n", answer.connections,
                     answer.max_connections, answer.refused_packets) +
         table_text(answer.services) + table_text(answer.shed);
}

}  // namespace lb::view
