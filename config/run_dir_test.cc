#include "config/run_dir.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "config/model.h"

namespace lb::config {
namespace {

TEST(FindRunDir, ReadsAValidFile) {
  EXPECT_EQ(find_run_dir("[director]\nname = \"a\"\nrun_dir = \"/run/a\"\n"), "/run/a");
  EXPECT_EQ(find_run_dir("director = { run_dir = '/run/a' }\n"), "/run/a");
  EXPECT_EQ(find_run_dir("\xef\xbb\xbf"
                         "director.run_dir = \"/run/a\"\n"),
            "/run/a");
}

TEST(FindRunDir, IgnoresOtherMistakes) {
  EXPECT_EQ(find_run_dir("[director]\nname = 7\ncolour = 1\nrun_dir = \"/run/a\"\n"), "/run/a");
  EXPECT_EQ(find_run_dir("[director]\nname = lb1\nrun_dir = \"/run/a\" # here\n[port\n"), "/run/a");
  EXPECT_EQ(find_run_dir("[[service]\n[ director ]\n[director] # me\r\n  run_dir = '/run/a'\r\n"),
            "/run/a");
}

TEST(FindRunDir, ReadsOnlyTheDirectorTable) {
  EXPECT_EQ(find_run_dir("[other]\nrun_dir = \"/run/a\"\n"), std::nullopt);
  EXPECT_EQ(find_run_dir("[director]\nx =\n[other]\nrun_dir = \"/run/a\"\n"), std::nullopt);
}

TEST(FindRunDir, RefusesUnusableValues) {
  for (const char* text :
       {"", "[director]\n", "[director]\nrun_dir = 7\n", "[director]\nrun_dir = \"run\"\n",
        "[director]\nrun_dir = \"/run/a b\"\n", "director = 1\n", "[director]\nrun_dir = \"/run\n",
        "\"\"\"", "[director]\nname =\nrun_dir = \n", "[director]\nname =\nrun_dirs = \"/a\"\n"}) {
    EXPECT_EQ(find_run_dir(text), std::nullopt) << text;
  }
  EXPECT_EQ(find_run_dir("[director]\nrun_dir = \"/" + std::string(200, 'x') + "\"\n"),
            std::nullopt);
}

TEST(RunDirOf, ReportsItsSource) {
  const std::string file = testing::TempDir() + "run_dir_test-" + std::to_string(getpid());
  std::ofstream(file) << "[director]\nrun_dir = \"/run/a\"\n";
  EXPECT_EQ(run_dir_of(file).path, "/run/a");
  EXPECT_EQ(run_dir_of(file).source, "the run_dir of " + file);
  std::ofstream(file) << "what?";
  EXPECT_EQ(run_dir_of(file).path, Director{}.run_dir);
  EXPECT_EQ(run_dir_of(file).source, "the default, because no run_dir can be read from " + file);
  std::remove(file.c_str());
  EXPECT_EQ(run_dir_of(file).path, Director{}.run_dir);
  EXPECT_EQ(run_dir_of(file).source,
            "the default, because " + file + " cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace lb::config
