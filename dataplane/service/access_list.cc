#include "dataplane/service/access_list.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace lb {
namespace {

// With more the table by leading bits would not stay in the cache.
constexpr unsigned kMaxLeadingBits = 16;

struct Rule {
  std::uint64_t begin;
  std::uint64_t end;  // one past its last address
  bool allow;
};

// Prefixes are nested or apart, never overlapping otherwise: in this order each comes just after
// those that contain it.
std::vector<Rule> in_order(const AccessListSpec& rules) {
  std::vector<Rule> out;
  const auto add = [&out](const Prefix& prefix, bool allow) {
    const auto ipv4 = prefix.to_ipv4();
    if (!ipv4) return;  // no client of the packet path has such an address
    const std::uint64_t begin = ipv4->network().host();
    out.push_back({begin, begin + (std::uint64_t{1} << (32 - ipv4->length)), allow});
  };
  for (const Prefix& prefix : rules.allow) add(prefix, true);
  for (const Prefix& prefix : rules.deny) add(prefix, false);
  std::ranges::stable_sort(out, [](const Rule& a, const Rule& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
  });
  return out;
}

// The answers from address to address.
class Changes {
 public:
  explicit Changes(bool others) : first(others), answer_(others) {}

  void set(std::uint64_t from, bool answer) {
    if (from >> 32 != 0) return;
    // What was set for the same address before is void.
    while (!changes.empty() && changes.back() >= from) {
      changes.pop_back();
      answer_ = !answer_;
    }
    if (from == 0) {
      first = answer_ = answer;
    } else if (answer != answer_) {
      changes.push_back(static_cast<std::uint32_t>(from));
      answer_ = answer;
    }
  }

  std::vector<std::uint32_t> changes;
  bool first;

 private:
  bool answer_;  // from the last change on
};

}  // namespace

AccessList::AccessList(const AccessListSpec& rules) {
  Changes changes(rules.others);
  std::vector<Rule> open;  // those that contain the place where we are, the narrowest last
  const auto close_until = [&](std::uint64_t address) {
    while (!open.empty() && open.back().end <= address) {
      const std::uint64_t end = open.back().end;
      open.pop_back();
      changes.set(end, open.empty() ? rules.others : open.back().allow);
    }
  };
  for (const Rule& rule : in_order(rules)) {
    close_until(rule.begin);
    changes.set(rule.begin, rule.allow);
    open.push_back(rule);
  }
  close_until(std::uint64_t{1} << 32);

  first_ = changes.first;
  changes_ = std::move(changes.changes);
  const auto bits = static_cast<unsigned>(std::bit_width(changes_.size()));
  const unsigned leading = std::clamp(bits, 1u, kMaxLeadingBits);
  shift_ = 32 - leading;
  starts_.resize((std::size_t{1} << leading) + 1);
  for (std::size_t at = 0, change = 0; at < starts_.size(); ++at) {
    while (change < changes_.size() && changes_[change] >> shift_ < at) ++change;
    starts_[at] = static_cast<std::uint32_t>(change);
  }
}

}  // namespace lb
