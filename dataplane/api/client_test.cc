#include "dataplane/api/client.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "dataplane/api/dataplane.pb.h"

namespace lb::api {
namespace {

using DataplaneClient = Client<Request, Response>;

// A listener that answers the first message with given bytes.
class FakeDaemon {
 public:
  explicit FakeDaemon(std::string answer) : answer_(std::move(answer)) {
    std::string pattern = (std::filesystem::temp_directory_path() / "lb-api-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    path_ = folder_ + "/s";
    fd_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(fd_, 4), 0);
    thread_ = std::thread([this] {
      const int client = ::accept(fd_, nullptr, nullptr);
      char buffer[256];
      if (::recv(client, buffer, sizeof(buffer), 0) > 0) {
        ::send(client, answer_.data(), answer_.size(), MSG_NOSIGNAL);
      }
      ::close(client);
    });
  }
  ~FakeDaemon() {
    thread_.join();
    ::close(fd_);
    std::filesystem::remove_all(folder_);
  }
  const std::string& path() const { return path_; }

 private:
  std::string answer_, folder_, path_;
  int fd_ = -1;
  std::thread thread_;
};

const ClientOptions kOptions{"lbcli", "lb-dataplane", std::chrono::seconds(20)};

TEST(Client, NobodyListens) {
  const auto client = DataplaneClient::connect("/nonexistent/dataplane.sock", kOptions);
  ASSERT_FALSE(client);
  EXPECT_EQ(client.error().message,
            "cannot connect to /nonexistent/dataplane.sock: No such file or directory; is "
            "lb-dataplane running?");
}

TEST(Client, PathTooLong) {
  const auto client = DataplaneClient::connect("/" + std::string(200, 'x'), kOptions);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("has 1 to 107 bytes"), std::string::npos);
}

TEST(Client, OtherVersionNamesBothReleases) {
  Response response;
  response.set_id(1);
  response.mutable_hello()->set_protocol(99);
  response.mutable_hello()->set_release("9.9.9");
  const FakeDaemon daemon(to_frame(response).value());
  const auto client = DataplaneClient::connect(daemon.path(), kOptions);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("lb-dataplane 9.9.9 speaks protocol 99"),
            std::string::npos);
  EXPECT_NE(client.error().message.find("lbcli " LB_RELEASE), std::string::npos);
}

TEST(Client, DaemonGoesAway) {
  const FakeDaemon daemon("");
  const auto client = DataplaneClient::connect(daemon.path(), kOptions);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("closed the connection"), std::string::npos);
}

TEST(Client, FailsOnATruncatedAnswer) {
  const FakeDaemon daemon(std::string("\0\0\0\x20xyz", 7));
  const auto client = DataplaneClient::connect(daemon.path(), kOptions);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("closed the connection"), std::string::npos);
}

TEST(Client, AnswerOfAnotherProtocol) {
  const FakeDaemon daemon("HTTP/1.1 400 Bad Request\r\n\r\n");
  const auto client = DataplaneClient::connect(daemon.path(), kOptions);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("not its protocol"), std::string::npos);
}

TEST(Client, SilenceEndsInATimeout) {
  // Listens but never accepts: the kernel completes the connection, no answer comes.
  std::string pattern = (std::filesystem::temp_directory_path() / "lb-api-XXXXXX").string();
  const std::string folder = ::mkdtemp(pattern.data());
  const std::string path = folder + "/s";
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(fd, 4), 0);
  const auto client =
      DataplaneClient::connect(path, {"lbcli", "lb-dataplane", std::chrono::milliseconds(20)});
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("did not answer within 20 ms"), std::string::npos);
  ::close(fd);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace lb::api
