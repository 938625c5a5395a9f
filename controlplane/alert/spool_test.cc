#include "controlplane/alert/spool.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

namespace lb::controlplane::alert {
namespace {

namespace fs = std::filesystem;

Mail mail(const std::string& text) {
  return {"lb1@example.com", {"a@example.com", "b@example.com"}, text};
}

Event event(const std::string& name) {
  Event out;
  out.kind = "service";
  out.name = name;
  out.state = "down";
  return out;
}

// No file may grow while it lives: what a full disk is for who writes.
class NoRoom {
 public:
  NoRoom() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit none{0, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
  }
  ~NoRoom() { setrlimit(RLIMIT_FSIZE, &before_); }
  NoRoom(const NoRoom&) = delete;
  NoRoom& operator=(const NoRoom&) = delete;

 private:
  rlimit before_{};
};

class SpoolTest : public testing::Test {
 protected:
  ~SpoolTest() override { fs::remove_all(folder_); }

  // As a process that starts.
  Spool open() {
    recovered.clear();
    return Spool::open(folder_, recovered);
  }
  std::vector<std::string> texts(const Spool& spool) {
    std::vector<std::string> out;
    for (const auto number : spool.numbers()) {
      const auto read = spool.read(number);
      out.push_back(read ? read->text : "?");
    }
    return out;
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const Event& each : recovered) out.push_back(each.name);
    return out;
  }
  std::size_t files(const std::string& ending, const std::string& below = "") {
    std::size_t count = 0;
    for (const auto& entry : fs::directory_iterator(folder_ + below)) {
      if (entry.path().string().ends_with(ending)) ++count;
    }
    return count;
  }

