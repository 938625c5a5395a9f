// The connection table beside a plain model of it: every operation is done to both and the answers
// compared. One thread plays all workers.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "dataplane/conn/testing/test_table.h"

namespace lb::test {

class Oracle {
 public:
  struct Setup {
    ConnTable::Options options;
    // True: the index is so small that a connection may find no room in it.
    bool index_may_fill = false;
    std::uint32_t start_tick = 1;
  };
  explicit Oracle(const Setup& setup);

  void create(unsigned worker, const NewConn& conn, ConnState state);
  void find(const FlowTuple& tuple, std::uint8_t proto);
  // `pick` chooses among the live connections.
  void kill(unsigned worker, std::uint64_t pick);
  void change_state(std::uint64_t pick,
                    ConnState to);  // a connection does not become half-open again
  void packet(std::uint64_t pick);  // last_seen is now
  void pass_time(std::uint32_t ticks) { now_ += ticks; }
  void quiescent(unsigned worker) { table_.epochs().quiescent(worker); }
  void expire(unsigned worker, std::size_t budget);
  // Live connections by all ways of listing them, and what the index says of itself.
  void compare_all();

  std::size_t live() const { return live_.size(); }
  std::uint64_t ended() const { return ended_; }
  ConnTable& table() { return *table_; }
  // What did not fit, first; empty: all did.
  const std::string& failure() const { return failure_; }

 private:
  struct Key {
    FlowTuple tuple;
    std::uint8_t proto;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return flow_hash(key.tuple, key.proto, HashKey{{9, 8, 7, 6}});
    }
  };
  struct Conn {
    NewConn conn;
    ConnState state = ConnState::kNone;
    std::uint32_t last_seen = 0;
    std::uint32_t deadline = 0;
    Record* record = nullptr;
    Handle handle;
  };
  struct Bearer {
    Record* record;
    unsigned dir;
  };

  void expect(bool holds, const char* what) {
    if (!holds && failure_.empty()) failure_ = what;
  }
  Conn* pick(std::uint64_t number);
  Bearer bearer(const FlowTuple& tuple, std::uint8_t proto) const;
  void add(const NewConn& conn, ConnState state, std::uint32_t deadline,
           const ConnTable::Created& created);
  void forget(Record* record);
  bool is_lapsed(const Conn& conn) const;
  void expect_copy(const Conn& conn, const ConnTable::Copy& copy);

  const Setup setup_;
  TestTable table_;
  std::uint32_t now_;
  std::uint64_t ended_ = 0;
  std::uint64_t ended_since_settled_ = 0;
  std::unordered_map<Key, Bearer, KeyHash> keys_;
  std::unordered_map<Record*, std::size_t> places_;  // in live_
  std::vector<Conn> live_;
  std::vector<std::uint32_t> timeouts_;
  std::string failure_;
};

// Records that the table has to spare for killed connections are at least as many.
inline constexpr std::uint64_t kMostUnsettled = 200;

inline Oracle::Oracle(const Setup& setup)
    : setup_(setup),
      table_(setup.options),
      now_(setup.start_tick),
      timeouts_(static_cast<std::size_t>(ConnState::kCount)) {
  for (std::uint32_t i = 0; i < timeouts_.size(); ++i) timeouts_[i] = 20 + 7 * i;
}

inline Oracle::Conn* Oracle::pick(std::uint64_t number) {
  return live_.empty() ? nullptr : &live_[number % live_.size()];
}

inline Oracle::Bearer Oracle::bearer(const FlowTuple& tuple, std::uint8_t proto) const {
  const auto it = keys_.find({tuple, proto});
  return it == keys_.end() ? Bearer{nullptr, 0} : it->second;
}

inline void Oracle::add(const NewConn& conn, ConnState state, std::uint32_t deadline,
                        const ConnTable::Created& created) {
  Record* record = created.hit.record;
  keys_[{conn.tuple[0], conn.proto}] = {record, 0};
  if (conn.keys == 2) keys_[{conn.tuple[1], conn.proto}] = {record, 1};
  expect(places_.emplace(record, live_.size()).second, "a live record was handed out again");
  live_.push_back(
      {conn, state, now_, deadline == 0 ? 1 : deadline, record, table_->handle_of(*record)});
}

inline void Oracle::create(unsigned worker, const NewConn& conn, ConnState state) {
  const std::uint32_t deadline = now_ + timeouts_[static_cast<std::size_t>(state)];
  const auto created = table_.create(worker, conn, state, now_, deadline);

  const Bearer first = bearer(conn.tuple[0], conn.proto);
  if (first.record != nullptr) {
    expect(!created.is_new && !created.full && created.hit.record == first.record &&
               created.hit.dir == first.dir,
           "create: the forward key's bearer is not returned");
    return;
  }
  if (live_.size() == setup_.options.max_connections) {
    expect(!created.hit && created.full, "create: full is not said");
    return;
  }
  if (conn.keys == 2 &&
      (conn.tuple[0] == conn.tuple[1] || bearer(conn.tuple[1], conn.proto).record != nullptr)) {
    expect(!created.hit && !created.full, "create: the reverse key's clash is not said");
    return;
  }
  if (created.full) {
    expect(setup_.index_may_fill && !created.hit, "create: full below the limit");
    return;
  }
  expect(created.is_new && created.hit && created.hit.dir == 0, "create: no new connection");
  if (created.hit) add(conn, state, deadline, created);
}

inline void Oracle::find(const FlowTuple& tuple, std::uint8_t proto) {
  const Hit hit = table_.find(tuple, proto);
  const Bearer expected = bearer(tuple, proto);
  expect(hit.record == expected.record && hit.dir == expected.dir, "find: not the key's bearer");
}

