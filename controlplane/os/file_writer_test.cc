#include "controlplane/os/file_writer.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <semaphore>
#include <string>
#include <vector>

#include "controlplane/os/text_file.h"

namespace lb::controlplane {
namespace {

using namespace std::chrono_literals;

class FileWriterTest : public testing::Test {
 protected:
  FileWriterTest() : folder_("/tmp/lb-writer-XXXXXX") { folder_ = ::mkdtemp(folder_.data()); }
  ~FileWriterTest() override { std::filesystem::remove_all(folder_); }

  FileWriter::Done note(const std::string& what) {
    return [this, what](const Result<void>& result) {
      done_.push_back(what + (result ? " ok" : " failed"));
    };
  }
  std::string content(const std::string& name) const {
    return read_text(folder_ + name).value().value_or("none");
  }

  std::string folder_;
  std::vector<std::string> done_;
  boost::asio::io_context io_;
};

TEST_F(FileWriterTest, WritesRemovesAndReports) {
  FileWriter writer(io_);
  writer.write(folder_ + "/a", "one", note("a"));
  ASSERT_TRUE(writer.finish(20s));
  EXPECT_TRUE(done_.empty());
  writer.write(folder_ + "/none/b", "two", note("b"));
  ASSERT_TRUE(writer.finish(20s));
  io_.poll();
  EXPECT_EQ(done_, (std::vector<std::string>{"a ok", "b failed"}));
  EXPECT_EQ(content("/a"), "one");
  writer.write(folder_ + "/a", std::nullopt, note("a"));
  writer.write(folder_ + "/c", std::nullopt, note("c"));
  ASSERT_TRUE(writer.finish(20s));
  io_.restart();
  io_.poll();
  EXPECT_EQ(done_.size(), 4u);
  EXPECT_EQ(done_.back(), "c ok");
  EXPECT_EQ(content("/a"), "none");
}

// A disk whose first write hangs until the test says so.
struct HungDisk {
  std::binary_semaphore begun{0}, go_on{0}, ended{0};
  std::mutex mutex;
  std::vector<std::string> written;

  static FileWriter::Write writes(const std::shared_ptr<HungDisk>& disk) {
    return [disk](const std::string&, const std::optional<std::string>& text) -> Result<void> {
      const bool first = [&] {
        const std::lock_guard lock(disk->mutex);
        disk->written.push_back(text.value_or("removed"));
        return disk->written.size() == 1;
      }();
      if (!first) return {};
      disk->begun.release();
      disk->go_on.acquire();
      disk->ended.release();
      return {};
    };
  }
};

TEST_F(FileWriterTest, WritesTheLastTextOfAFileThatHadToWait) {
  const auto disk = std::make_shared<HungDisk>();
  FileWriter writer(io_, HungDisk::writes(disk));
  writer.write("other", "first", note("first"));
  disk->begun.acquire();
  for (const char* const text : {"one", "two", "three"}) writer.write("file", text, note(text));
  EXPECT_FALSE(writer.finish(1ms));
  disk->go_on.release();
  ASSERT_TRUE(writer.finish(20s));
  io_.poll();
  EXPECT_EQ(disk->written, (std::vector<std::string>{"first", "three"}));
  EXPECT_EQ(done_, (std::vector<std::string>{"first ok", "one ok", "two ok", "three ok"}));
}

TEST_F(FileWriterTest, EndsAlthoughTheDiskHangs) {
  const auto disk = std::make_shared<HungDisk>();
  {
    FileWriter writer(io_, HungDisk::writes(disk));
    writer.write("file", "one", note("one"));
    disk->begun.acquire();
    writer.write("other", "two", note("two"));
  }
  disk->go_on.release();
  disk->ended.acquire();
  io_.poll();
  EXPECT_TRUE(done_.empty());
}

}  // namespace
}  // namespace lb::controlplane
