// The pair of directors: who is master, since when and why.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "controlplane/view/counts.h"

namespace lb::api::control {
class Handover;
class Status;
}  // namespace lb::api::control

namespace lb::view {

// A sync group, or an instance without one.
struct HaGroupRow {
  std::string name;
  std::string state;  // "MASTER"
  std::uint64_t since_ms = 0;
  std::string reason;
  bool frozen = false;
  bool held = false;  // gave mastership away, and waits until the new master is gone
  std::string gate;   // empty: it is open
  std::int32_t health = 0;
  bool peer_holds = false;
  std::string peer_state;  // empty: not known
  std::int32_t peer_health = 0;
  std::uint32_t peer_priority = 0;
  std::int32_t peer_without_adverts = 0;
};

// A part of an instance's priority.
struct HaTermRow {
  std::string what;
  bool failing = false;
  std::int32_t weight = 0;
  std::int32_t adds = 0;
};

// That may not take part, and sends adverts.
struct UnknownRouterRow {
  std::string address;
  std::string mac;  // empty: not known
  std::uint32_t priority = 0;
  std::uint64_t heard_ms = 0;
};

struct HaInstanceRow {
  std::string name;
  std::string group;
  std::string state;  // of its group
  std::string interface;
  std::uint32_t virtual_router_id = 0;
  std::uint32_t version = 0;
  std::uint32_t base_priority = 0;
  std::uint32_t priority = 0;
  std::vector<HaTermRow> terms;
  std::string fault;
  std::string master;  // who sent the last advert that was received; empty: none
  std::uint64_t heard_ms = 0;
  std::uint64_t sent_adverts = 0;
  std::uint64_t send_errors = 0;
  std::uint64_t received_adverts = 0;
  std::uint64_t late_adverts = 0;
  std::uint64_t latest_ms = 0;
  std::vector<CountRow> rejected_adverts;          // those that occurred
  std::optional<UnknownRouterRow> unknown_router;  // the last one
  std::vector<std::string> addresses;
};

struct HaEventRow {
  std::uint64_t unix_ms = 0;
  std::string instance;
  std::string from;
  std::string to;
  std::string reason;
};

// A program that runs where the addresses are.
struct HaResourceRow {
  std::string name;
  std::string instance;
  std::string state;  // "running"
  std::uint64_t restarts = 0;
  std::string failure;    // empty: it did not fail
  std::string last_step;  // "monitor"; empty: nothing was run
  std::string last_error;
  std::uint64_t last_unix_ms = 0;
};

struct HaPeer {
  std::string director;  // empty: nothing was received from it
  std::string release;
  bool connected = false;
  bool alive = false;
  std::uint64_t heard_ms = 0;
  std::uint64_t late_heartbeats = 0;
  std::uint64_t latest_ms = 0;
  bool compared = false;
  std::vector<std::string> differences;
};

// The last planned switchover.
struct Handover {
  std::string group;
  bool done = false;
  bool failed = false;
  std::string text;
  std::uint64_t took_ms = 0;
};

// `show ha`
struct Ha {
  std::vector<HaGroupRow> groups;
  std::vector<HaInstanceRow> instances;
  std::vector<HaResourceRow> resources;
  std::vector<HaEventRow> events;  // the last ones, oldest first
  std::optional<HaPeer> peer;      // none: no [ha.sync]
  std::optional<Handover> handover;
};

Ha ha_of(const api::control::Status& status);
Handover handover_of(const api::control::Handover& handover);

}  // namespace lb::view
