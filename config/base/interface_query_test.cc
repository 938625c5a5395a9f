#include "config/base/interface_query.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>

#include <cstdlib>

namespace lb {
namespace {

TEST(InterfaceQuery, AbsentInterfaceHasNoCarrier) {
  const InterfaceQuery query;
  EXPECT_FALSE(query.has_carrier("no-such-if"));
  EXPECT_FALSE(query.has_carrier(""));
  EXPECT_EQ(query.name_of(0x7fffffff), "");
}

TEST(InterfaceQuery, AnswersWithoutAFreeDescriptor) {
  const InterfaceQuery query;
  const bool before = query.has_carrier("lo");
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  const rlimit none{0, limit.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  const bool after = query.has_carrier("lo");
  const InterfaceQuery late;  // has no socket
  const bool unknown = late.has_carrier("lo");
  const auto no_name = late.name_of(1);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(after, before);
  EXPECT_FALSE(unknown);
  EXPECT_EQ(no_name, std::nullopt);
}

class InterfaceQueryKernel : public testing::Test {
 protected:
  void SetUp() override {
    if (unshare(CLONE_NEWNET) != 0) GTEST_SKIP() << "network namespaces need root";
  }
  static void shell(const char* command) { ASSERT_EQ(std::system(command), 0) << command; }
};

TEST_F(InterfaceQueryKernel, FollowsAnInterfaceThatGoesAndReturns) {
  const InterfaceQuery query;
  shell("ip link add one type veth peer name other && ip link set one up");
  EXPECT_FALSE(query.has_carrier("one"));
  shell("ip link set other up");
  EXPECT_TRUE(query.has_carrier("one"));
  const unsigned index = if_nametoindex("one");
  EXPECT_EQ(query.name_of(index), "one");
  shell("ip link set one name renamed");
  EXPECT_EQ(query.name_of(index), "renamed");
  EXPECT_TRUE(query.has_carrier("renamed"));
  shell("ip link del other");
  EXPECT_FALSE(query.has_carrier("renamed"));
  EXPECT_EQ(query.name_of(index), "");
  shell(
      "ip link add renamed type veth peer name other && ip link set renamed up && "
      "ip link set other up");
  EXPECT_TRUE(query.has_carrier("renamed"));
  EXPECT_NE(if_nametoindex("renamed"), index);
}

}  // namespace
}  // namespace lb
