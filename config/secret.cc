#include "config/secret.h"

#include <re2/re2.h>

#include <algorithm>
#include <vector>

#include "config/base/nearest.h"
#include "config/key_lister.h"

namespace lb::config {
namespace {

std::vector<std::string> secret_names() {
  std::vector<std::string> names;
  for (const ListedTable& table : list_keys()) {
    for (const ListedKey& key : table.keys) {
      if (key.is_secret && std::ranges::find(names, key.name) == names.end()) {
        names.push_back(key.name);
      }
    }
  }
  return names;
}

}  // namespace

bool may_be_secret(std::string_view key) {
  static const std::vector<std::string> names = secret_names();
  const std::vector<std::string_view> known(names.begin(), names.end());
  return !nearest(key, known).empty();
}

std::string without_passwords(std::string text) {
  if (text.find("://") == std::string::npos) return text;
  static const RE2 userinfo(R"((://[^\s/?#@:"']*:)[^\s/?#"']*@)", RE2::Latin1);
  RE2::GlobalReplace(&text, userinfo, R"(\1***@)");
  return text;
}

}  // namespace lb::config
