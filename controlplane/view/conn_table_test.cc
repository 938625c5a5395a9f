#include "controlplane/view/conn_table.h"

#include <gtest/gtest.h>

#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "dataplane/api/dataplane.pb.h"

namespace lb::view {
namespace {

api::Stats full_table() {
  api::Stats stats;
  stats.set_connections(1'000);
  stats.set_max_connections(1'000);
  stats.set_table_full(3);
  api::ServiceStats& web = *stats.add_services();
  web.set_name("web");
  web.set_protocol(api::TCP);
  web.set_table_connections(25);
  web.set_table_kept(100);
  api::ServiceStats& dns = *stats.add_services();
  dns.set_name("dns");
  dns.set_protocol(api::UDP);
  dns.set_table_connections(975);
  dns.set_table_kept(100);
  api::ShedStats& shed = *stats.add_shed();
  shed.set_kind("udp_unanswered");
  shed.set_connections(40'000);
  shed.set_description("UDP that no server has answered");
  return stats;
}

TEST(ConnTableView, ShowsWhoHasThePlacesAndWhatEnded) {
  EXPECT_EQ(as_text(conn_table_of(full_table())),
            R"(Connections 1000 of 1000; 3 packets found no room
Service  Protocol  Connections  Table%  Kept
web      tcp                25     2.5   100
dns      udp               975    97.5   100
Ended           Connections  Meaning
udp_unanswered        40000  UDP that no server has answered
)");
}

TEST(ConnTableView, AnEmptyAnswerIsNoDivisionByZero) {
  api::Stats stats;
  stats.add_services();
  EXPECT_EQ(conn_table_of(stats).services.at(0).table_percent, 0);
}

}  // namespace
}  // namespace lb::view
