// What `lbcli show` prints: pure functions of what the daemons answered. The text is for people and
// may change; the keys of the JSON stay, with units in their names.
#pragma once

#include <string>

namespace lb::api {
class Conn;
class Stats;
namespace control {
class AlertStatus;
class Handover;
class Status;
}  // namespace control
}  // namespace lb::api

namespace lb::cli {

// `health` is null when the control plane does not answer.
std::string service_text(const api::Stats& stats, const api::control::Status* health);
std::string service_json(const api::Stats& stats, const api::control::Status* health);

std::string rs_text(const api::Stats& stats, const api::control::Status* health);
std::string rs_json(const api::Stats& stats, const api::control::Status* health);

// The control plane's checks.
std::string checks_text(const api::control::Status& status);
std::string checks_json(const api::control::Status& status);

std::string port_text(const api::Stats& stats);
std::string port_json(const api::Stats& stats);

std::string lcore_text(const api::Stats& stats);
std::string lcore_json(const api::Stats& stats);

std::string stats_text(const api::Stats& stats);
std::string stats_json(const api::Stats& stats);

std::string drops_text(const api::Stats& stats);
std::string drops_json(const api::Stats& stats);

std::string ha_text(const api::control::Status& status);
std::string ha_json(const api::control::Status& status);
std::string handover_text(const api::control::Handover& handover);

std::string sync_text(const api::control::Status& status);
std::string sync_json(const api::control::Status& status);

std::string alert_text(const api::control::AlertStatus& status);
std::string alert_json(const api::control::AlertStatus& status);
std::string alert_test_text(const api::control::AlertStatus& status);

// Rows of connections, which may be millions: each is appended to `out` by itself.
std::string conn_heading();
void append_conn_text(const api::Conn& conn, std::string& out);
void append_conn_json(const api::Conn& conn, std::string& out);  // one object, no line end

}  // namespace lb::cli
