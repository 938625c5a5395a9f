#include "controlplane/health/patterns.h"

#include <re2/re2.h>

namespace lb::health {

bool Pattern::matches(std::string_view bytes) const {
  return !compiled_ || RE2::PartialMatch(re2::StringPiece(bytes.data(), bytes.size()), *compiled_);
}

Pattern Patterns::get(const std::string& text) {
  if (text.empty()) return {};
  auto& known = compiled_[text];
  if (!known) {
    // Servers send bytes, not always UTF-8. Validation of the file has checked that it compiles.
    RE2::Options options(RE2::Latin1);
    options.set_log_errors(false);
    known = std::make_shared<const RE2>(text, options);
  }
  return Pattern(known);
}

}  // namespace lb::health
