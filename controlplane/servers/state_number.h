// Numbers in the state files, which a disk or a person may have changed: no value of them overflows
// where it is used. Throws what the JSON library throws, for the parser of the file to catch.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace lb::controlplane {

// The end of the year 2199: a time in nanoseconds ends in 2262.
inline constexpr std::int64_t kLatestUnixMs = 7'258'118'399'999;

inline std::int64_t state_number(const nlohmann::json& json, const char* key, std::int64_t max) {
  const nlohmann::json& value = json.at(key);
  const bool fits = value.is_number_unsigned()
                        ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(max)
                        : value.is_number_integer() && value.get<std::int64_t>() >= 0 &&
                              value.get<std::int64_t>() <= max;
  if (!fits) {
    throw nlohmann::json::other_error::create(
        501, std::string(key) + " is not a number from 0 to " + std::to_string(max), &json);
  }
  return value.get<std::int64_t>();
}

inline std::chrono::milliseconds state_unix_ms(const nlohmann::json& json, const char* key) {
  return std::chrono::milliseconds(state_number(json, key, kLatestUnixMs));
}

// What is wrong with a file, on one line that is not too long, whatever the file holds.
inline std::string damage(const nlohmann::json::exception& error) {
  constexpr std::size_t kMostBytes = 200;
  const std::string text = error.what();
  return text.size() <= kMostBytes ? text : text.substr(0, kMostBytes) + "...";
}

}  // namespace lb::controlplane
