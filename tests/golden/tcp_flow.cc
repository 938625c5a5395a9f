#include "tests/golden/tcp_flow.h"

#include <algorithm>

#include "dataplane/forward/tcp_state.h"

namespace lb::golden {

using test::kAck;
using test::kFin;
using test::kRst;
using test::kSyn;
using State = ConnState;

// ---- ends and networks

// Numbers of connections that follow each other are never near each other, so that nothing depends
// on chance.
std::uint32_t Flow::number() {
  slot_ += 3;
  return slot_ * kJump + (life_.any() & (kJump / 4 - 8));
}

void Flow::out_of_client(const TcpEnd::Out& out) {
  for (const EndSegment& segment : out) {
    if (from_client_.size() < kMostUnderWay) from_client_.push_back({segment, life_number_, 0});
  }
}

void Flow::out_of_server(unsigned number, unsigned life, const TcpEnd::Out& out) {
  // Its answers in DR mode pass the director by.
  std::deque<Sent>& way = life_.mode == Mode::kNat ? from_server_ : to_client_;
  for (const EndSegment& segment : out) {
    if (way.size() < kMostUnderWay) way.push_back({segment, life, number});
  }
}

void Flow::connect() {
  // Later numbers, as RFC 6528 has it, or those of another host behind the same address.
  const bool later = life_.below(4) != 0;
  client_slot_ += later ? 5 : 0U - 7;
  client_isn_ = client_slot_ * kJump + (life_.any() & (kJump / 4 - 8));
  ++life_number_;
  ++life_.lives;
  // What is left of the handshake before does not live as long as the connection.
  const auto of_handshake = [](const Sent& sent) { return sent.segment.has(kSyn); };
  const bool keep = life_.below(3) == 0;
  for (auto* way : {&from_client_, &to_server_, &from_server_, &to_client_}) {
    if (!keep) way->clear();
    std::erase_if(*way, of_handshake);
  }
  past_.clear();
  TcpEnd::Out out;
  client_.connect(client_isn_, out);
  out_of_client(out);
}

void Flow::client_acts() {
  if (client_.is_over()) {
    if (life_.below(8) == 0) connect();
    return;
  }
  TcpEnd::Out out;
  const std::uint32_t kind = life_.below(100);
  if (kind < 45 && client_.can_send()) {
    client_.send(8 * (1 + life_.below(150)), out);
  } else if (kind < 53 && client_.can_send()) {
    client_.close(out);
  } else if (kind < 55 && client_.can_send()) {
    client_.abort(out);
  } else if (kind < 60 && client_.is_open()) {
    client_.keep_alive(out);
  } else {
    client_.repeat(out);
  }
  out_of_client(out);
}

void Flow::server_acts() {
  const unsigned number = life_.below(2);
  TcpEnd& server = servers_[number];
  TcpEnd::Out out;
  const std::uint32_t kind = life_.below(100);
  if (kind < 45 && server.can_send()) {
    server.send(8 * (1 + life_.below(150)), out);
  } else if (kind < 53 && server.can_send()) {
    server.close(out);
  } else if (kind < 54 && server.can_send()) {
    server.abort(out);
  } else if (kind < 55 && !server.is_over() && server.state() != TcpEnd::State::kSynReceived) {
    server.listen(this->number());  // it has forgotten all
  } else {
    server.repeat(out);
  }
  out_of_server(number, server_lives_[number], out);
}

void Flow::deliver(std::deque<Sent>& from) {
  if (from.empty()) return;
  // Mostly the oldest.
  const std::size_t at =
      life_.below(3) == 0 ? life_.below(static_cast<std::uint32_t>(from.size())) : 0;
  const Sent sent = from[at];
  const std::uint32_t luck = life_.below(100);
  if (luck >= 8) from.erase(from.begin() + static_cast<std::ptrdiff_t>(at));  // else twice
  if (luck >= 90) return;                                                     // lost
  TcpEnd::Out out;
  if (&from == &from_client_ || &from == &from_server_) {
    const bool from_client = &from == &from_client_;
    if (sent.life == life_number_) past_.emplace_back(from_client, sent);
    pass(from_client, sent);
  } else if (&from == &to_client_) {
    client_.receive(sent.segment, out);
    out_of_client(out);
  } else {
    TcpEnd& server = servers_[sent.server];
    if (server.state() == TcpEnd::State::kClosed) server.listen(number());
    const bool was_new = server.is_over();
    server.receive(sent.segment, out);
    if (was_new && server.state() == TcpEnd::State::kSynReceived) {
      server_lives_[sent.server] = sent.life;
    }
    const unsigned life = server.is_over() ? sent.life : server_lives_[sent.server];
    out_of_server(sent.server, life, out);
  }
}

void Flow::step() {
  const std::uint32_t kind = life_.below(100);
  if (kind < 15) return client_acts();
  if (kind < 30) return server_acts();
  if (kind < 46) return deliver(from_client_);
  if (kind < 62) return deliver(to_server_);
  if (kind < 78) return deliver(from_server_);
  if (kind < 94) return deliver(to_client_);
  if (kind < 97) return late_copy();
  stranger();
}

// ---- through the director

Flow::Row Flow::row() const {
  const ConnTable& table = life_.world.table();
  for (std::uint32_t i = 0; i < table.records(); ++i) {
    ConnTable::Copy conn;
    if (!table.read(i, conn) || conn.tuple[0].sport.host() != port_) continue;
    return {table_state(conn.state), conn.state, conn.tuple[1].src == kServer1 ? 0U : 1U,
            conn.last_seen};
  }
  return {};
}

// The state after it. `goes_on`: what is forwarded arrives somewhere.
Flow::Row Flow::pass(bool from_client, const Sent& sent, bool goes_on) {
  const Row before = row();
  const EndSegment& segment = sent.segment;
  const test::Tcp tcp{.sport = from_client ? port_ : std::uint16_t{80},
                      .dport = from_client ? std::uint16_t{80} : port_,
                      .seq = segment.seq,
                      .ack = segment.ack,
                      .flags = segment.flags,
                      .payload = Bytes(segment.size)};
  const Output out =
      from_client
          ? life_.world.send(kWan, test::tcp_frame(from_router(), client_to_vip(), tcp))
          : life_.world.send(
                kLan, test::tcp_frame(
                          {.dst = kLanMac, .src = kServer1Mac},
                          {.src = sent.server == 0 ? kServer1 : kServer2, .dst = kClient}, tcp));
  const Row after = row();
  if (out.verdict == Verdict::kForward) {
    Sent on = sent;
    const bool to_first = std::equal(kServer1Mac.begin(), kServer1Mac.end(), out.frame.begin());
    if (from_client) on.server = to_first ? 0 : 1;
    if (from_client && sent.life == truth_.life && both_live() && !truth_.began_anew) {
      expect(on.server == truth_.server,
             "goes to another server, was " + std::string(to_string(before.state)), after.state);
    }
    if (goes_on && sent.life != 0) follow(from_client, on, before, after);
    // An answer to a stranger may have a number that is in the window by now.
    if (sent.life == 0 && segment.has(kRst) && after.state != before.state) reset();
    if (goes_on) (from_client ? to_server_ : to_client_).push_back(on);
  } else if (from_client) {
    expect(before.state == State::kNone, "is not forwarded", before.state);
    expect(sent.life != truth_.life || !both_live(), "a living one is not known", State::kNone);
    // The director's kernel, which has the VIP.
    TcpEnd closed;
    TcpEnd::Out answers;
    closed.receive(segment, answers);
    for (const EndSegment& answer : answers) to_client_.push_back({answer, sent.life, 0});
  }
  return after;
}

// ---- what is not in order

// Out of the windows around both, and no number of a FIN.
std::uint32_t Flow::far_from(std::uint32_t a, std::uint32_t b) {
  for (;;) {
    const std::uint32_t n = (life_.any() & ~7U) + 5;
    if (n - a + kStranger > 2 * kStranger && n - b + kStranger > 2 * kStranger) return n;
  }
}

void Flow::stranger() {
  const Row before = row();
  if (before.state == State::kNone || truth_.life == 0) return;
  const bool nat = life_.mode == Mode::kNat;
  const bool from_client = !nat || life_.below(2) == 0;
  const bool closed = before.state == State::kClosed;
  const bool over = closed || before.state == State::kTimeWait;
  constexpr int kFlags[] = {kRst, kRst | kAck, kFin | kAck, kAck, kAck | test::kPsh, kSyn};
  const int flags = kFlags[life_.below(std::size(kFlags))];
  const bool is_syn = flags == kSyn;
  // In DR mode any ACK shows that a client goes on.
  if (closed && !nat && !is_syn && (flags & kRst) == 0) return;
  // A SYN may take over what both ends have closed; in DR mode it may hide that of a new connection.
  const bool finished = over && !(closed && truth_.reset && !has_both_fins());
  if (is_syn && (!from_client || finished || life_number_ != truth_.life)) return;
  // Nor in NAT mode in the handshake, where what is kept follows the last SYN; nor are others known
  // to be strangers before the server's number is known.
  const bool handshake = is_half_open(before.state);
  if (nat && handshake && is_syn) return;
  if (nat && (!truth_.answer || truth_.began_anew)) return;
  // Nor in DR mode when the director may have the numbers of another one.
  if (!nat && (truth_.began_anew || life_number_ != truth_.life)) return;
  ++life_.strangers;
  Sent sent;
  sent.server = before.server;
  const std::uint32_t client = client_.next();
  const std::uint32_t server = servers_[before.server].next();
  const std::uint32_t of_client = far_from(client, truth_.isn);
  const std::uint32_t of_server = far_from(server, truth_.answer.value_or(server));
  sent.segment = {static_cast<std::uint8_t>(flags), from_client ? of_client : of_server,
                  from_client ? of_server : of_client, 0};
  // One that guessed its own number: a reset is believed, and the connection must live on.
  if ((flags & (kRst | kFin)) != 0 && before.state == State::kEstablished && both_live() &&
      life_.below(4) == 0) {
    sent.segment.seq = (((from_client ? client : server) + life_.below(1U << 20)) & ~7U) + 5;
    if (flags & kRst) reset();
    if ((flags & kRst) || nat) {
      const Row after = pass(from_client, sent, false);
      expect((flags & kRst) || after.state == before.state, "by a guessed FIN", after.state);
      return;
    }
    sent.segment.seq = of_client;
  }
  const bool goes_on = !handshake && !is_syn && life_.below(2) == 0;
  const Row after = pass(from_client, sent, goes_on);
  expect(after.kept == before.kept && after.server == before.server,
         "by a stranger's segment, was " + std::string(to_string(before.state)), after.state);
  if (over) expect(after.last_seen == before.last_seen, "kept by a stranger", after.state);
}

void Flow::late_copy() {
  if (past_.empty()) return;
  const auto [from_client, sent] = past_[life_.below(static_cast<std::uint32_t>(past_.size()))];
  const Row before = row();
  const bool over = before.state == State::kTimeWait || before.state == State::kClosed;
  if (before.state == State::kNone || sent.life != truth_.life) return;
  if (sent.segment.has(kSyn) && over) return;
  pass(from_client, sent);
}

// ---- time

std::optional<std::uint32_t> Flow::may_wait() const {
  const Row now = row();
  // Also one whose server has not got the SYN yet.
  const bool lives = !client_.is_over() && life_number_ == truth_.life;
  if (now.state == State::kNone || !lives || is_to_be_asked()) return std::nullopt;
  const std::uint32_t lifetime = life_.world.snapshot().timeouts().ticks(0, now.kept);
  const std::uint32_t left = lifetime - (life_.world.now() - now.last_seen);
  return left > 2 ? left - 2 : 0;
}

// Its client's answer is all that keeps it.
bool Flow::is_to_be_asked() const {
  return row().state == State::kClosed && truth_.reset && truth_.established &&
         !truth_.began_anew && !has_both_fins() && both_live();
}

void Flow::asked() {
  ++life_.asked;
  TcpEnd::Out answers;
  client_.receive({kAck, 0, 0, 0}, answers);
  for (const EndSegment& answer : answers) pass(true, {answer, life_number_, 0});
}

void Flow::check_alive() {
  expect(row().state != State::kNone || !both_live(), "ended by time", State::kNone);
}

void Life::wait() {
  constexpr std::uint32_t kTicks[] = {1, 5, 30, 300, 8'000};
  std::uint32_t ticks = kTicks[below(std::size(kTicks))];
  for (const Flow& flow : flows_) ticks = std::min(ticks, flow.may_wait().value_or(ticks));
  // Clients are asked in the middle of a lifetime.
  const bool any_asked = std::any_of(flows_.begin(), flows_.end(),
                                     [](const Flow& flow) { return flow.is_to_be_asked(); });
  if (any_asked) ticks = std::min(ticks, 100U);
  for (std::uint32_t step = 0; ticks > 0; ticks -= step) {
    step = any_asked ? std::min(ticks, 20U) : ticks;
    for (const Probe& probe : world.advance(step * kTickMs)) {
      for (Flow& flow : flows_) {
        if (flow.port() == probe.tuple.dport.host()) flow.asked();
      }
    }
    for (Flow& flow : flows_) flow.check_alive();
  }
}

std::string Life::settle() {
  for (int i = 0; i < 3; ++i) world.advance(1'000'000);
  if (world.connections() != 0) return "connections are left";
  for (const char* server : {"10.0.0.11:80", "10.0.0.12:80"}) {
    const std::uint32_t slot = world.rs_slot(server);
    if (world.active(slot) != 0 || world.inactive(slot) != 0) return "counts are left";
  }
  const bool same = world.counter(&WorkerCounters::conns_created) ==
                    world.counter(&WorkerCounters::conns_expired);
  return same ? "" : "more or fewer were made than ended";
}

}  // namespace lb::golden
