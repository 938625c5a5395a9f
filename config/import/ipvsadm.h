// ipvsadm: commands (`ipvsadm -S -n`, scripts) and the tables that it prints.
#pragma once

#include "config/import/importer.h"
#include "config/import/ipvs.h"
#include "config/import/shell_words.h"

namespace lb::importer {

// What several lines of an origin add up to.
struct IpvsadmState {
  Ipvs ipvs;
  bool recognized = false;  // at least one line is of ipvsadm
};

// ipvsadm_options.cc: the words of a command as options of a table; DPVS has one of its own.
enum class IpvsadmArgument : std::uint8_t { kNone, kOne, kOptional };
struct IpvsadmOption {
  char letter;  // 0: it has none
  std::string_view name;
  std::string_view block;  // of the table of keywords; empty: it only changes what is printed
  IpvsadmArgument argument = IpvsadmArgument::kNone;
};
struct IpvsadmGiven {
  const IpvsadmOption* option;
  std::string value;
  bool has_value = false;
};
struct IpvsadmWords {
  std::vector<IpvsadmGiven> given;
  std::vector<std::string> rest;  // of no option
  const IpvsadmGiven* find(std::string_view name) const;
};
std::span<const IpvsadmOption> ipvsadm_options();
IpvsadmWords read_ipvsadm_words(const std::vector<std::string>& words,
                                std::span<const IpvsadmOption> options, const Place& place,
                                Context& context);

// ipvsadm_command.cc: the service that the options name; nothing if it cannot be read (with a note).
std::optional<IpvsService> ipvsadm_service(const IpvsadmWords& words, const Place& place,
                                           Context& context);
void run_ipvsadm_command(const IpvsadmWords& words, const Place& place, IpvsadmState& state,
                         Context& context);
// One command, without the name of the program.
void read_ipvsadm_command(const std::vector<std::string>& words, const Place& place,
                          IpvsadmState& state, Context& context);

// ipvsadm_table.cc: what `ipvsadm -L -n` prints, line by line.
class IpvsadmTable {
 public:
  // `dpvs`: with what DPVS prints as well.
  IpvsadmTable(IpvsadmState& state, Context& context, bool dpvs = false)
      : state_(state), context_(context), dpvs_(dpvs) {}
  // False: the line is of no table.
  bool read(const std::string& line, const Place& place);

 private:
  bool service(const std::vector<std::string_view>& words, const Place& place);
  void server(const std::vector<std::string_view>& words, const Place& place);
  void flags(IpvsService& service, const std::vector<std::string_view>& words, const Place& place);
  bool other(const std::string& line, const Place& place);
  // Whether the word at `at`, then the last that belongs to it, is a flag of DPVS.
  bool dpvs_flag(IpvsService& service, const std::vector<std::string_view>& words, std::size_t& at,
                 const Place& place);

  IpvsadmState& state_;
  Context& context_;
  bool dpvs_;
  std::string current_;   // the key of the service that servers belong to; empty: none
  bool forwards_ = true;  // the table has the column Forward
};

// [dataplane.timeouts] by the three times of IPVS; 0: unchanged.
void set_ipvs_timeouts(std::string_view tcp, std::string_view fin, std::string_view udp,
                       const Place& place, Context& context);

}  // namespace lb::importer
