#include "controlplane/cli/input.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <thread>
#include <utility>

namespace lb::cli {
namespace {

// A pipe that another program writes to, and ends.
class Input : public testing::Test {
 protected:
  void SetUp() override {
    int ends[2] = {};
    ASSERT_EQ(pipe(ends), 0);
    from = ends[0];
    to = ends[1];
  }
  void TearDown() override {
    close(from);
    if (writer.joinable()) writer.join();
  }
  void write(std::string text) {
    writer = std::thread([this, text = std::move(text)] {
      for (std::size_t at = 0; at < text.size();) {
        const ssize_t wrote = ::write(to, text.data() + at, text.size() - at);
        if (wrote <= 0) break;
        at += static_cast<std::size_t>(wrote);
      }
      close(to);
    });
  }
  std::string descriptor(const char* folder) const { return folder + std::to_string(from); }

  int from = -1;
  int to = -1;
  std::thread writer;
};

TEST_F(Input, IsAPipeOfTheShell) {
  const std::string text(100'000, '#');
  write(text);
  EXPECT_EQ(read_input(descriptor("/dev/fd/")).value(), text);
}

TEST_F(Input, IsStandardInput) {
  const int before = dup(STDIN_FILENO);
  dup2(from, STDIN_FILENO);
  write("# one");
  EXPECT_EQ(read_input("-").value(), "# one");
  EXPECT_EQ(read_input("/dev/stdin").value(), "");
  dup2(before, STDIN_FILENO);
  close(before);
}

TEST_F(Input, IsALimitedPipe) {
  write("[director\n");
  const auto loaded = load_input(descriptor("/proc/self/fd/"), config::Machine::any());
  ASSERT_EQ(loaded.mistakes.size(), 1U);
  EXPECT_EQ(loaded.mistakes[0].where.line, 1U);

  const auto endless = [] {
    const int before = dup(STDIN_FILENO);
    const int zero = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    dup2(zero, STDIN_FILENO);
    close(zero);
    auto read = read_input("-");
    dup2(before, STDIN_FILENO);
    close(before);
    return read;
  }();
  EXPECT_EQ(endless.error().message, "is larger than 16 MiB");
}

TEST_F(Input, IsNothingElse) {
  close(to);
  const std::string fifo =
      std::filesystem::temp_directory_path() / ("input-" + std::to_string(getpid()));
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_EQ(load_input(fifo, config::Machine::any()).mistakes.at(0).message,
            "is a FIFO and not a regular file; name the configuration file");
  std::filesystem::remove(fifo);
  EXPECT_EQ(load_input("/dev/fd/12345", config::Machine::any()).mistakes.at(0).message,
            "cannot be read: Bad file descriptor");
  for (const char* const no_number : {"/dev/fd/", "/dev/fd/x", "/dev/fd/-1", "/dev/fd/1x"}) {
    EXPECT_NE(load_input(no_number, config::Machine::any())
                  .mistakes.at(0)
                  .message.find("name the configuration file"),
              std::string::npos)
        << no_number;
  }
}

}  // namespace
}  // namespace lb::cli
