#include "controlplane/failover/service_differences.h"

#include <algorithm>
#include <sstream>

#include "config/load.h"
#include "config/secret.h"
#include "controlplane/service/key.h"
#include "controlplane/sync/sync.pb.h"

namespace lb::controlplane {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

// "headers = (secret)"
std::string shown(const std::string& line) {
  const std::string key = line.substr(0, line.find(" = "));
  if (key != line && config::may_be_secret(key)) {
    return key + " = " + std::string(config::kSecretShown);
  }
  return config::without_passwords(line);
}

// The first line that one has and the other lacks, on both sides.
std::string first_difference(const std::string& ours, const std::string& theirs) {
  const auto left = lines_of(ours);
  const auto right = lines_of(theirs);
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    const std::string here = i < left.size() ? left[i] : "nothing";
    const std::string there = i < right.size() ? right[i] : "nothing";
    if (here == there) continue;
    const bool same_secret = shown(here) == shown(there);
    return shown(here) + " here, " + (same_secret ? "another" : shown(there)) + " there";
  }
  return {};
}

}  // namespace

ServiceTexts texts_of(const config::Config& config) {
  ServiceTexts texts;
  for (const config::Service& service : config.services) {
    texts[key_of(service).to_string()] = {service.name, config::print_service(service)};
  }
  return texts;
}

ServiceTexts texts_of(const lb::sync::Services& message) {
  ServiceTexts texts;
  for (const lb::sync::Service& each : message.services()) {
    texts[each.key()] = {each.name(), each.text()};
  }
  return texts;
}

void write(const ServiceTexts& texts, lb::sync::Services& message) {
  for (const auto& [key, service] : texts) {
    lb::sync::Service& each = *message.add_services();
    each.set_key(key);
    each.set_name(service.name);
    each.set_text(service.text);
  }
}

std::vector<std::string> differences(const ServiceTexts& ours, const ServiceTexts& theirs) {
  std::vector<std::string> all;
  for (const auto& [key, service] : ours) {
    const auto other = theirs.find(key);
    if (other == theirs.end()) {
      all.push_back("service " + service.name + " (" + key + ") exists only here");
    } else if (service.text != other->second.text) {
      all.push_back("service " + service.name + " (" + key +
                    "): " + first_difference(service.text, other->second.text));
    }
  }
  for (const auto& [key, service] : theirs) {
    if (!ours.contains(key)) {
      all.push_back("service " + service.name + " (" + key + ") exists only on the peer");
    }
  }
  return all;
}

}  // namespace lb::controlplane
