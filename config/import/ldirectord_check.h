// The check of an ldirectord service.
#pragma once

#include <string>

#include "config/import/ldirectord_file.h"

namespace lb::importer::ldirectord {

// What a check sends and what it expects: the virtual's, or a real server's own.
struct Question {
  std::string request;
  std::string receive;
};

struct CheckedService {
  const Settings& settings;
  const Virtual& from;
  std::uint16_t port;
  bool udp;
};

// Into a table that is empty.
void read_check(Context& context, Table& table, const CheckedService& service,
                const Question& question);

}  // namespace lb::importer::ldirectord
