#include "controlplane/sync/link.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "controlplane/sync/credentials.h"
#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane::sync {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;

// A key file of this process.
class KeyFile {
 public:
  explicit KeyFile(const std::string& text, mode_t mode = 0600)
      : path_("/tmp/ballast-link-test-" + std::to_string(getpid()) + "-" +
              std::to_string(++made_)) {
    std::ofstream(path_) << text;
    chmod(path_.c_str(), mode);
  }
  ~KeyFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  static inline int made_ = 0;
  std::string path_;
};

config::HaSync with_key(const std::string& path) {
  config::HaSync config;
  config.key_file = path;
  return config;
}

const std::string kGoodKey(64, 'a');
const std::string kOtherKey(64, 'b');

// A port that nobody has at this moment.
std::uint16_t free_port(boost::asio::io_context& io) {
  return tcp::acceptor(io, {tcp::v4(), 0}).local_endpoint().port();
}

Endpoint local(const char* address, std::uint16_t port) {
  return {Address::parse(address).value(), port};
}

// One end of a link: what it says of itself.
struct End {
  End(boost::asio::io_context& io, const Link::Options& options, const std::string& key)
      : file(key),
        link(io, options, std::move(*Credentials::load(with_key(file.path()))),
             {.up = [this](const lb::sync::Hello& hello) { peer = hello.director(); },
              .down = [this](const std::string& why) { lost = why; },
              .message = [this](const Link::Message& message) { received.push_back(message); },
              .fill_beat = [](lb::sync::Heartbeat&) {}}) {}

  std::uint64_t refused(Refusal refusal) const {
    return link.counters().refused[static_cast<std::size_t>(refusal)];
  }
  std::size_t batches() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        received, [](const Link::Message& message) { return message.has_batch(); }));
  }

  KeyFile file;
  std::string peer, lost;
  std::vector<Link::Message> received;
  Link link;
};

class LinkTest : public testing::Test {
 protected:
  Link::Options options(bool first) {
    Link::Options made;
    made.listen = local(first ? first_address_ : second_address_, port_);
    made.peer = local(first ? second_address_ : first_address_, port_);
    made.sync_id = 1;
    made.heartbeat = 20ms;
    made.director = first ? "first" : "second";
    return made;
  }
  void make(const std::string& first_key, const std::string& second_key,
            std::uint32_t second_sync_id = 1) {
    first_.emplace(io_, options(true), first_key);
    Link::Options second = options(false);
    second.sync_id = second_sync_id;
    second_.emplace(io_, second, second_key);
    second_->link.start();
    first_->link.start();
  }
  bool wait(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (!condition() && std::chrono::steady_clock::now() < deadline) io_.run_one_for(100ms);
    return condition();
  }

  boost::asio::io_context io_;
  const std::uint16_t port_ = free_port(io_);
  const char* first_address_ = "127.0.0.1";
  const char* second_address_ = "127.0.0.2";
  std::optional<End> first_, second_;
};

