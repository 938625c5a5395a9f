// What changes from one configuration to another, in an operator's words. Pure.
//
// It compares the canonical forms (print()), so that a key that print() writes is never missed. Of
// secrets it says that they change, not how.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/model.h"

namespace lb::config {

// What a change needs to take effect.
enum class Needs : std::uint8_t {
  kNothing,       // at run time
  kControlplane,  // a restart of lb-controlplane; the data plane forwards on
  kBoth,          // a restart of both daemons
};

struct Change {
  std::string text;  // "service web: real server 10.0.0.11:80: weight 1 -> 2"
  Needs needs = Needs::kNothing;
};

// In the order of the file: what `next` has, then what it has no more. Empty: nothing that means
// anything differs; the order of services and the like does not.
std::vector<Change> diff(const Config& running, const Config& next);

}  // namespace lb::config
