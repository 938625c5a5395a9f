// Lists of CPU numbers as the kernel and the operator write them: "1-3,5".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.h"

namespace lb::config {

inline constexpr std::uint32_t kMaxCpu = 1023;

// In the order written; a duplicate is an error.
Result<std::vector<std::uint32_t>> parse_cpu_list(std::string_view text);

// Neighbours joined to ranges. `cpus` must be sorted.
std::string print_cpu_list(const std::vector<std::uint32_t>& cpus);

}  // namespace lb::config
