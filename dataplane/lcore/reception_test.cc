#include "dataplane/lcore/reception.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

namespace lb {
namespace {

constexpr MacAddress kOwn = {{2, 0, 0, 0, 0, 1}};
constexpr MacAddress kVirtual = {{0, 0, 0x5e, 0, 1, 10}};

// What a driver answers, and whether it does it.
struct Answer {
  int status = 0;
  bool done = true;
};

class FakeFilters final : public DeviceFilters {
 public:
  Answer promiscuous_answer, allmulticast_answer, filter_answer, mac_answer;
  int groups_status = 0;
  int further_mac_status = 0;
  bool has_vlan_filter = true;
  bool virtual_function = false;
  std::set<std::uint16_t> refused_vlans;

  bool promiscuous_on = false, allmulticast_on = false, filter_on = false;
  std::vector<MacAddress> groups;
  std::set<std::uint16_t> vlans;
  MacAddress address = kOwn;
  unsigned requests = 0;

  int enable_promiscuous() override { return request(promiscuous_answer, promiscuous_on); }
  bool promiscuous() const override { return promiscuous_on; }
  int enable_allmulticast() override { return request(allmulticast_answer, allmulticast_on); }
  bool allmulticast() const override { return allmulticast_on; }
  int set_groups(const std::vector<MacAddress>& list) override {
    ++requests;
    if (groups_status == 0) groups = list;
    return groups_status;
  }
  bool can_filter_vlans() const override { return has_vlan_filter; }
  int enable_vlan_filter() override { return request(filter_answer, filter_on); }
  bool vlan_filter() const override { return filter_on; }
  int set_vlan(std::uint16_t vlan, bool admitted) override {
    ++requests;
    if (refused_vlans.contains(vlan)) return -EPERM;
    if (admitted) {
      vlans.insert(vlan);
    } else {
      vlans.erase(vlan);
    }
    return 0;
  }
  int set_mac(const MacAddress& mac) override {
    ++requests;
    if (mac_answer.status == 0 && mac_answer.done) address = mac;
    return mac_answer.status;
  }
  std::optional<MacAddress> mac() const override { return address; }
  bool is_virtual_function() const override { return virtual_function; }
  int try_further_mac(const MacAddress& /*mac*/) override { return further_mac_status; }
  std::string reason(int status) const override { return std::to_string(status); }

