// A pair of directors through random packets, expiries, deaths of servers, changes of the
// configuration, lost sessions and changes of roles, with rings that are nearly always full and
// batches that come late. Then one is master: the standby's table becomes the master's, record for
// record.
#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

#include "config/base/testing/randomised.h"
#include "tests/golden/director.h"

namespace lb::golden {
namespace {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;

constexpr unsigned kSteps = 4'000;
constexpr std::uint16_t kClients = 60;  // of each service
constexpr std::uint32_t kLong = 300;    // ticks: lifetime of what may go on
constexpr std::uint32_t kShort = 60;
constexpr std::uint32_t kRefresh = kLong / 3 + 2;
constexpr std::size_t kMostUnderWay = 8;  // batches

class RandomLife {
 public:
  explicit RandomLife(std::uint32_t seed) : random_(seed) {
    for (Node* node : nodes()) {
      ConnTimeouts& timeouts = node->director.spec.timeouts;
      timeouts = test::all_timeouts(kShort);
      timeouts.tcp_established = timeouts.tcp_fin_wait = test::ticks(kLong);
      timeouts.tcp_close_wait = timeouts.udp = test::ticks(kLong);
      node->director.set_master(node == &first_);
    }
    begin();
  }

  void step() {
    const std::uint32_t kind = below(1'000);
    if (kind < 700) return packet();
    if (kind < 760) return pass(1 + below(3));
    if (kind < 860) return void(pull(any_node(), 40 + below(2'000)));
    if (kind < 960) return void(push(any_node()));
    if (kind < 975) return server_fails_or_returns();
    if (kind < 983) return configure();
    if (kind < 993) return change_roles();
    if (kind < 997) return begin();
    drop_session();
  }
  // Peace comes; what is not as it should be then, or empty.
  std::string settle();

  std::uint64_t imported(ImportOutcome outcome) {
    return first_.director.imported(outcome) + second_.director.imported(outcome);
  }

 private:
  struct Node {
    explicit Node(Director::Kind kind, unsigned workers)
        : director(kind, {.workers = workers, .max_connections = 1'000, .log_entries = 8}) {}
    Director director;
    bool master = false;
    std::deque<std::string> sent;  // not yet received by the other one
  };

  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>(random_() * std::uint64_t{bound} >> 32);
  }
  std::array<Node*, 2> nodes() { return {&first_, &second_}; }
  Node& any_node() { return *nodes()[below(2)]; }
  Node& other(const Node& node) { return &node == &first_ ? second_ : first_; }

  void packet();
  void packet_to(Node& node);
  void pass(std::uint32_t ticks);
  bool pull(Node& node, std::size_t max_bytes);
  bool push(Node& from);
  void server_fails_or_returns();
  void configure();
  void change_roles();
  void set_role(Node& node, bool master);
  void begin();
  void drop_session();
  void exchange();
  std::string compare(Node& master, Node& standby);

  std::mt19937 random_;
  Node first_{Director::Kind::kFirst, 2};
  Node second_{Director::Kind::kSecond, 3};
  bool session_ = false;
  // How it was settled: by a new session, or by a takeover.
  bool anew_ = false;
  std::set<Director::Key> beginning_;  // not synchronized by the master then
};

// ---- packets and time

void RandomLife::packet() {
  // To a master, of which there may be two or none; now and then astray.
  Node& node = any_node();
  if (node.master || below(100) == 0) return packet_to(node);
  if (other(node).master) packet_to(other(node));
}

void RandomLife::packet_to(Node& node) {
  Director& director = node.director;
  const std::size_t offer = below(kOffers);
  const auto client = static_cast<std::uint16_t>(20'000 + below(kClients));
  const unsigned worker = below(2);
  constexpr std::uint8_t kUp[] = {kSyn, kSyn, kAck, kAck, kAck, kAck, kFin | kAck, kRst};
  constexpr std::uint8_t kDown[] = {kSyn | kAck, kSyn | kAck, kAck, kAck, kFin | kAck, kRst};
  if (below(2) == 0 || kOffer[offer].mode == Mode::kDr) {
    const std::uint8_t flags = kUp[below(std::size(kUp))];
    // Connections on the ports of old ones begin anywhere.
    const std::uint32_t seq = Director::kIsn + (flags == kSyn ? below(4) << 30 : 0);
    director.send(kWan, Director::client_frame(offer, client, flags, {}, seq), worker);
  } else {
    director.from_server(offer, below(2), client, kDown[below(std::size(kDown))], {}, worker);
  }
}

void RandomLife::pass(std::uint32_t ticks) {
  for (Node* node : nodes()) node->director.advance(ticks * kTickMs);
}

// ---- the link

// False: there is nothing to send.
bool RandomLife::pull(Node& node, std::size_t max_bytes) {
  if (!session_ || node.sent.size() >= kMostUnderWay) return false;
  std::string batch;
  const bool more = node.director.fill(batch, max_bytes).more;
  if (!batch.empty()) node.sent.push_back(std::move(batch));
  return more || !node.sent.empty();
}

// False: nothing is under way.
bool RandomLife::push(Node& from) {
  if (from.sent.empty()) return false;
  EXPECT_TRUE(other(from).director.receive_from(from.director, from.sent.front()));
  from.sent.pop_front();
  return true;
}

void RandomLife::begin() {
  drop_session();
  session_ = true;
  for (Node* node : nodes()) node->director.join();
}

void RandomLife::drop_session() {
  session_ = false;
  for (Node* node : nodes()) {
    node->sent.clear();
    node->director.leave();
  }
}

// Until nothing is left to be sent.
void RandomLife::exchange() {
  for (bool busy = true; busy;) {
    busy = false;
    for (Node* node : nodes()) {
      busy |= pull(*node, 4'000);
      busy |= push(*node);
    }
  }
}

// ---- configuration

void RandomLife::server_fails_or_returns() {
  const std::size_t offer = below(kOffers);
  const unsigned number = below(2);
  const bool up = below(2) == 0;
  // The two see it at different times, or one of them never.
  for (Node* node : nodes()) {
    if (below(4) == 0) continue;
    for (RealServerSpec& rs : node->director.service(offer).real_servers) {
      if (rs.address == node->director.server(offer, number).address) rs.up = up;
    }
    node->director.apply();
  }
}

void RandomLife::configure() {
  const std::size_t offer = below(kOffers);
  const unsigned number = below(2);
  const std::uint32_t kind = below(6);
  for (Node* node : nodes()) {
    if (below(4) == 0) continue;
    Director& director = node->director;
    ServiceSpec& service = director.service(offer);
    if (kind < 4) {
      const RealServerSpec rs = director.server(offer, number);
      std::erase_if(service.real_servers,
                    [&](const RealServerSpec& old) { return old.address == rs.address; });
      if (kind < 2) service.real_servers.push_back(rs);  // in another order
    } else if (kind == 4) {
      service.sync = !service.sync;
    } else {
      service.on_server_down = below(2) == 0 ? OnServerDown::kReset : OnServerDown::kKeep;
    }
    director.apply();
  }
}

void RandomLife::set_role(Node& node, bool master) {
  node.master = master;
  node.director.set_master(master);
}

void RandomLife::change_roles() {
  // Mostly one of them, sometimes both, sometimes none, one after the other in either order.
  const std::uint32_t kind = below(10);
  Node& node = any_node();
  set_role(node, kind < 6);
  set_role(other(node), kind >= 6 && kind < 8 ? true : kind == 5);
}

// ---- the end

std::string RandomLife::settle() {
  for (Node* node : nodes()) {
    Director& director = node->director;
    for (std::size_t offer = 0; offer < kOffers; ++offer) {
      ServiceSpec& service = director.service(offer);
      service.sync = true;
      service.real_servers = {director.server(offer, 0), director.server(offer, 1)};
    }
    director.apply();
  }
  Node& master = any_node();
  Node& standby = other(master);
  set_role(standby, false);
  anew_ = !session_ || below(2) == 0;
  if (anew_) {
    set_role(master, true);
    begin();
  } else {
    set_role(master, false);
    exchange();
    set_role(master, true);
  }
  exchange();
  for (const auto& [key, row] : master.director.rows()) {
    if (!is_synchronized(row.state)) beginning_.insert(key);
  }
  std::string wrong = compare(master, standby);
  // Life goes on, at the master, and then it is quiet.
  for (unsigned tick = 0; tick < kLong + kRefresh && wrong.empty(); ++tick) {
    for (unsigned i = 0; i < 5 && tick < kLong; ++i) packet_to(master);
    pass(1);
    exchange();
    if (tick % 10 == 0 || tick + 1 == kLong + kRefresh) wrong = compare(master, standby);
  }
  return wrong;
}

std::string name_of(const Director::Key& key) {
  return std::to_string(key.tuple.sport.host()) + " of " + Ipv4Address{key.tuple.dst}.to_string();
}

// `awoke`: its last packet need not be known there.
std::string compare_row(const Director::Row& here, const Director::Row& there, bool awoke) {
  const bool is_handshake = here.state == ConnState::kHandshake;
  if (there.state != (is_handshake ? ConnState::kSynReceived : here.state)) {
    return std::string(to_string(here.state)) + " is " + std::string(to_string(there.state));
  }
  if (here.server != there.server) return "another server";
  if (here.mode != there.mode) return "another mode";
  if (here.client_side != there.client_side || here.client_hop != there.client_hop) {
    return "another way to the client";
  }
  return is_later(here.last_seen, there.last_seen) && !awoke ? "too old" : "";
}

std::string RandomLife::compare(Node& master, Node& standby) {
  for (Node* node : nodes()) {
    if (std::string wrong = node->director.wrong_counts(); !wrong.empty()) return wrong;
  }
  const auto here = master.director.rows();
  const auto there = standby.director.rows();
  for (const auto& [key, row] : here) {
    if (!is_synchronized(row.state)) continue;
    const auto it = there.find(key);
    // Goes on after it was silent for long: that is told within a refresh time, and it may have
    // expired there meanwhile.
    const bool awoke = is_later(row.last_seen, master.director.now() - kRefresh);
    if (it == there.end() && !awoke) return name_of(key) + ": missing";
    if (it == there.end()) continue;
    const std::string wrong = compare_row(row, it->second, awoke);
    if (!wrong.empty()) return name_of(key) + ": " + wrong;
  }
  for (const auto& [key, row] : there) {
    if (!is_synchronized(row.state) || here.contains(key)) continue;
    // What was made there it tells of when a session begins; a master whose client has begun anew
    // meanwhile knows better.
    if (row.imported || (anew_ && !beginning_.contains(key))) return name_of(key) + ": too many";
  }
  return "";
}

TEST(SyncRandom, TheStandbysTableBecomesTheMasters) {
  const std::uint32_t seed = test::seed();
  SCOPED_TRACE("LB_SEED=" + std::to_string(seed));
  std::array<std::uint64_t, kImportOutcomes> heard{};
  for (std::uint32_t n = 0; n < test::rounds(20); ++n) {
    RandomLife course(seed + n);
    for (unsigned step = 0; step < kSteps; ++step) course.step();
    ASSERT_EQ(course.settle(), "")
        << "course " << n << ", LB_SEED=" << seed + n << " begins with it";
    for (std::size_t i = 0; i < heard.size(); ++i) {
      heard[i] += course.imported(static_cast<ImportOutcome>(i));
    }
  }
  for (const ImportOutcome outcome :
       {ImportOutcome::created, ImportOutcome::updated, ImportOutcome::replaced,
        ImportOutcome::ended, ImportOutcome::swept, ImportOutcome::kept, ImportOutcome::unmatched,
        ImportOutcome::unknown_real_server}) {
    const auto i = static_cast<std::size_t>(outcome);
    EXPECT_GT(heard[i], 0U) << kImportOutcomeTexts[i].name;
  }
}

}  // namespace
}  // namespace lb::golden
