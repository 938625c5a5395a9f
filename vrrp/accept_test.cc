// Which received adverts a director accepts.
#include <gtest/gtest.h>

#include <utility>

#include "vrrp/io.h"
#include "vrrp/testing/rig.h"

namespace lb::vrrp {
namespace {

using test::ip;

struct Checks {
  Io::Options options;
  Advert advert;

  explicit Checks(std::uint8_t version = 3) {
    options.own = {version,
                   51,
                   100,
                   milliseconds(1000),
                   version == 2 ? "secret" : "",
                   {ip("192.0.2.10"), ip("192.0.2.11")}};
    advert = options.own;
    advert.priority = 150;
  }
  // "" when it is accepted.
  std::string refusal(const char* source = "192.0.2.3") const {
    Reject reject{};
    return accept(advert, options, ip(source), ip("192.0.2.2"), reject)
               ? ""
               : std::string(name_of(reject));
  }
};

TEST(VrrpAccept, OursFromAnother) {
  EXPECT_EQ(Checks(2).refusal(), "");
  EXPECT_EQ(Checks(3).refusal(), "");
}

TEST(VrrpAccept, OwnAddress) {
  EXPECT_EQ(Checks().refusal("192.0.2.2"), "own_address");
}

TEST(VrrpAccept, OnlyFromUnicastPeers) {
  Checks checks;
  checks.options.unicast_peers = {ip("192.0.2.4"), ip("192.0.2.5")};
  EXPECT_EQ(checks.refusal("192.0.2.3"), "bad_sender");
  EXPECT_EQ(checks.refusal("192.0.2.4"), "");
  EXPECT_EQ(checks.refusal("192.0.2.5"), "");
}

TEST(VrrpAccept, OurAddressesUnderAnotherId) {
  Checks checks;
  EXPECT_FALSE(claims_ours(checks.advert, checks.options.own));
  checks.advert.vrid = 52;
  EXPECT_TRUE(claims_ours(checks.advert, checks.options.own));
  checks.advert.addresses = {ip("192.0.2.12"), ip("192.0.2.11")};
  EXPECT_TRUE(claims_ours(checks.advert, checks.options.own));
  checks.advert.addresses = {ip("192.0.2.12")};
  EXPECT_FALSE(claims_ours(checks.advert, checks.options.own));
}

TEST(VrrpAccept, Version) {
  Checks checks(3);
  checks.advert.version = 2;
  EXPECT_EQ(checks.refusal(), "bad_version");
}

TEST(VrrpAccept, Password) {
  Checks checks(2);
  checks.advert.auth_pass = "Secret";
  EXPECT_EQ(checks.refusal(), "bad_auth");
  checks.advert.auth_pass = "";
  EXPECT_EQ(checks.refusal(), "bad_auth");
  checks.options.own.auth_pass = "";
  EXPECT_EQ(checks.refusal(), "");
  checks.advert.auth_pass = "secret";
  EXPECT_EQ(checks.refusal(), "bad_auth");
}

TEST(VrrpAccept, IntervalOfVersion2Only) {
  Checks two(2);
  two.advert.interval = milliseconds(2000);
  EXPECT_EQ(two.refusal(), "bad_interval");
  Checks three(3);
  three.advert.interval = milliseconds(100);
  EXPECT_EQ(three.refusal(), "");
}

TEST(VrrpAccept, AddressesInAnyOrder) {
  Checks checks;
  std::swap(checks.advert.addresses[0], checks.advert.addresses[1]);
  EXPECT_EQ(checks.refusal(), "");
  checks.advert.addresses.pop_back();
  EXPECT_EQ(checks.refusal(), "bad_address_list");
  checks.advert.addresses.push_back(ip("192.0.2.12"));
  EXPECT_EQ(checks.refusal(), "bad_address_list");
  checks.advert.addresses = {ip("192.0.2.10"), ip("192.0.2.10")};
  EXPECT_EQ(checks.refusal(), "bad_address_list");
  checks.advert.priority = 0;  // resignations, too
  EXPECT_EQ(checks.refusal(), "bad_address_list");
  checks.advert.priority = 255;  // but the owner is trusted
  EXPECT_EQ(checks.refusal(), "");
}

TEST(VrrpAccept, TwoOwners) {
  Checks checks;
  checks.options.owner = true;
  EXPECT_EQ(checks.refusal(), "");
  checks.advert.priority = 255;
  EXPECT_EQ(checks.refusal(), "owner_conflict");
}

}  // namespace
}  // namespace lb::vrrp
