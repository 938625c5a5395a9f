// Any bytes over the socket of a daemon's API, to the server itself: it answers in whole frames, each
// request in turn under its number and with as many parts as the handler makes; it refuses what is not
// its protocol with one error, and closes.
//
// Input: flags, then what a client sends.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "dataplane/api/dataplane.pb.h"
#include "dataplane/api/server.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/quiet.h"

namespace {

using namespace lb::api;
using Api = Server<Request, Response>;

const lb::fuzz::Quiet kQuiet;
constexpr std::uint8_t kFlagGreet = 1;   // says Hello first
constexpr std::uint8_t kFlagReader = 2;  // over the socket for reading
constexpr std::uint32_t kMostParts = 8;

Api::Answer answer(const Request& request) {
  Response response;
  if (request.has_snapshot()) throw std::runtime_error("handler broke");
  if (!request.has_conns()) {
    response.set_error("not here");
    return response;
  }
  return Api::Producer([left = request.conns().limit() % kMostParts + 1]() mutable {
    Response part;
    part.mutable_conns();
    part.set_more(--left > 0);
    return part;
  });
}

class Daemon {
 public:
  Daemon() { LB_FUZZ_CHECK(admin_.listen() && reader_.listen()); }
  ~Daemon() {
    admin_.close();
    reader_.close();
    std::filesystem::remove_all(folder_);
  }

  // What it answers until it has closed.
  std::string talk(bool reader, std::string_view bytes) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder_ + (reader ? "/r" : "/a")).copy(address.sun_path, sizeof address.sun_path - 1);
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    LB_FUZZ_CHECK(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    // Far below the buffer of a socket.
    LB_FUZZ_CHECK(::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
                  static_cast<ssize_t>(bytes.size()));
    ::shutdown(fd, SHUT_WR);
    std::string out;
    for (int turns = 0;; ++turns) {
      LB_FUZZ_CHECK(turns < 100'000);
      io_.poll();
      char part[4096];
      const ssize_t got = ::recv(fd, part, sizeof part, MSG_DONTWAIT);
      if (got > 0) out.append(part, static_cast<std::size_t>(got));
      if (got == 0 || (got < 0 && errno != EAGAIN)) break;
    }
    ::close(fd);
    return out;
  }

 private:
  static std::string make_folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "lb-fuzz-XXXXXX").string();
    return ::mkdtemp(pattern.data());
  }

  const std::string folder_ = make_folder();
  boost::asio::io_context io_;
  Api admin_{io_, {.path = folder_ + "/a", .program = "fuzz"}, answer};
  Api reader_{io_, {.path = folder_ + "/r", .program = "fuzz", .read_only = true}, answer};
};

std::string hello() {
  Request request;
  request.mutable_hello()->set_protocol(kProtocolVersion);
  return to_frame(request).value();
}

// Returns what follows it.
std::string_view take_frame(std::string_view bytes, Response& response) {
  FramePrefix prefix{};
  LB_FUZZ_CHECK(bytes.size() >= prefix.size());
  for (std::size_t i = 0; i < prefix.size(); ++i) prefix[i] = static_cast<unsigned char>(bytes[i]);
  bytes.remove_prefix(prefix.size());
  const std::size_t length = decode_prefix(prefix);
  LB_FUZZ_CHECK(length <= bytes.size() && from_bytes(bytes.substr(0, length), response));
  return bytes.substr(length);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Daemon daemon;
  lb::fuzz::Input input(data, size);
  const std::uint8_t flags = input.byte();
  std::string bytes = (flags & kFlagGreet) != 0 ? hello() : std::string();
  bytes += input.text();
  const std::string answers = daemon.talk((flags & kFlagReader) != 0, bytes);
  std::size_t count = 0;
  for (std::string_view rest = answers; !rest.empty(); ++count) {
    Response response;
    rest = take_frame(rest, response);
    LB_FUZZ_CHECK(!response.more() || response.has_conns());
    LB_FUZZ_CHECK(response.error().empty() || !response.has_conns());
    if (count == 0 && (flags & kFlagGreet) != 0) {
      LB_FUZZ_CHECK(response.hello().protocol() == kProtocolVersion && response.error().empty());
    }
  }
  LB_FUZZ_CHECK(count <= kMostParts * (bytes.size() / kFramePrefixBytes + 1));
  return 0;
}
