// loxilb: what `loxicmd get lb -o json`, `loxicmd get ep -o json` and `loxicmd save` write.
#pragma once

#include "config/import/importer.h"

namespace lb::importer {

// Keys are written in lower or upper case, depending on the version.
const Keyword* find_loxilb_keyword(std::string_view block, std::string_view key);

// A check as a service or a host has it.
struct LoxilbProbe {
  std::string type;
  std::uint32_t port = 0;  // 0: not said, as with the others
  std::string request;
  std::string response;
  std::uint32_t seconds = 0;
  std::uint32_t retries = 0;
};
// Of what it is a check.
struct LoxilbChecked {
  bool has_no_tcp_port = false;  // without a type it is a ping
  std::uint32_t port = 0;        // that it needs, because there are several; 0: none
  std::string subject;           // of notes
  Place place;
};
// loxilb_check.cc: [check] of a service or real server.
void write_loxilb_check(const LoxilbProbe& probe, const LoxilbChecked& of, Table& owner,
                        Context& context);

}  // namespace lb::importer
