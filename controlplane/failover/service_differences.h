// Differences between the services of two directors, whose configurations should be the same.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/model.h"

namespace lb::sync {
class Services;
}

namespace lb::controlplane {

// Keys are protocol and VIP:port, texts the canonical form of the configuration.
struct NamedService {
  std::string name;
  std::string text;
};
using ServiceTexts = std::map<std::string, NamedService>;

ServiceTexts texts_of(const config::Config& config);
ServiceTexts texts_of(const lb::sync::Services& message);
void write(const ServiceTexts& texts, lb::sync::Services& message);

// A line each: pure.
std::vector<std::string> differences(const ServiceTexts& ours, const ServiceTexts& theirs);

}  // namespace lb::controlplane