inline void Oracle::forget(Record* record) {
  const auto place = places_.find(record);
  if (place == places_.end()) return expect(false, "end of a connection that does not live");
  Conn& conn = live_[place->second];
  keys_.erase({conn.conn.tuple[0], conn.conn.proto});
  if (conn.conn.keys == 2) keys_.erase({conn.conn.tuple[1], conn.conn.proto});
  expect(table_->at(conn.handle) == nullptr, "at: a handle outlives its connection");
  places_[live_.back().record] = place->second;
  std::swap(conn, live_.back());
  live_.pop_back();
  places_.erase(record);
  ++ended_;
  if (++ended_since_settled_ >= kMostUnsettled) {
    table_.settle(now_ - (std::uint32_t{1} << 30));
    ended_since_settled_ = 0;
  }
}

inline void Oracle::kill(unsigned worker, std::uint64_t number) {
  const Conn* conn = pick(number);
  if (conn == nullptr) return;
  const ConnState state = conn->state;
  Record* record = conn->record;
  expect(table_->at(conn->handle) == record, "at: a live connection's handle");
  expect(table_->kill(worker, record) == state, "kill: not the last state");
  expect(table_->kill(worker, record) == ConnState::kDead, "kill: a second winner");
  forget(record);
}

inline void Oracle::change_state(std::uint64_t number, ConnState to) {
  Conn* conn = pick(number);
  if (conn == nullptr || (is_half_open(to) && !is_half_open(conn->state))) return;
  const ConnState wrong = conn->state == ConnState::kUdp ? ConnState::kClosed : ConnState::kUdp;
  expect(!ConnTable::change_state(*conn->record, wrong, to), "change_state: from a wrong one");
  expect(ConnTable::change_state(*conn->record, conn->state, to), "change_state: refused");
  const auto timeout = [&](ConnState state) { return timeouts_[static_cast<std::size_t>(state)]; };
  if (timeout(to) < timeout(conn->state)) {
    conn->deadline = now_ + timeout(to);
    if (conn->deadline == 0) conn->deadline = 1;
    table_->set_deadline(*conn->record, now_ + timeout(to));
  }
  conn->state = to;
}

inline void Oracle::packet(std::uint64_t number) {
  Conn* conn = pick(number);
  if (conn == nullptr) return;
  conn->last_seen = now_;
  conn->record->last_seen.store(now_, std::memory_order_relaxed);
}

inline bool Oracle::is_lapsed(const Conn& conn) const {
  return !is_later(conn.deadline, now_) &&
         !is_later(conn.last_seen + timeouts_[static_cast<std::size_t>(conn.state)], now_);
}

inline void Oracle::expire(unsigned worker, std::size_t budget) {
  std::vector<Record*> ended;
  const unsigned killed =
      table_->expire(worker, now_, timeouts_.data(), budget, [&](Record& record, ConnState last) {
        ended.push_back(&record);
        const auto place = places_.find(&record);
        if (place == places_.end()) return expect(false, "expire: a connection that does not live");
        const Conn& conn = live_[place->second];
        expect(last == conn.state, "expire: not the last state");
        expect(is_lapsed(conn), "expire: too early");
        expect(record.owner == worker, "expire: another worker's");
      });
  expect(killed == ended.size(), "expire: wrong number");
  for (Record* record : ended) forget(record);
  if (budget < table_->records()) return;
  for (Conn& conn : live_) {
    if (conn.record->owner != worker || is_later(conn.deadline, now_)) continue;
    expect(!is_lapsed(conn), "expire: one was left over");
    conn.deadline = conn.last_seen + timeouts_[static_cast<std::size_t>(conn.state)];
    if (conn.deadline == 0) conn.deadline = 1;
  }
}

inline void Oracle::expect_copy(const Conn& conn, const ConnTable::Copy& copy) {
  expect(copy.tuple[0] == conn.conn.tuple[0] && copy.tuple[1] == conn.conn.tuple[1] &&
             copy.rs == conn.conn.rs && copy.service == conn.conn.service &&
             copy.proto == conn.conn.proto && copy.mode == conn.conn.mode &&
             copy.state == conn.state && copy.last_seen == conn.last_seen &&
             copy.generation == conn.handle.generation,
         "read: not the connection");
}

inline void Oracle::compare_all() {
  expect(table_->live() == live_.size(), "live: wrong number");
  expect(table_->index_usage().keys == keys_.size(), "the index has other keys");
  for (const auto& [key, expected] : keys_) find(key.tuple, key.proto);

  std::size_t copies = 0;
  for (std::uint32_t i = 0; i < table_->records(); ++i) {
    ConnTable::Copy copy;
    if (!table_->read(i, copy)) continue;
    ++copies;
    const Bearer first = bearer(copy.tuple[0], copy.proto);
    const auto place = places_.find(first.record);
    if (place == places_.end()) return expect(false, "read: a connection that does not live");
    expect_copy(live_[place->second], copy);
  }
  expect(copies == live_.size(), "read: wrong number");

  std::unordered_map<Record*, unsigned> visits;
  for (unsigned w = 0; w < setup_.options.workers; ++w) {
    std::size_t cursor = 0;
    do {
      cursor = table_->walk(w, cursor, 1 + live_.size() % 300, [&](Record& record) {
        ++visits[&record];
        expect(record.owner == w, "walk: another worker's");
      });
    } while (cursor != 0);
  }
  expect(visits.size() == live_.size(), "walk: wrong number");
  for (const auto& [record, count] : visits) {
    expect(count == 1 && places_.contains(record), "walk: twice, or does not live");
  }
}

}  // namespace lb::test
