#include "controlplane/view/format.h"

#include <gtest/gtest.h>

#include "controlplane/view/test_messages.h"

namespace lb::view {
namespace {

TEST(Format, PrintsAddresses) {
  EXPECT_EQ(address_text(bytes_of("192.0.2.1")), "192.0.2.1");
  EXPECT_EQ(address_text(std::string(15, '\0') + '\1'), "::1");
  EXPECT_EQ(address_text(""), "?");
  EXPECT_EQ(address_text("abc"), "?");
  EXPECT_EQ(endpoint_text(bytes_of("192.0.2.1"), 80), "192.0.2.1:80");
  EXPECT_EQ(endpoint_text(std::string(15, '\0') + '\1', 80), "[::1]:80");
  EXPECT_EQ(mac_text(std::string("\x02\x00\x5e\x10\x00\xff", 6)), "02:00:5e:10:00:ff");
  EXPECT_EQ(mac_text(""), "?");
}

TEST(Format, PrintsAddressesOfServices) {
  api::ServiceStats service;
  const std::string vip("\xc0\x00\x02\x0a", 4);
  const auto add = [&](std::uint32_t first, std::uint32_t last) {
    api::AddressRange& range = *service.add_addresses();
    range.set_address(vip);
    range.set_first_port(first);
    range.set_last_port(last);
  };
  EXPECT_EQ(service_addresses_text(addresses_of(service)), "");
  add(80, 80);
  EXPECT_EQ(service_addresses_text(addresses_of(service)), "192.0.2.10:80");
  EXPECT_EQ(service_address_text(addresses_of(service)), "192.0.2.10:80");
  EXPECT_EQ(first_address(service).first_port(), 80u);
  service.clear_addresses();
  add(80, 90);
  EXPECT_EQ(service_address_text(addresses_of(service)), "192.0.2.10:80-90");
  add(443, 443);
  add(1, 65'535);
  EXPECT_EQ(service_addresses_text(addresses_of(service)),
            "192.0.2.10:80-90,192.0.2.10:443,192.0.2.10:*");
  EXPECT_EQ(service_address_text(addresses_of(service)), "192.0.2.10:80-90 (+2)");
  EXPECT_EQ(endpoint_text(vip, 0), "192.0.2.10");
}

TEST(Format, PrintsAges) {
  EXPECT_EQ(age_text(0), "0ms");
  EXPECT_EQ(age_text(999), "999ms");
  EXPECT_EQ(age_text(1000), "1s");
  EXPECT_EQ(age_text(59'999), "59s");
  EXPECT_EQ(age_text(185'000), "3m05s");
  EXPECT_EQ(age_text(7'620'000), "2h07m");
  EXPECT_EQ(age_text(356'400'000), "4d03h");
}

}  // namespace
}  // namespace lb::view