 private:
  int request(const Answer& answer, bool& on) {
    ++requests;
    if (answer.status == 0 && answer.done) on = true;
    return answer.status;
  }
};

constexpr Answer kRefused = {-EPERM};
constexpr Answer kAbsent = {-ENOTSUP};
constexpr Answer kLies = {0, false};

class ReceptionTest : public ::testing::Test {
 protected:
  FakeFilters device;
  Reception reception{device, "port wan"};
};

// ---- multicast

using Group = std::array<std::uint8_t, 6>;
constexpr Group kAllHosts = {0x01, 0x00, 0x5e, 0, 0, 1};
constexpr Group kSolicited = {0x33, 0x33, 0xff, 0, 0, 1};

TEST_F(ReceptionTest, GroupsOfTheKernelAndOfVrrpAreInTheDevicesList) {
  reception.set_groups({kAllHosts});
  EXPECT_TRUE(reception.filters_groups());
  EXPECT_EQ(device.groups.size(), 3U);
  EXPECT_NE(std::ranges::find(device.groups, MacAddress{{0x01, 0x00, 0x5e, 0, 0, 0x12}}),
            device.groups.end());
  EXPECT_FALSE(device.allmulticast_on);
  reception.set_groups({kAllHosts, kSolicited});
  EXPECT_EQ(device.groups.size(), 4U);
  const unsigned before = device.requests;
  reception.set_groups({kSolicited, kAllHosts});
  EXPECT_EQ(device.requests, before);  // the same ones
}

TEST_F(ReceptionTest, AllMulticastWithoutAList) {
  device.groups_status = -ENOTSUP;
  reception.set_groups({kAllHosts});
  EXPECT_TRUE(device.allmulticast_on);
  EXPECT_FALSE(device.promiscuous_on);
  EXPECT_FALSE(reception.filters_groups());
}

TEST_F(ReceptionTest, AllMulticastWhenTheListIsFull) {
  reception.set_groups({});
  device.groups_status = -ENOSPC;
  reception.set_groups({kAllHosts});
  EXPECT_TRUE(device.allmulticast_on);
  EXPECT_FALSE(reception.filters_groups());
}

TEST_F(ReceptionTest, PromiscuousWhenAllMulticastIsRefusedOrNotDone) {
  device.groups_status = -ENOTSUP;
  for (const Answer& answer : {kRefused, kAbsent, kLies}) {
    FakeFilters each;
    each.groups_status = -ENOTSUP;
    each.allmulticast_answer = answer;
    Reception(each, "port wan").set_groups({});
    EXPECT_TRUE(each.promiscuous_on);
  }
}

TEST_F(ReceptionTest, DeviceThatRefusesAllMulticastIsAskedOnce) {
  device.groups_status = -EPERM;
  device.allmulticast_answer = kRefused;
  device.promiscuous_answer = kLies;
  reception.set_groups({});
  const unsigned before = device.requests;
  reception.set_groups({kAllHosts});
  EXPECT_EQ(device.requests, before);
}

// ---- VLANs

TEST_F(ReceptionTest, VlansAreAdmittedByTheFilter) {
  reception.set_vlans({10, 20});
  EXPECT_TRUE(device.filter_on);
  EXPECT_EQ(device.vlans, (std::set<std::uint16_t>{0, 10, 20}));
  EXPECT_FALSE(device.promiscuous_on);
  reception.set_vlans({20, 30});  // the configuration has changed
  EXPECT_EQ(device.vlans, (std::set<std::uint16_t>{0, 20, 30}));
  const unsigned before = device.requests;
  reception.set_vlans({20, 30});
  EXPECT_EQ(device.requests, before);
  reception.set_vlans({});
  EXPECT_EQ(device.vlans, (std::set<std::uint16_t>{0}));
}

TEST_F(ReceptionTest, PortWithoutVlansHasNoFilter) {
  reception.set_vlans({});
  EXPECT_FALSE(device.filter_on);
  EXPECT_EQ(device.requests, 0U);
}

TEST_F(ReceptionTest, DeviceWithoutAVlanFilterIsLeftAlone) {
  device.has_vlan_filter = false;
  reception.set_vlans({10});
  EXPECT_EQ(device.requests, 0U);
}

TEST_F(ReceptionTest, PromiscuousWhenTheVlanFilterIsRefusedOrNotDone) {
  for (const Answer& answer : {kRefused, kAbsent, kLies}) {
    FakeFilters each;
    each.filter_answer = answer;
    Reception(each, "port wan").set_vlans({10});
    EXPECT_TRUE(each.promiscuous_on);
  }
}

TEST_F(ReceptionTest, PromiscuousWhenOneVlanIsRefused) {
  device.refused_vlans = {20};
  reception.set_vlans({10, 20});
  EXPECT_TRUE(device.promiscuous_on);
}

TEST_F(ReceptionTest, VlanZeroNeedNotBeAdmitted) {
  device.refused_vlans = {0};
  reception.set_vlans({10});
  EXPECT_FALSE(device.promiscuous_on);
}

// ---- MAC address

TEST_F(ReceptionTest, MacOfTheDevice) {
  EXPECT_TRUE(reception.set_mac({kVirtual}));
  EXPECT_EQ(device.address, kVirtual);
  EXPECT_FALSE(device.promiscuous_on);
}

TEST_F(ReceptionTest, InterfaceOfTheHostKeepsItsMac) {
  EXPECT_TRUE(reception.set_mac({.address = kVirtual, .keep = true}));
  EXPECT_EQ(device.address, kOwn);
  EXPECT_TRUE(device.promiscuous_on);
}

TEST_F(ReceptionTest, PromiscuousWhenTheMacIsRefusedOrNotDone) {
  for (const Answer& answer : {kRefused, kAbsent, kLies}) {
    FakeFilters each;
    each.mac_answer = answer;
    EXPECT_TRUE(Reception(each, "port wan").set_mac({kVirtual}));
    EXPECT_TRUE(each.promiscuous_on);
  }
}

TEST_F(ReceptionTest, RefusalOfTheHostsDriverIsNoSuccess) {
  device.virtual_function = true;
  device.further_mac_status = -EPERM;
  device.promiscuous_answer = kRefused;
  EXPECT_FALSE(reception.set_mac({kVirtual}));
  EXPECT_EQ(device.address, kOwn);
}

TEST_F(ReceptionTest, OwnMacOfAVirtualFunctionNeedsNoGrant) {
  device.virtual_function = true;
  device.further_mac_status = -EPERM;
  EXPECT_TRUE(reception.set_mac({.address = kOwn, .own = true}));
}

TEST_F(ReceptionTest, VirtualFunctionWhoseDriverHasOneAddressOnly) {
  device.virtual_function = true;
  device.further_mac_status = -ENOTSUP;
  EXPECT_TRUE(reception.set_mac({kVirtual}));
  EXPECT_EQ(device.address, kVirtual);
}

TEST_F(ReceptionTest, PromiscuousThatIsNotDoneIsNoSuccess) {
  device.mac_answer = kRefused;
  device.promiscuous_answer = kLies;
  EXPECT_FALSE(reception.set_mac({kVirtual}));
}

}  // namespace
}  // namespace lb
