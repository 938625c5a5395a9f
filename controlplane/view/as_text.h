// Text of rows and answers, for people: it may change.
#pragma once

#include <string>

namespace lb::view {

struct Alerts;
struct Checks;
struct ConnRow;
struct ConnTableUse;
struct Drops;
struct Ha;
struct Handover;
struct PersistenceRow;
struct Ports;
struct Punts;
struct Rates;
struct RealServers;
struct Services;
struct Statistics;
struct Sync;
struct WorkerRates;
struct Workers;

std::string as_text(const Alerts& answer);
std::string as_text(const Checks& answer);
std::string as_text(const ConnTableUse& answer);
std::string as_text(const Drops& answer);
std::string as_text(const Ha& answer);
std::string as_text(const Handover& handover);  // how far it is, without a line end
std::string as_text(const Ports& answer);
std::string as_text(const Punts& answer);
std::string as_text(const Rates& sample);
std::string as_text(const RealServers& answer);
std::string as_text(const Services& answer);
std::string as_text(const Statistics& answer);
std::string as_text(const Sync& answer);
std::string as_text(const WorkerRates& sample);
std::string as_text(const Workers& answer);

// The recipients of a test event.
std::string alert_test_text(const Alerts& alerts);

// Rows of what may be millions: each is appended to `out` by itself.
std::string conn_heading();
void append_text(const ConnRow& row, std::string& out);
std::string persistence_heading();
void append_text(const PersistenceRow& row, std::string& out);

}  // namespace lb::view
