// Regular expressions, compiled once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace lb::health {

class Pattern {
 public:
  Pattern() = default;  // matches everything
  explicit Pattern(std::shared_ptr<const re2::RE2> compiled) : compiled_(std::move(compiled)) {}
  // Whether it matches somewhere in the bytes.
  bool matches(std::string_view bytes) const;

 private:
  std::shared_ptr<const re2::RE2> compiled_;
};

class Patterns {
 public:
  Pattern get(const std::string& text);

 private:
  std::map<std::string, std::shared_ptr<const re2::RE2>> compiled_;
};

}  // namespace lb::health
