// How a randomised test runs: with which seed, and how long.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace lb::test {

// Another one in every run, so that the runs together see more than one of them does. A test
// prints it on failure (SCOPED_TRACE); LB_SEED=N in the environment runs with that one again.
inline std::uint32_t seed() {
  if (const char* given = std::getenv("LB_SEED"); given != nullptr) {
    return static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10));
  }
  return std::random_device()();
}

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

// As many rounds as take a second or so in each flavour: sanitizers cost a factor of 10 and more.
constexpr unsigned rounds(unsigned without_sanitizer) {
  return kSanitized ? without_sanitizer / 10 : without_sanitizer;
}

}  // namespace lb::test
