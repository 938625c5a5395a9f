#include "controlplane/cli/check.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace lb::cli {
namespace {

using nlohmann::json;

TEST(Check, PrintsTextAndJson) {
  config::Loaded loaded;
  loaded.file_name = "a.toml";
  loaded.config.services.resize(1);
  loaded.config.services[0].real_servers.resize(2);
  EXPECT_EQ(check_text(loaded), "a.toml: ok (1 service, 2 real servers)\n");
  loaded.mistakes.push_back({{3, 7}, "wrong; do right"});
  const json j = json::parse(check_json(loaded));
  EXPECT_EQ(j["ok"], false);
  EXPECT_EQ(j["mistakes"][0],
            json::parse(R"({"line": 3, "column": 7, "message": "wrong; do right"})"));
}

TEST(Check, NotesResourcesThatNoPeerReports) {
  config::Loaded loaded;
  loaded.file_name = "a.toml";
  loaded.config.ha.resources.resize(1);
  EXPECT_NE(check_text(loaded).find("\nnote: without [ha.sync] no peer reports"),
            std::string::npos);
  EXPECT_EQ(json::parse(check_json(loaded))["notes"].size(), 1U);
  loaded.config.ha.sync.emplace();
  EXPECT_EQ(check_text(loaded).find("note:"), std::string::npos);
  EXPECT_TRUE(json::parse(check_json(loaded))["notes"].empty());
}

TEST(Version, PrintsTextAndJson) {
  const std::vector<DaemonRelease> daemons = {{"lb-dataplane", "1.2.3", ""},
                                              {"lb-controlplane", "", "nobody answers"}};
  EXPECT_EQ(version_text(daemons), "lbcli " LB_RELEASE
                                   " (protocol 4)\nlb-dataplane 1.2.3\nlb-controlplane - "
                                   "(nobody answers)\n");
  const json j = json::parse(version_json(daemons));
  EXPECT_EQ(j["release"], LB_RELEASE);
  EXPECT_EQ(j["daemons"][0]["release"], "1.2.3");
  EXPECT_TRUE(j["daemons"][1]["release"].is_null());
}

}  // namespace
}  // namespace lb::cli
