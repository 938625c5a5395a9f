#include "controlplane/os/learnt_files.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

namespace lb::controlplane {
namespace {

TEST(LearntFiles, StayAsTheyWereUntilTheyAreLearntAgain) {
  const std::string path = testing::TempDir() + "learnt-file";
  std::ofstream(path) << "one";
  EXPECT_EQ(find_file(path)->value(), "one");
  std::ofstream(path) << "two";
  EXPECT_EQ(find_file(path)->value(), "two") << "not learnt";

  learn_files({path, "/nowhere/file"});
  const LearntFile two = find_file(path);
  std::ofstream(path) << "three";
  EXPECT_EQ(find_file(path), two);
  EXPECT_EQ(two->value(), "two");
  EXPECT_EQ(find_file("/nowhere/file")->error().message,
            "cannot be opened: No such file or directory");

  learn_files({path});
  const LearntFile three = find_file(path);
  EXPECT_EQ(three->value(), "three");
  learn_files({path});
  EXPECT_EQ(find_file(path), three) << "the same object";
  std::remove(path.c_str());
  EXPECT_EQ(find_file(path)->value(), "three");
  learn_files({path});
  EXPECT_FALSE(find_file(path)->has_value());
  EXPECT_EQ(two->value(), "two") << "who has it, keeps it";
}

}  // namespace
}  // namespace lb::controlplane
