#include "config/base/nearest.h"

#include <algorithm>
#include <cstdint>
#include <vector>

namespace lb {
namespace {

// Longer words are not misspelt keys; it also bounds the work on hostile input.
constexpr std::size_t kLongestWord = 64;

char fold(char c) {
  if (c == '-' || c == ' ') return '_';
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the usual matrix: i-2, i-1 and i.
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = fold(a[i - 1]) == fold(b[j - 1]) ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + replace});
      const bool swapped =
          i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) && fold(a[i - 2]) == fold(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> known) {
  if (word.empty() || word.size() > kLongestWord) return {};
  std::string_view best;
  std::size_t best_distance = SIZE_MAX;
  for (const std::string_view candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  // About one letter in three may be wrong, in a short word one.
  const std::size_t allowed =
      std::max<std::size_t>(1, (std::max(word.size(), best.size()) + 1) / 3);
  return best_distance <= allowed ? best : std::string_view{};
}

std::string unknown_name(std::string_view what, std::string_view name,
                         std::span<const std::string_view> known, std::string_view otherwise) {
  std::string text = "unknown ";
  text.append(what).append(" ").append(name).append("; ");
  if (const std::string_view guess = nearest(name, known); !guess.empty()) {
    return text.append("did you mean ").append(guess).append("?");
  }
  if (!otherwise.empty() || known.empty()) return text.append(otherwise);
  text.append(known.size() == 1 ? "use " : "use one of ");
  for (const std::string_view each : known) text.append(each).append(", ");
  text.resize(text.size() - 2);
  return text;
}

std::string unknown_real_server(const std::string& service, const std::string& address) {
  const std::string who = service.empty() ? "no service has a" : "service " + service + " has no";
  return who + " real server " + address + "; see lbcli show rs";
}

}  // namespace lb
