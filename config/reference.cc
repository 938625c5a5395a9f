#include "config/reference.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <algorithm>
#include <map>

#include "config/key_lister.h"

namespace lb::config {
namespace {

constexpr std::string_view kHead =
    R"(# Configuration: every key

All of `ballast.toml`, table by table, as a reference. The same with an example of each key, to copy from, is
[config/ballast.toml](../../config/ballast.toml). `lbcli check FILE` reports the mistakes of a file with their places.

Durations are strings of a whole number and a unit: `"500ms"`, `"30s"`, `"15m"`, `"1h"`. `required` means that there is no
default. There is one `[table]`, and any number of `[[table]]`. `secret`: the value appears in no output, log or message
([security](../security.md#secrets)).

This page is generated from the code and from the comments in that file (config/reference.cc): change those, not this page.
)";

// "service.check": {"": the comment above [service.check], "type": that above its first `type`}
using Comments = std::map<std::string, std::map<std::string, std::string>>;

// A comment is right above its subject; that of a key is the first one.
Comments read_comments(std::string_view text) {
  Comments comments;
  std::string table;
  std::string comment;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::string name;
    if (line.starts_with("# ---")) {
      comment.clear();
    } else if (line.starts_with("# ")) {
      comment += (comment.empty() ? "" : " ") + std::string(line.substr(2));
      continue;
    } else if (RE2::PartialMatch(line, R"(^\[+([\w.]+)\])", &name)) {
      table = name;
      comments[table].emplace("", comment);
    } else if (RE2::PartialMatch(line, R"(^(\w+) =)", &name) && !comment.empty()) {
      comments[table].emplace(name, comment);
    }
    comment.clear();
  }
  return comments;
}

// "service.timeouts" has its comments where "dataplane.timeouts" is described.
std::string comment_of(const Comments& comments, const std::string& table, const std::string& key) {
  if (const auto found = comments.find(table); found != comments.end()) {
    if (const auto own = found->second.find(key); own != found->second.end()) return own->second;
  }
  if (table != "service.timeouts") return {};
  std::string same = comment_of(comments, "dataplane.timeouts", key);
  RE2::Replace(&same, R"( Default: "\w+"\.)", " Default: as in `[dataplane.timeouts]`.");
  return same;
}

std::string to_markdown(std::string text) {
  RE2::GlobalReplace(&text, R"(docs/([\w-]+)\.md(#[\w-]+)?)", R"([\1](../\1.md\2))");
  RE2::GlobalReplace(&text, R"(\|)", R"(\\|)");
  return text;
}

class Generator {
 public:
  explicit Generator(std::string_view example) : comments_(read_comments(example)) {}

  Reference run() {
    reference_.page = kHead;
    for (const ListedTable& table : list_keys()) section(table);
    return std::move(reference_);
  }

 private:
  void section(const ListedTable& table) {
    reference_.page += table.in_list ? fmt::format("\n## `[[{}]]`\n", table.path)
                                     : fmt::format("\n## `[{}]`\n", table.path);
    const std::string intro = comment_of(comments_, table.path, "");
    if (!intro.empty()) reference_.page += fmt::format("\n{}\n", to_markdown(intro));
    // Its keys are those of a service's check.
    if (table.path == "service.real_server.check") return;
    reference_.page += "\n| key | value | default | meaning |\n|---|---|---|---|\n";
    for (const ListedKey& key : table.keys) row(table, key);
  }

  void row(const ListedTable& table, const ListedKey& key) {
    std::string meaning = comment_of(comments_, table.path, key.name);
    if (meaning.empty()) mistake(table, key, "has no comment");
    const std::string preset = take_default(table, key, meaning);
    reference_.page +=
        fmt::format("| `{}` | {}{} | {} | {} |\n", key.name, key.values,
                    key.is_secret ? ", secret" : "", to_markdown(preset), to_markdown(meaning));
  }

  // Takes the default out of the comment.
  std::string take_default(const ListedTable& table, const ListedKey& key, std::string& meaning) {
    std::string preset;
    if (take(R"( ?\bRequired((?:, [^.]*)?)\.)", meaning, preset)) {
      // A list that must not be empty is validation's to ask for.
      if (!key.required && key.default_value != "[]") mistake(table, key, "is not required");
      return "required" + preset;
    }
    if (key.required) mistake(table, key, "is required; its comment does not say so");
    if (!take(R"X( ?\bDefault: ((?:"[^"]*"|`[^`]*`|\[\[?[\w.]+\]\]?|[^."`])*)\.)X", meaning,
              preset)) {
      mistake(table, key, "has a default that its comment does not name");
      return {};
    }
    std::string literal;
    std::string words;
    if (!RE2::FullMatch(preset, R"(("[^"]*"|\[\]|[\d_]+|true|false)((?:, .*)?))", &literal,
                        &words)) {
      return preset;
    }
    std::string digits = literal;
    std::erase(digits, '_');
    if (digits != key.default_value) {
      mistake(table, key, "has the default " + key.default_value);
    }
    return '`' + literal + '`' + words;
  }

  static bool take(const char* pattern, std::string& text, std::string& taken) {
    if (!RE2::PartialMatch(text, pattern, &taken)) return false;
    RE2::Replace(&text, pattern, "");
    if (text.starts_with(' ')) text.erase(0, 1);
    return true;
  }

  void mistake(const ListedTable& table, const ListedKey& key, const std::string& what) {
    reference_.mistakes.push_back(fmt::format("{} {} {}", table.path, key.name, what));
  }

  const Comments comments_;
  Reference reference_;
};

}  // namespace

Reference make_reference(std::string_view example) {
  return Generator(example).run();
}

}  // namespace lb::config
