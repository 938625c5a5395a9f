// `show persistence` and `flush`: what the data plane answers in parts.
#pragma once

#include <iosfwd>
#include <string>

#include "controlplane/cli/options.h"
#include "controlplane/cli/outcome.h"

namespace lb::cli {

std::string persistence_heading();
void append_persistence_text(const api::PersistenceEntry& entry, std::string& out);
void append_persistence_json(const api::PersistenceEntry& entry, std::string& out);

Outcome<void> show_persistence(DataplaneClient& client, const Options& options, std::ostream& out);
Outcome<void> flush_persistence(DataplaneClient& client, const Options& options, std::ostream& out);

}  // namespace lb::cli
