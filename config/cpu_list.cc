#include "config/cpu_list.h"

#include <bitset>
#include <charconv>

namespace lb::config {
namespace {

// Takes a number from the front of `text`.
bool take_number(std::string_view& text, std::uint32_t& number) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return true;
}

}  // namespace

Result<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text) {
  const auto bad = [text](const std::string& why) {
    return fail('"' + std::string(text) + "\" is not a list of CPUs: " + why);
  };
  std::vector<std::uint32_t> cpus;
  std::bitset<kMaxCpu + 1> seen;
  std::string_view rest = text;
  while (true) {
    std::uint32_t first = 0;
    if (!take_number(rest, first)) return bad("write numbers and ranges, as \"1-3,5\"");
    std::uint32_t last = first;
    if (!rest.empty() && rest[0] == '-') {
      rest.remove_prefix(1);
      if (!take_number(rest, last)) return bad("write numbers and ranges, as \"1-3,5\"");
    }
    if (last < first) {
      return bad("the range " + std::to_string(first) + '-' + std::to_string(last) +
                 " runs backwards; write the lower number first");
    }
    if (last > kMaxCpu) return bad("the highest CPU number is " + std::to_string(kMaxCpu));
    for (std::uint32_t cpu = first; cpu <= last; ++cpu) {
      if (seen.test(cpu)) return bad("duplicate CPU " + std::to_string(cpu) + "; name it once");
      seen.set(cpu);
      cpus.push_back(cpu);
    }
    if (rest.empty()) return cpus;
    if (rest[0] != ',') return bad("write numbers and ranges, as \"1-3,5\"");
    rest.remove_prefix(1);
  }
}

std::string print_cpu_list(const std::vector<std::uint32_t>& cpus) {
  std::string out;
  for (std::size_t i = 0; i < cpus.size();) {
    std::size_t end = i + 1;
    while (end < cpus.size() && cpus[end] == cpus[end - 1] + 1) ++end;
    if (!out.empty()) out += ',';
    out += std::to_string(cpus[i]);
    if (end - i > 1) out += '-' + std::to_string(cpus[end - 1]);
    i = end;
  }
  return out;
}

}  // namespace lb::config
