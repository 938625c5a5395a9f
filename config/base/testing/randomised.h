// How a randomised test runs: with which seed, and how long.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string_view>

namespace lb::test {

// The same one in every run, so that a failure is the change's own. LB_SEED=N in the environment
// gives another one, LB_SEED=random one that nobody has tried; a test prints it on failure
// (SCOPED_TRACE).
inline std::uint32_t seed() {
  const char* const given = std::getenv("LB_SEED");
  if (given == nullptr) return 1;
  if (std::string_view(given) == "random") return std::random_device()();
  return static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10));
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
