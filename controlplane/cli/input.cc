#include "controlplane/cli/input.h"

#include <unistd.h>

#include <charconv>
#include <optional>
#include <string_view>

#include "config/base/read_file.h"
#include "config/toml_tree.h"

namespace lb::cli {
namespace {

std::optional<int> descriptor_of(std::string_view name) {
  if (name == "-" || name == "/dev/stdin") return STDIN_FILENO;
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!name.starts_with(folder)) continue;
    const char* const last = name.data() + name.size();
    int number = -1;
    const auto [end, error] = std::from_chars(name.data() + folder.size(), last, number);
    if (error == std::errc() && end == last && number >= 0) return number;
  }
  return std::nullopt;
}

}  // namespace

Result<std::string> read_input(const std::string& name) {
  const auto descriptor = descriptor_of(name);
  return descriptor ? read_descriptor(*descriptor, config::kMaxFileBytes) : config::read_file(name);
}

config::Loaded load_input(const std::string& name, const config::Machine& machine) {
  const auto text = read_input(name);
  if (text) return config::load_text(*text, name, machine);
  config::Loaded loaded;
  loaded.file_name = name;
  loaded.mistakes.push_back({{}, text.error().message});
  return loaded;
}

}  // namespace lb::cli
