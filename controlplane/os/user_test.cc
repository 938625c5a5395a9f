#include "controlplane/os/user.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace lb::controlplane {
namespace {

TEST(Users, AreFoundWhetherLearntOrNot) {
  const auto looked_up = find_user("root");
  ASSERT_TRUE(looked_up);
  EXPECT_EQ(looked_up->id, 0u);
  EXPECT_EQ(learn_users({"root", "no such user"}), (std::set<std::string>{"no such user"}));
  const auto learnt = find_user("root");
  ASSERT_TRUE(learnt);
  EXPECT_EQ(learnt->id, 0u);
  EXPECT_EQ(learnt->groups, looked_up->groups);
  EXPECT_FALSE(find_user("no such user"));
  EXPECT_EQ(errno, 0);
}

}  // namespace
}  // namespace lb::controlplane
