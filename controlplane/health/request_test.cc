#include "controlplane/health/request.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "controlplane/health/outcome.h"
#include "controlplane/health/test_support.h"

namespace lb::health {
namespace {

using config::Check;
using config::CheckType;

Endpoint endpoint(const char* text) {
  return Endpoint::parse(text).value();
}

const Endpoint kVip = endpoint("192.0.2.10:80");
const Endpoint kOtherVip = endpoint("192.0.2.11:80");
const Endpoint kServer = endpoint("10.0.0.11:8080");

TEST(Request, FillsDefaultsFromServiceAndRealServer) {
  const Request request = make_request("web", kVip, kServer, check_of(CheckType::kHttps));
  EXPECT_EQ(request.to, kServer);
  EXPECT_EQ(request.host, "192.0.2.10:80");
  EXPECT_EQ(request.tls_server_name, "192.0.2.10");
}

TEST(Request, UsesTheHostWithoutPortAsTlsName) {
  Check check = check_of(CheckType::kHttps);
  check.host = "www.example.com:8443";
  EXPECT_EQ(make_request("web", kVip, kServer, check).tls_server_name, "www.example.com");
  check.host = "www.example.com";
  EXPECT_EQ(make_request("web", kVip, kServer, check).tls_server_name, "www.example.com");
  check.tls_server_name = "internal.example.com";
  EXPECT_EQ(make_request("web", kVip, kServer, check).tls_server_name, "internal.example.com");
}

TEST(Request, PutsAnIpv6VipInBracketsInTheHostHeader) {
  const Endpoint vip = Endpoint::parse("[2001:db8::10]:443").value();
  const Endpoint server = Endpoint::parse("[2001:db8::11]:8443").value();
  const Request request = make_request("web", vip, server, check_of(CheckType::kHttps));
  EXPECT_EQ(request.to, server);
  EXPECT_EQ(request.host, "[2001:db8::10]:443");
  EXPECT_EQ(request.tls_server_name, "2001:db8::10");
}

TEST(Request, PassesAddressesOfBothFamiliesToScripts) {
  const Endpoint vip = Endpoint::parse("[2001:db8::10]:443").value();
  const Endpoint server = Endpoint::parse("[2001:db8::11]:8443").value();
  const auto reported = make_request("web", vip, server, check_of(CheckType::kScript)).environment;
  EXPECT_EQ(reported, (std::vector<std::string>{"BALLAST_SERVICE=web", "BALLAST_VIP=2001:db8::10",
                                                "BALLAST_VIP_PORT=443", "BALLAST_RS=2001:db8::11",
                                                "BALLAST_RS_PORT=8443"}));
}

TEST(Request, PrefersTheCheckPort) {
  Check check = check_of(CheckType::kTcp);
  check.port = 9000;
  EXPECT_EQ(make_request("web", kVip, kServer, check).to.port, 9000);
  check.type = CheckType::kPing;
  EXPECT_EQ(make_request("web", kVip, kServer, check).to.port, 0);
}

TEST(Request, IgnoresKeysThatATypeDoesNotUse) {
  for (const CheckType type : {CheckType::kNone, CheckType::kTcp, CheckType::kPing}) {
    Check other = check_of(type);
    other.path = "/elsewhere";
    other.host = "www.example.com";
    other.expect_status = {{204, 204}};
    other.tls_verify = false;
    other.rise = 7;
    EXPECT_EQ(make_request("web", kVip, kServer, check_of(type)),
              make_request("web", kOtherVip, kServer, other));
  }
}

TEST(Request, IsSharedUnlessTheHostHeaderDiffers) {
  Check check = check_of(CheckType::kHttp);
  EXPECT_NE(make_request("web", kVip, kServer, check),
            make_request("web", kOtherVip, kServer, check));
  check.host = "www.example.com";
  EXPECT_EQ(make_request("web", kVip, kServer, check),
            make_request("web", kOtherVip, kServer, check));
  EXPECT_EQ(RequestHash{}(make_request("web", kVip, kServer, check)),
            RequestHash{}(make_request("web", kOtherVip, kServer, check)));
}

TEST(Request, DiffersByHttpKeys) {
  const Check check = check_of(CheckType::kHttps);
  const auto differs = [&](auto&& change) {
    Check other = check;
    change(other);
    return make_request("web", kVip, kServer, other) != make_request("web", kVip, kServer, check);
  };
  EXPECT_TRUE(differs([](Check& c) { c.path = "/health"; }));
  EXPECT_TRUE(differs([](Check& c) { c.method = "HEAD"; }));
  EXPECT_TRUE(differs([](Check& c) { c.expect_status = {{204, 204}}; }));
  EXPECT_TRUE(differs([](Check& c) { c.tls_verify = false; }));
  EXPECT_TRUE(differs([](Check& c) { c.tls_ca_file = "/ca.pem"; }));
  EXPECT_TRUE(differs([](Check& c) { c.interval = config::Milliseconds(1); }));
  EXPECT_TRUE(differs([](Check& c) { c.timeout = config::Milliseconds(1); }));
}

TEST(Outcome, HasTheDocumentedTexts) {
  using std::chrono::milliseconds;
  EXPECT_EQ(good("L4OK", milliseconds(1)).text, "L4OK in 1ms");
  EXPECT_EQ(good("L3OK", std::chrono::microseconds(300)).text, "L3OK in 0ms");
  EXPECT_EQ(timed_out("L4TOUT", milliseconds(1000)).text, "L4TOUT after 1000ms");
  EXPECT_EQ(http_status(200, true, milliseconds(2)).text, "L7OK/200 in 2ms");
  EXPECT_EQ(http_status(503, false, milliseconds(3)).text, "L7STS/503 in 3ms");
  EXPECT_EQ(http_status(404, true, milliseconds(3)).verdict, Verdict::kGood);
  EXPECT_EQ(socket_failure("L4CON", ECONNREFUSED).text, "L4CON connection refused");
  EXPECT_EQ(socket_failure("L4CON", EHOSTUNREACH).text, "L4CON no route to host");
}

TEST(Outcome, IsInconclusiveWhenTheDirectorLacksResources) {
  for (const int error : {EMFILE, ENFILE, ENOMEM, ENOBUFS, EAGAIN, EADDRNOTAVAIL}) {
    const Outcome outcome = socket_failure("L4CON", error);
    EXPECT_EQ(outcome.verdict, Verdict::kInconclusive);
    EXPECT_EQ(outcome.text.rfind("SOCKERR ", 0), 0u) << outcome.text;
  }
  EXPECT_EQ(socket_failure("L4CON", ECONNREFUSED).verdict, Verdict::kBad);
}

}  // namespace
}  // namespace lb::health
