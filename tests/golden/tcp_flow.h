// TCP connections between ends that follow the RFCs (tcp_end.h), through a director, over networks
// that lose, repeat and reorder on both sides of it, with segments of strangers between; and what
// the state at the director is to be.
#pragma once

#include <array>
#include <deque>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/golden/scene.h"
#include "tests/golden/tcp_end.h"

namespace lb::golden {

inline constexpr std::uint16_t kFlows = 6;
inline constexpr std::uint32_t kJump = 1U << 26;  // from one connection's numbers to the next one's
inline constexpr std::uint32_t kNumbers = 1U << 20;   // more than one connection uses
inline constexpr std::uint32_t kStranger = 1U << 25;  // how far a stranger is off at least
inline constexpr std::size_t kMostUnderWay = 12;

// A segment under way. A client's connection has a number of its own, the same on all ports.
struct Sent {
  EndSegment segment;
  unsigned life = 0;
  unsigned server = 0;  // from or to it
};

class Life;

// What came by of the connection that the director has.
struct Truth {
  unsigned life = 0;
  unsigned server = 0;
  std::uint32_t isn = 0;                  // the client's
  std::optional<std::uint32_t> answer{};  // the number behind the SYN+ACK
  bool established = false;               // the client's answer to that; in DR mode its first ACK
  std::optional<std::uint32_t> client_fin{}, server_fin{};  // the numbers behind them
  bool acked_by_client = false, acked_by_server = false;    // the other's FIN
  bool reset = false;                                       // it was in the state CLOSED by a reset
  // That was before the client knew the server's answer: it has nothing yet that must live on.
  bool reset_early = false;
  // A late SYN and a late SYN+ACK together look like a new connection.
  bool began_anew = false;
};

class Flow {
 public:
  Flow(Life& life, std::uint16_t port) : life_(life), port_(port) {
    for (TcpEnd& server : servers_) server.listen(number());
  }

  std::uint16_t port() const { return port_; }
  void step();
  // How many ticks may pass without the end of its lifetime; nullopt: any, it is over.
  std::optional<std::uint32_t> may_wait() const;
  bool is_to_be_asked() const;
  // The director asks the client whether it has the connection still.
  void asked();
  void check_alive();

 private:
  struct Row {
    ConnState state = ConnState::kNone;  // as if it were confirmed
    ConnState kept = ConnState::kNone;
    unsigned server = 0;
    std::uint32_t last_seen = 0;
    bool operator==(const Row&) const = default;
  };
  Row row() const;
  std::uint32_t number();
  TcpEnd& server() { return servers_[truth_.server]; }
  bool has_both_fins() const { return truth_.client_fin && truth_.server_fin; }
  bool both_live() const {
    return !client_.is_over() && !truth_.reset_early && life_number_ == truth_.life &&
           server_lives_[truth_.server] == truth_.life && !servers_[truth_.server].is_over();
  }
  Row pass(bool from_client, const Sent& sent, bool goes_on = true);
  void follow(bool from_client, const Sent& sent, const Row& before, const Row& after);
  void follow_client(const Sent& sent, const Row& before, const Row& after);
  void follow_server(const Sent& sent, const Row& before, const Row& after);
  void begin(const Sent& sent, const Row& after);
  void reset();
  void check(const Row& now);
  void check_both_closed(ConnState state);
  void expect(bool good, const std::string& what, ConnState state);

  void client_acts();
  void server_acts();
  void connect();
  void deliver(std::deque<Sent>& from);
  void stranger();
  std::uint32_t far_from(std::uint32_t a, std::uint32_t b);
  void late_copy();
  void out_of_client(const TcpEnd::Out& out);
  void out_of_server(unsigned number, unsigned life, const TcpEnd::Out& out);

  Life& life_;
  const std::uint16_t port_;
  TcpEnd client_;
  std::array<TcpEnd, 2> servers_;
  std::array<unsigned, 2> server_lives_{};
  unsigned life_number_ = 0;
  std::uint32_t client_isn_ = 0;
  std::uint32_t slot_ = 0, client_slot_ = 0;  // of initial sequence numbers
  Truth truth_;
  std::deque<Sent> from_client_, to_server_, from_server_, to_client_;
  std::vector<std::pair<bool, Sent>> past_;  // of this connection: from the client?
};

// The director and its flows.
class Life {
 public:
  Life(Mode which, std::uint32_t seed)
      : mode(which), random_(seed), world(which, kProtoTcp, {.max_connections = 256}) {
    world.spec.timeouts = ConnTimeouts();
    world.apply();
    for (std::uint16_t n = 0; n < kFlows; ++n) {
      flows_.emplace_back(*this, static_cast<std::uint16_t>(20'000 + n));
    }
  }

  void step() {
    if (below(200) == 0) return wait();
    flows_[below(kFlows)].step();
  }
  // Everything comes to its end; what is not as it should be.
  std::string settle();

  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() * std::uint64_t{bound} >> 32);
  }
  std::uint32_t any() { return static_cast<std::uint32_t>(random_()); }

  const Mode mode;

 private:
  void wait();

  std::mt19937 random_;
  std::deque<Flow> flows_;

 public:
  Scene world;
  std::string wrong;  // the first thing
  // What happened at all.
  unsigned lives = 0, closes = 0, resets = 0, revivals = 0, reused = 0, strangers = 0, asked = 0;
};

}  // namespace lb::golden
