#include "controlplane/view/alerts.h"

#include <gtest/gtest.h>

#include "controlplane/api/controlplane.pb.h"
#include "controlplane/view/as_json.h"
#include "controlplane/view/as_text.h"
#include "controlplane/view/json_value.h"

namespace lb::view {
namespace {

api::control::AlertStatus alert_status() {
  api::control::AlertStatus out;
  out.set_events(12);
  out.mutable_script()->set_program("/etc/ballast/alert.sh");
  out.mutable_script()->set_good(11);
  out.mutable_script()->set_bad(1);
  out.mutable_script()->set_last_error("exit status 3");
  api::control::AlertMail& mail = *out.mutable_mail();
  mail.set_server("smtp.example.com:587");
  mail.add_to("a@example.com");
  mail.add_to("b@example.com");
  mail.set_queue(1);
  mail.set_events(2);
  mail.set_sent(3);
  return out;
}

TEST(ShowAlert, ShowsQueuesAndErrors) {
  EXPECT_EQ(as_text(alerts_of(alert_status())),
            "Events since the start: 12\n"
            "Script /etc/ballast/alert.sh\n"
            "  waiting: 0\n"
            "  runs: 11 good, 1 bad\n"
            "  last error: exit status 3\n"
            "Mail by smtp.example.com:587 to a@example.com, b@example.com\n"
            "  waiting: 1 mail, 2 events to be mailed\n"
            "  sent 3, failed attempts 0, refused 0, dropped 0\n"
            "  last sent: never\n");
  auto broken = alert_status();
  broken.mutable_mail()->set_disk_error("No space left on device");
  EXPECT_NE(as_text(alerts_of(broken)).find("in memory only, not on disk: No space left on device"),
            std::string::npos);
}

TEST(ShowAlert, OmitsUnconfiguredPartsInJson) {
  const Json all = Json::parse(as_json(alerts_of(alert_status())));
  EXPECT_EQ(all["mail"]["to"], Json({"a@example.com", "b@example.com"}));
  EXPECT_EQ(all["mail"]["queue"], 1);
  EXPECT_EQ(all["script"]["bad"], 1);
  EXPECT_FALSE(Json::parse(as_json(alerts_of({}))).contains("mail"));
}

TEST(ShowAlert, NamesTheRecipientsOfATest) {
  EXPECT_EQ(alert_test_text(alerts_of(alert_status())),
            "a test event goes to the script /etc/ballast/alert.sh\n"
            "a mail to a@example.com, b@example.com goes to smtp.example.com:587\n"
            "lbcli show alert shows the result");
}

}  // namespace
}  // namespace lb::view
