// The canonical form: every key that has a meaning, defaults written out.
#include <fmt/format.h>

#include "config/describe.h"
#include "config/load.h"
#include "config/printer.h"

namespace lb::config {
namespace {

std::string text_of(const std::vector<PrintedTable>& tables) {
  std::string out;
  for (const PrintedTable& table : tables) {
    if (!out.empty()) out += '\n';
    out += table.in_list ? "[[" + table.path + "]]\n" : '[' + table.path + "]\n";
    for (const PrintedKey& key : table.keys) {
      out += key.name;
      out += " = ";
      out += key.value;
      out += '\n';
    }
  }
  return out;
}

// "# deny_file holds 3 prefixes, 5f3a09c1d2e4b687": a comment that distinguishes two lists.
std::string contents(std::string_view key, const std::vector<Prefix>& prefixes) {
  constexpr std::uint64_t kPrime = 0x100000001b3;
  std::uint64_t digest = 0xcbf29ce484222325;  // FNV-1a
  for (const Prefix& prefix : prefixes) {
    for (const std::uint8_t byte : prefix.address.bytes()) digest = (digest ^ byte) * kPrime;
    digest = (digest ^ prefix.length) * kPrime;
  }
  return fmt::format("# {} holds {} prefixes, {:016x}\n", key, prefixes.size(), digest);
}

}  // namespace

// A visitor may write to what it visits, so it gets a copy.
std::vector<PrintedTable> print_tables(Config config) {
  std::vector<PrintedTable> tables;
  Printer printer(tables);
  describe(printer, config);
  return tables;
}

std::string print(const Config& config) {
  return text_of(print_tables(config));
}

std::string print_service(const Service& service) {
  std::vector<PrintedTable> tables;
  std::vector<Service> services = {service};
  Printer printer(tables);
  describe_services(printer, services, ConnTimeouts{});
  std::string text = text_of(tables);
  // Two files of one name may hold different prefixes.
  const auto add = [&text](std::string_view key, const std::vector<Prefix>& prefixes) {
    if (!prefixes.empty()) text += contents(key, prefixes);
  };
  add("allow_file", service.access.allow_listed);
  add("deny_file", service.access.deny_listed);
  return text;
}

}  // namespace lb::config
