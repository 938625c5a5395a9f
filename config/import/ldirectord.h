// ldirectord.cf, alone and as a resource of heartbeat. See ldirectord(8).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/import/context.h"

namespace lb::importer::ldirectord {

// Several files are read as one director's, as several ldirectord processes on one machine.
void read(Context& context, const std::vector<File>& files);

// Recipients of mail, to those that there are. `from`: where mail comes from, if the draft does not say it.
void add_mail(Context& context, const std::vector<std::string>& to, const std::string& from,
              const Place& place);

std::optional<std::int64_t> number(const std::string& text);
// Words of a line; "..." is one.
std::vector<std::string> words(const std::string& line);

}  // namespace lb::importer::ldirectord
