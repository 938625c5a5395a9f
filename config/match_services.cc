#include "config/match_services.h"

#include <map>
#include <string_view>
#include <utility>

namespace lb::config {
namespace {

using ByAddress = std::map<std::pair<Protocol, EndpointRange>, std::size_t>;
using ByName = std::map<std::pair<Protocol, std::string_view>, std::size_t>;

class Matches {
 public:
  Matches(const std::vector<Service>& before, const std::vector<Service>& next)
      : before_(before), next_(next), found_(next.size()), taken_(before.size()) {}

  std::vector<std::optional<std::size_t>> run() {
    by_first_address();
    by_any_address();
    by_name();
    return std::move(found_);
  }

 private:
  template <typename Map, typename Key>
  void take(std::size_t service, const Map& map, const Key& key) {
    const auto same = map.find(key);
    if (found_[service] || same == map.end() || taken_[same->second]) return;
    found_[service] = same->second;
    taken_[same->second] = true;
  }

  void by_first_address() {
    ByAddress firsts;
    for (std::size_t i = 0; i < before_.size(); ++i) {
      firsts.emplace(std::pair(before_[i].protocol, before_[i].addresses.front()), i);
    }
    for (std::size_t i = 0; i < next_.size(); ++i) {
      take(i, firsts, std::pair(next_[i].protocol, next_[i].addresses.front()));
    }
  }

  void by_any_address() {
    ByAddress any;
    for (std::size_t i = 0; i < before_.size(); ++i) {
      if (taken_[i]) continue;
      for (const EndpointRange& vip : before_[i].addresses) {
        any.emplace(std::pair(before_[i].protocol, vip), i);
      }
    }
    if (any.empty()) return;
    for (std::size_t i = 0; i < next_.size(); ++i) {
      for (const EndpointRange& vip : next_[i].addresses) {
        take(i, any, std::pair(next_[i].protocol, vip));
      }
    }
  }

  void by_name() {
    ByName names;
    for (std::size_t i = 0; i < before_.size(); ++i) {
      if (!taken_[i])
        names.emplace(std::pair(before_[i].protocol, std::string_view(before_[i].name)), i);
    }
    for (std::size_t i = 0; i < next_.size(); ++i) {
      take(i, names, std::pair(next_[i].protocol, std::string_view(next_[i].name)));
    }
  }

  const std::vector<Service>& before_;
  const std::vector<Service>& next_;
  std::vector<std::optional<std::size_t>> found_;  // by the index in next_
  std::vector<bool> taken_;                        // by the index in before_
};

}  // namespace

std::vector<std::optional<std::size_t>> match_services(const std::vector<Service>& before,
                                                       const std::vector<Service>& next) {
  return Matches(before, next).run();
}

}  // namespace lb::config
