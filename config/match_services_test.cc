#include "config/match_services.h"

#include <gtest/gtest.h>

#include <string>

namespace lb::config {
namespace {

using Matches = std::vector<std::optional<std::size_t>>;

Service service(const std::string& name, const std::vector<std::string>& addresses,
                Protocol protocol = Protocol::kTcp) {
  Service made;
  made.name = name;
  made.protocol = protocol;
  made.addresses.clear();
  for (const std::string& address : addresses) {
    made.addresses.push_back(EndpointRange::parse(address).value());
  }
  return made;
}

const std::vector<Service> kBefore = {service("web", {"192.0.2.10:80", "192.0.2.10:443"}),
                                      service("dns", {"192.0.2.10:53"})};

TEST(MatchServices, FindsThemByTheFirstAddressWhateverTheirNames) {
  EXPECT_EQ(match_services(kBefore,
                           {service("web", {"192.0.2.10:53"}), service("dns", {"192.0.2.10:80"})}),
            (Matches{1, 0}));
}

TEST(MatchServices, FindsThemByAnyAddress) {
  EXPECT_EQ(match_services(kBefore, {service("shop", {"192.0.2.10:443"}), kBefore[1]}),
            (Matches{0, 1}));
  EXPECT_EQ(match_services(kBefore, {service("shop", {"192.0.2.9:80", "192.0.2.10:443"})}),
            Matches{0});
}

TEST(MatchServices, FindsThemByNameWhenTheyMoved) {
  EXPECT_EQ(match_services(kBefore, {service("web", {"192.0.2.77:80"})}), Matches{0});
}

TEST(MatchServices, TakesEachOnce) {
  EXPECT_EQ(match_services(kBefore,
                           {service("one", {"192.0.2.10:80"}), service("two", {"192.0.2.10:443"}),
                            service("web", {"192.0.2.77:80"})}),
            (Matches{0, std::nullopt, std::nullopt}));
}

TEST(MatchServices, KeepsProtocolsApart) {
  EXPECT_EQ(match_services(kBefore, {service("dns", {"192.0.2.10:53"}, Protocol::kUdp)}),
            Matches{std::nullopt});
}

}  // namespace
}  // namespace lb::config
