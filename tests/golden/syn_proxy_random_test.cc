// A connection that a SYN proxy opens, between two ends that follow the RFCs, over networks that lose, repeat and
// reorder: every byte arrives, in both directions, and both ends close. The ends do not know windows, but that of the
// SYN-ACK is closed: until the next segment the client probes it.
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "config/base/testing/randomised.h"
#include "tests/golden/syn_proxy_scene.h"
#include "tests/golden/tcp_end.h"

namespace lb::golden {
namespace {

class Conversation {
 public:
  explicit Conversation(std::uint32_t seed) : random_(seed) {
    world_.rs(1).weight = 0;
    world_.apply();
    server_isn_ = static_cast<std::uint32_t>(random_());
    server_.listen(server_isn_);
    TcpEnd::Out out;
    client_isn_ = static_cast<std::uint32_t>(random_());
    client_.connect(client_isn_, out);
    put(from_client_, out);
  }

  void run(unsigned steps) {
    for (unsigned i = 0; i < steps; ++i) step();
  }

  // Without losses from here on; empty: both have closed and have everything.
  std::string settle() {
    lossy_ = false;
    for (int round = 0; round < 60; ++round) {
      TcpEnd::Out out;
      if (client_.can_send() && round == 5) client_.close(out);
      repeat_client(out);
      put(from_client_, out);
      out.clear();
      if (server_.can_send() && round == 10) server_.close(out);
      server_.repeat(out);
      put(from_server_, out);
      deliver_all();
      wait(1'000);
      deliver_all();
    }
    if (!client_.is_over() || !server_.is_over()) return "an end is still open";
    if (client_.next() != server_.awaited()) return "the server lacks something of the client's";
    if (client_.awaited() - cookie_ != server_.next() - server_isn_) {
      return "the client lacks something of the server's";
    }
    return client_.next() - client_isn_ > 1 ? "" : "nothing was sent";
  }

 private:
  using Queue = std::deque<EndSegment>;

  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() * std::uint64_t{bound} >> 32);
  }
  static void put(Queue& queue, const TcpEnd::Out& out) {
    queue.insert(queue.end(), out.begin(), out.end());
  }

  void repeat_client(TcpEnd::Out& out) {
    client_.is_open() && !is_window_open_ ? client_.keep_alive(out) : client_.repeat(out);
  }

  void step() {
    TcpEnd::Out out;
    switch (below(8)) {
      case 0:
        client_.can_send() && is_window_open_ ? client_.send(1 + below(1'400), out)
                                              : repeat_client(out);
        put(from_client_, out);
        break;
      case 1:
        server_.can_send() ? server_.send(1 + below(1'400), out) : server_.repeat(out);
        put(from_server_, out);
        break;
      case 2:
        repeat_client(out);
        put(from_client_, out);
        break;
      case 3:
        server_.repeat(out);
        put(from_server_, out);
        break;
      case 4:
        if (below(20) == 0) wait(1'000);
        break;
      default:
        deliver_one();
        break;
    }
  }

  void wait(std::uint32_t ms) {
    for (const Probe& probe : world_.advance(ms)) take(world_.written(probe));
  }

  void deliver_all() {
    while (!from_client_.empty() || !from_server_.empty() || !to_client_.empty() ||
           !to_server_.empty()) {
      deliver_one();
    }
  }

  void deliver_one() {
    Queue* const queues[] = {&from_client_, &from_server_, &to_client_, &to_server_};
    Queue& queue = *queues[below(4)];
    if (queue.empty()) return;
    const std::size_t at =
        lossy_ && below(4) == 0 ? below(static_cast<std::uint32_t>(queue.size())) : 0;
    const EndSegment segment = queue[at];
    const std::uint32_t luck = lossy_ ? below(100) : 50;
    if (luck >= 8) queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(at));  // else twice
    if (luck >= 90) return;                                                       // lost
    TcpEnd::Out out;
    if (&queue == &to_client_) {
      if (segment.has(test::kSyn)) {
        cookie_ = segment.seq;
      } else {
        is_window_open_ = true;
      }
      client_.receive(segment, out);
      return put(from_client_, out);
    }
    if (&queue == &to_server_) {
      server_.receive(segment, out);
      return put(from_server_, out);
    }
    const bool from_client = &queue == &from_client_;
    const test::Tcp tcp{.seq = segment.seq,
                        .ack = segment.ack,
                        .flags = segment.flags,
                        .payload = test::pattern(segment.size)};
    take(from_client ? world_.client(tcp) : world_.server(tcp));
    for (const Output& own : world_.own_segments()) take(own);
  }

  void take(const Output& out) {
    if (out.verdict != Verdict::kForward && out.verdict != Verdict::kAnswer) return;
    EXPECT_EQ(test::verify(out.frame), "");
    const Read read(out.frame);
    EndSegment segment{read.segment.flags, read.segment.seq, read.segment.ack, 0};
    segment.size = read.segment.end - segment.end();
    (out.egress == kWan ? to_client_ : to_server_).push_back(segment);
  }

  std::mt19937 random_;
  ProxyScene world_;
  TcpEnd client_, server_;
  std::uint32_t client_isn_ = 0, server_isn_ = 0, cookie_ = 0;
  Queue from_client_, from_server_, to_client_, to_server_;
  bool is_window_open_ = false;
  bool lossy_ = true;
};

TEST(SynProxyRandom, EveryByteArrives) {
  const std::uint32_t seed = test::seed();
  for (unsigned round = 0; round < test::rounds(300); ++round) {
    SCOPED_TRACE("LB_SEED=" + std::to_string(seed) + ", round " + std::to_string(round));
    Conversation conversation(seed + round);
    conversation.run(400);
    ASSERT_EQ(conversation.settle(), "");
  }
}

}  // namespace
}  // namespace lb::golden