TEST_F(LinkTest, ConnectsWithTheSameKey) {
  make(kGoodKey, kGoodKey);
  ASSERT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
  EXPECT_EQ(first_->peer, "second");
  EXPECT_EQ(second_->peer, "first");
  Link::Message batch;
  batch.mutable_batch()->set_number(1);
  batch.mutable_batch()->set_entries(std::string(300'000, 'x'));
  first_->link.send(batch);
  second_->link.send(batch);
  EXPECT_TRUE(wait([&] { return first_->batches() == 1 && second_->batches() == 1; }));
  // Heartbeats come by themselves.
  const std::size_t received = first_->received.size();
  EXPECT_TRUE(wait([&] { return first_->received.size() > received + 2; }));
}

TEST_F(LinkTest, RefusesAnotherKey) {
  make(kGoodKey, kOtherKey);
  EXPECT_TRUE(wait([&] {
    return first_->refused(Refusal::not_proved) > 1 && second_->refused(Refusal::not_proved) > 1;
  }));
  EXPECT_FALSE(first_->link.up() || second_->link.up());
  EXPECT_TRUE(first_->received.empty() && second_->received.empty());
}

TEST_F(LinkTest, RefusesAnotherSyncId) {
  make(kGoodKey, kGoodKey, 2);
  EXPECT_TRUE(wait([&] {
    return first_->refused(Refusal::other_sync_id) + second_->refused(Refusal::other_sync_id) > 0;
  }));
  EXPECT_TRUE(first_->peer.empty() || second_->peer.empty());
}

TEST_F(LinkTest, ReconnectsToARestartedPeer) {
  make(kGoodKey, kGoodKey);
  ASSERT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
  second_.emplace(io_, options(false), kGoodKey);
  ASSERT_TRUE(wait([&] { return !first_->link.up(); }));
  EXPECT_FALSE(first_->lost.empty());
  second_->link.start();
  EXPECT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
  EXPECT_EQ(first_->link.counters().sessions, 2u);
}

TEST_F(LinkTest, CountsUnknownPeersAndGarbage) {
  second_.emplace(io_, options(false), kGoodKey);
  second_->link.start();
  const auto call = [&](const char* from, const std::string& bytes) {
    auto socket = std::make_shared<tcp::socket>(io_);
    socket->open(tcp::v4());
    socket->bind({boost::asio::ip::make_address(from), 0});
    socket->connect({boost::asio::ip::make_address("127.0.0.2"), port_});
    boost::asio::write(*socket, boost::asio::buffer(bytes));
    return socket;
  };
  const auto stranger = call("127.0.0.3", "hello");
  EXPECT_TRUE(wait([&] { return second_->refused(Refusal::wrong_address) == 1; }));
  const auto plain = call("127.0.0.1", std::string("\0\0\0\5hello", 9));
  EXPECT_TRUE(wait([&] { return second_->refused(Refusal::not_proved) == 1; }));
  const auto mute = call("127.0.0.1", "\x16\x03\x01");  // the beginning of a TLS record
  first_.emplace(io_, options(true), kGoodKey);
  first_->link.start();
  EXPECT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
  EXPECT_TRUE(wait([&] { return second_->refused(Refusal::silent) == 1; }));
  EXPECT_TRUE(second_->link.up());
}

// More of them than get their turn: the session goes on, and another one can be made.
TEST_F(LinkTest, KeepsTheSessionInAFloodOfUnknownPeers) {
  make(kGoodKey, kGoodKey);
  ASSERT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
  std::vector<std::unique_ptr<tcp::socket>> flood;
  const auto call = [&](const char* from, const std::string& bytes) {
    auto& socket = *flood.emplace_back(std::make_unique<tcp::socket>(io_));
    socket.open(tcp::v4());
    socket.bind({boost::asio::ip::make_address(from), 0});
    socket.connect({boost::asio::ip::make_address("127.0.0.2"), port_});
    boost::asio::write(socket, boost::asio::buffer(bytes));
  };
  // The beginning of a ClientHello as long as they come, and what is none.
  const std::string endless("\x16\x03\x01\x40\x00\x01\x01\xff\xff", 9);
  for (int i = 0; i < 50; ++i) {
    call("127.0.0.3", "hello");
    call("127.0.0.1", endless);
    call("127.0.0.1", std::string(20'000, 'x'));
  }
  const std::size_t received = first_->received.size();
  EXPECT_TRUE(wait([&] {
    return second_->refused(Refusal::wrong_address) == 50 &&
           second_->refused(Refusal::not_proved) > 0 && second_->refused(Refusal::silent) > 0 &&
           first_->received.size() > received + 10;
  }));
  EXPECT_EQ(first_->lost + second_->lost, "");
  flood.clear();
  first_->link.reset("the test says so");
  EXPECT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
  EXPECT_EQ(second_->link.counters().sessions, 2u);
}

// As fast as they can: the peer gets in all the same.
TEST_F(LinkTest, StrangersDoNotKeepThePeerOut) {
  second_.emplace(io_, options(false), kGoodKey);
  second_->link.start();
  std::atomic<bool> over = false;
  std::thread flood([&] {
    std::deque<int> open;
    while (!over) {
      const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
      sockaddr_in from{};
      from.sin_family = AF_INET;
      from.sin_addr.s_addr = inet_addr("127.0.0.3");
      bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof(from));
      sockaddr_in to = from;
      to.sin_addr.s_addr = inet_addr("127.0.0.2");
      to.sin_port = htons(port_);
      static_cast<void>(connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof(to)));
      open.push_back(fd);
      if (open.size() < 500) continue;
      close(open.front());
      open.pop_front();
    }
    for (const int fd : open) close(fd);
  });
  EXPECT_TRUE(wait([&] { return second_->refused(Refusal::wrong_address) >= 32; }));
  first_.emplace(io_, options(true), kGoodKey);
  first_->link.start();
  EXPECT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
  over = true;
  flood.join();
}

// Somebody who took the peer's address holds every place.
TEST_F(LinkTest, SilentConnectionsDoNotKeepThePeerOut) {
  second_.emplace(io_, options(false), kGoodKey);
  second_->link.start();
  std::vector<std::unique_ptr<tcp::socket>> silent;
  const auto call = [&] {
    auto& socket = *silent.emplace_back(std::make_unique<tcp::socket>(io_));
    socket.open(tcp::v4());
    socket.bind({boost::asio::ip::make_address("127.0.0.1"), 0});
    socket.connect({boost::asio::ip::make_address("127.0.0.2"), port_});
  };
  for (int i = 0; i < 8; ++i) call();
  io_.run_for(300ms);
  const auto begun = std::chrono::steady_clock::now();
  first_.emplace(io_, options(true), kGoodKey);
  first_->link.start();
  EXPECT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 2s) << "it waited until they were given up";
}

TEST_F(LinkTest, AcceptsAgainWhenThereAreDescriptorsAgain) {
  second_.emplace(io_, options(false), kGoodKey);
  second_->link.start();
  tcp::socket early(io_);
  early.open(tcp::v4());
  early.bind({boost::asio::ip::make_address("127.0.0.1"), 0});
  std::vector<int> all;
  for (int fd = dup(0); fd >= 0; fd = dup(0)) all.push_back(fd);
  ASSERT_EQ(errno, EMFILE);
  early.connect({boost::asio::ip::make_address("127.0.0.2"), port_});
  rusage before{};
  rusage after{};
  getrusage(RUSAGE_THREAD, &before);
  io_.run_for(500ms);
  getrusage(RUSAGE_THREAD, &after);
  EXPECT_EQ(after.ru_utime.tv_sec - before.ru_utime.tv_sec, 0);
  EXPECT_LT(after.ru_nvcsw - before.ru_nvcsw, 100) << "it tries again and again";
  for (const int fd : all) close(fd);
  first_.emplace(io_, options(true), kGoodKey);
  first_->link.start();
  EXPECT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
}

TEST_F(LinkTest, EndsTheSessionOnRefuse) {
  make(kGoodKey, kGoodKey);
  ASSERT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
  first_->link.refuse(Refusal::out_of_order, "batch 7 after 1");
  EXPECT_FALSE(first_->link.up());
  EXPECT_EQ(first_->refused(Refusal::out_of_order), 1u);
  EXPECT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
}

// In a network namespace of its own, so it stands behind the tests that are in the old one.
TEST_F(LinkTest, SupportsBothFamilies) {
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
  for (const char* const command : {"ip link set lo up", "ip address add 2001:db8::1/128 dev lo",
                                    "ip address add 2001:db8::2/128 dev lo"}) {
    ASSERT_EQ(std::system(command), 0) << command;
  }
  first_address_ = "2001:db8::1";
  second_address_ = "2001:db8::2";
  make(kGoodKey, kGoodKey);
  EXPECT_TRUE(wait([&] { return first_->link.up() && second_->link.up(); }));
}

TEST(Credentials, ValidateAKeyFile) {
  const auto message = [](const KeyFile& file) {
    const auto loaded = Credentials::load(with_key(file.path()));
    return loaded ? std::string() : loaded.error().message.substr(file.path().size());
  };
  EXPECT_EQ(message(KeyFile(kGoodKey + "\n")), "");
  EXPECT_EQ(message(KeyFile(kGoodKey, 0640)),
            ": accessible to others than its owner; run chmod 600");
  EXPECT_EQ(message(KeyFile("short")),
            ": is not 64 hexadecimal digits; make one with `openssl rand -hex 32`");
  EXPECT_EQ(message(KeyFile(std::string(64, 'g'))),
            ": is not 64 hexadecimal digits; make one with `openssl rand -hex 32`");
  EXPECT_FALSE(Credentials::load(with_key("/nonexistent/key")));
}

}  // namespace
}  // namespace lb::controlplane::sync
