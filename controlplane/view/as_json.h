// JSON of rows and answers, for programs: the keys stay, with units in their names. Answers are
// indented and end with a line end.
#pragma once

#include <string>

namespace lb::view {

struct Alerts;
struct Checks;
struct ConnRow;
struct ConnTableUse;
struct Drops;
struct Ha;
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

std::string as_json(const Alerts& answer);
std::string as_json(const Checks& answer);
std::string as_json(const ConnTableUse& answer);
std::string as_json(const Drops& answer);
std::string as_json(const Ha& answer);
std::string as_json(const Ports& answer);
std::string as_json(const Punts& answer);
std::string as_json(const RealServers& answer);
std::string as_json(const Services& answer);
std::string as_json(const Statistics& answer);
std::string as_json(const Sync& answer);
std::string as_json(const Workers& answer);

// Samples, which follow each other: one line each.
std::string as_json(const Rates& sample);
std::string as_json(const WorkerRates& sample);

// Rows of what may be millions: each is appended to `out` by itself, without a line end.
void append_json(const ConnRow& row, std::string& out);
void append_json(const PersistenceRow& row, std::string& out);

}  // namespace lb::view