  const std::string folder_ =
      fs::temp_directory_path() / ("ballast-spool-" + std::to_string(::getpid()));
  std::vector<Event> recovered;
};

TEST_F(SpoolTest, KeepsMailsInOrderOverRestarts) {
  {
    Spool spool = open();
    for (int i = 0; i < 12; ++i) ASSERT_TRUE(spool.put(mail(std::to_string(i))));
    spool.remove(spool.numbers().front());
  }
  Spool spool = open();
  EXPECT_EQ(texts(spool),
            (std::vector<std::string>{"1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}));
  EXPECT_EQ(*spool.read(spool.numbers().front()), mail("1"));
  ASSERT_TRUE(spool.put(mail("12")));
  EXPECT_EQ(texts(spool).back(), "12");
}

TEST_F(SpoolTest, KeepsEventsThatAreNotYetMailed) {
  {
    Spool spool = open();
    ASSERT_TRUE(spool.note(std::vector<Event>{event("a"), event("b")}));
    ASSERT_TRUE(spool.note(std::vector<Event>{event("c")}));
  }
  {
    Spool spool = open();
    EXPECT_EQ(names(), (std::vector<std::string>{"a", "b", "c"}));
    ASSERT_TRUE(spool.note(std::vector<Event>{event("d")}));
  }
  Spool spool = open();
  EXPECT_EQ(names(), (std::vector<std::string>{"a", "b", "c", "d"}));
  ASSERT_TRUE(spool.put(mail("all")));
  EXPECT_EQ(files(".events"), 0u);
  Spool again = open();
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(texts(again), (std::vector<std::string>{"all"}));
}

TEST_F(SpoolTest, SkipsATruncatedLineOfEvents) {
  {
    Spool spool = open();
    ASSERT_TRUE(spool.note(std::vector<Event>{event("a"), event("b")}));
  }
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (entry.is_regular_file()) fs::resize_file(entry.path(), entry.file_size() - 3);
  }
  open();
  EXPECT_EQ(names(), (std::vector<std::string>{"a"}));
}

TEST_F(SpoolTest, TakesNothingThatOthersCouldHaveWritten) {
  {
    Spool spool = open();
    ASSERT_TRUE(spool.put(mail("first")));
    ASSERT_TRUE(spool.note(std::vector<Event>{event("a")}));
  }
  const std::string queued = folder_ + "/00000000000000000001.mail";
  const std::string notes = folder_ + "/00000000000000000002.events";
  fs::rename(notes, folder_ + "/elsewhere");
  fs::create_symlink(folder_ + "/elsewhere", notes);
  fs::permissions(queued, fs::perms::others_write, fs::perm_options::add);
  const Spool spool = open();
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(spool.read(1).error().message,
            queued + " is writable by everybody, who could have written anything; remove it");
}

// The process ended after the mail was renamed and before its events were removed.
TEST_F(SpoolTest, NeverMailsEventsTwice) {
  {
    Spool spool = open();
    ASSERT_TRUE(spool.note(std::vector<Event>{event("a")}));
    const std::string notes = folder_ + "/00000000000000000001.events";
    fs::copy_file(notes, folder_ + "/kept");
    ASSERT_TRUE(spool.put(mail("a")));
    fs::rename(folder_ + "/kept", notes);
  }
  Spool spool = open();
  EXPECT_TRUE(names().empty());
  EXPECT_EQ(texts(spool), (std::vector<std::string>{"a"}));
}

TEST_F(SpoolTest, SetsAsideATruncatedMail) {
  {
    Spool spool = open();
    ASSERT_TRUE(spool.put(mail("first")));
    ASSERT_TRUE(spool.put(mail("second")));
  }
  fs::resize_file(folder_ + "/00000000000000000001.mail", 40);
  std::ofstream(folder_ + "/00000000000000000003.mail.new") << "half";
  std::ofstream(folder_ + "/README") << "an operator's";
  Spool spool = open();
  ASSERT_EQ(spool.size(), 2u);
  EXPECT_FALSE(spool.read(1));
  spool.set_aside(1);
  EXPECT_EQ(texts(spool), (std::vector<std::string>{"second"}));
  EXPECT_EQ(files(".mail", "/failed"), 1u);
  EXPECT_EQ(files(".new"), 0u);
  EXPECT_TRUE(fs::exists(folder_ + "/README"));
}

TEST_F(SpoolTest, KeepsTheLastFailedMails) {
  Spool spool = open();
  for (int i = 0; i < 105; ++i) {
    ASSERT_TRUE(spool.put(mail("x")));
    spool.set_aside(spool.numbers().front());
  }
  EXPECT_EQ(files(".mail", "/failed"), 100u);
  EXPECT_TRUE(fs::exists(folder_ + "/failed/00000000000000000105.mail"));
  // And does not give their numbers to others.
  EXPECT_EQ(open().next_number(), 106u);
}

TEST_F(SpoolTest, ReplacesTheRecipientsOfAMail) {
  Spool spool = open();
  ASSERT_TRUE(spool.put(mail("x")));
  Mail less = mail("x");
  less.to.pop_back();
  ASSERT_TRUE(spool.replace(1, less));
  EXPECT_EQ(*open().read(1), less);
}

TEST_F(SpoolTest, KeepsMailInMemoryOnAFullDisk) {
  Spool spool = open();
  ASSERT_TRUE(spool.note(std::vector<Event>{event("a")}));
  {
    const NoRoom full;
    EXPECT_FALSE(spool.note(std::vector<Event>{event("b")}));
    const auto put = spool.put(mail("kept"));
    ASSERT_FALSE(put);
    EXPECT_NE(put.error().message.find("File too large"), std::string::npos);
    EXPECT_EQ(texts(spool), (std::vector<std::string>{"kept"}));
    EXPECT_FALSE(spool.save());
    // Who starts now finds the events that were noted in time.
    open();
    EXPECT_EQ(names(), (std::vector<std::string>{"a"}));
  }
  ASSERT_TRUE(spool.save());
  EXPECT_EQ(texts(open()), (std::vector<std::string>{"kept"}));
}

TEST_F(SpoolTest, WorksWithoutAFolder) {
  std::ofstream(folder_) << "a file in its place";
  Spool spool = open();
  EXPECT_FALSE(spool.put(mail("x")));
  EXPECT_EQ(texts(spool), (std::vector<std::string>{"x"}));
}

}  // namespace
}  // namespace lb::controlplane::alert
