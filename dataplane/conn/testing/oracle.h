// The connection table beside a plain model of it: every operation is done to both and the answers
// compared. One thread plays all workers.
#pragma once

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
  void oldest_half_open(unsigned worker);
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
    unsigned creator = 0;
    std::uint64_t half_open_number = 0;  // 0: was not half-open
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
  void add(unsigned worker, const NewConn& conn, ConnState state, std::uint32_t deadline,
           const ConnTable::Created& created);
  void forget(Record* record);
  bool is_lapsed(const Conn& conn) const;
  void expect_copy(const Conn& conn, const ConnTable::Copy& copy);

  const Setup setup_;
  TestTable table_;
  std::uint32_t now_;
  std::uint64_t ended_ = 0;
  std::uint64_t ended_since_settled_ = 0;
  std::vector<std::uint64_t> half_opens_;  // created so far, by worker
  std::unordered_map<Key, Bearer, KeyHash> keys_;
  std::unordered_map<Record*, std::size_t> places_;  // in live_
  std::vector<Conn> live_;
  std::vector<std::uint32_t> timeouts_;
  std::string failure_;
};

}  // namespace lb::test
