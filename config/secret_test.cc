// A marker in every key that is secret, in every way in which a file can be wrong about it.
#include "config/secret.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "config/diff.h"
#include "config/key_lister.h"
#include "config/load.h"

namespace lb::config {
namespace {

const Machine kFourCpus{{0, 1, 2, 3}};
constexpr std::string_view kMarker = "m4rk3r";

struct SecretKey {
  std::string table;
  std::string key;
  bool is_list;
};

// As the model has them.
std::vector<SecretKey> secret_keys() {
  std::vector<SecretKey> found;
  for (const ListedTable& table : list_keys()) {
    for (const ListedKey& key : table.keys) {
      if (key.is_secret) {
        found.push_back({table.path, key.name, key.values.starts_with("list of ")});
      }
    }
  }
  return found;
}

// A configuration with nothing but the tables that lead to the key's, so that the key has a meaning.
std::string file_with(const SecretKey& key, const std::string& line) {
  std::string out = "[director]\nname = \"lb1\"\n[dataplane]\nlcores = \"1\"\n";
  const auto port = [&](const char* name, const char* device, const char* address) {
    out += fmt::format("[[port]]\nname = \"{}\"\ndevice = \"{}\"\naddresses = [\"{}\"]\n", name,
                       device, address);
  };
  port("wan", "net_null0", "192.0.2.2/24");
  port("lan", "net_null1", "10.0.0.2/24");
  const auto service = [&](const std::string& check, const std::string& agent,
                           const std::string& own) {
    out += "[[service]]\nname = \"web\"\naddress = \"192.0.2.10:80\"\n" + check + agent +
           "[[service.real_server]]\naddress = \"10.0.0.11:80\"\n" + own;
  };
  const std::string type = key.key == "send" ? "\"send_expect\"\nexpect = \"x\"" : "\"http\"";
  const std::string check = "check]\ntype = " + type + '\n' + line + '\n';
  if (key.table == "service.check") {
    service("[service." + check, "", "");
  } else if (key.table == "service.real_server.check") {
    service("", "", "[service.real_server." + check);
  } else if (key.table == "service.agent") {
    service("", "[service.agent]\nport = 7\n" + line + '\n', "");
  } else if (key.table == "ha.instance") {
    out +=
        "[ha]\n[[ha.instance]]\nname = \"i\"\nport = \"wan\"\nvirtual_router_id = 1\n"
        "version = 2\nadvert_interval = \"1s\"\naddresses = [\"192.0.2.10/24\"]\n" +
        line + '\n';
  } else {
    ADD_FAILURE() << "a secret key in a new table, " << key.table << ": add the table here";
  }
  return out;
}

std::string good_line(const SecretKey& key, const std::string& secret) {
  return key.is_list ? fmt::format("{} = [\"X-Token: {}\"]", key.key, secret)
                     : fmt::format("{} = \"{}\"", key.key, secret);
}

std::vector<std::string> wrong_lines(const SecretKey& key) {
  const std::string secret(kMarker);
  const std::string& name = key.key;
  const std::string misspelt = name.substr(0, name.size() - 1);
  return {
      name + " = " + secret,
      name + " = " + secret + " # " + secret,
      name + " = [" + secret + "]",
      name + " = [\"X: a\", " + secret + "]",
      name + " = [\n\"X: a\",\n" + secret + "\n]",
      name + " = [\"" + secret + "\" \"" + secret + "\"]",
      name + " = [[\"" + secret + "\"]]",
      name + " = [1, \"" + secret + "\"]",
      name + " = [\"" + secret + "\"]",  // no header, or a list for a text
      name + " = { a = \"" + secret + "\" }",
      name + " = \"" + secret + "\" \"" + secret + "\"",
      name + " = \"" + secret + "\" " + secret,
      name + " = \"" + secret + "\\q\"",
      name + " = '" + secret + "\\q'",
      name + " = \"" + secret,
      name + " = \"" + secret + std::string(9, 'x') + "\"",
      name + " = \"\\u0007" + secret + "\"",
      name + ": " + secret,
      name + ": \"" + secret + "\"",
      name + " \"" + secret + "\"",
      name + " " + secret,
      name + " = 99999999999999999999",
      name + " = \"" + secret + "\"\n" + name + " = \"" + secret + "\"",
      misspelt + " = " + secret,
      misspelt + " = \"" + secret + "\"",
      "[[" + key.table + "]] " + name + " = \"" + secret + "\"",
      "[" + key.table + "] " + name + " " + secret,
      "[" + key.table + " " + name + " = " + secret,
      "\"" + name + "\" = " + secret,
      "x." + name + " = " + secret,
      "type = \"ping\"\n" + name + " = \"" + secret + "\"",
  };
}

TEST(Secret, KnowsTheKeysThatAreSecret) {
  std::set<std::string> names;
  for (const SecretKey& key : secret_keys()) names.insert(key.table + '.' + key.key);
  EXPECT_EQ(names, (std::set<std::string>{"ha.instance.auth_pass", "service.agent.send",
                                          "service.check.headers", "service.check.send",
                                          "service.real_server.check.headers",
                                          "service.real_server.check.send"}));
}

// A new key whose name sounds like a secret is one, or the path of a file, which is none.
TEST(Secret, MissesNoKeyThatSoundsSecret) {
  for (const ListedTable& table : list_keys()) {
    for (const ListedKey& key : table.keys) {
      const bool sounds = RE2::PartialMatch(
          key.name,
          "pass(_|w|$)|secret|token|credential|community|header|^send$|(^|_)(key|psk|pin)(_|$)");
      EXPECT_TRUE(!sounds || key.is_secret || key.name.ends_with("_file"))
          << table.path << '.' << key.name;
    }
  }
}

TEST(Secret, IsInNoMessageAboutTheFile) {
  for (const SecretKey& key : secret_keys()) {
    const Loaded good =
        load_text(file_with(key, good_line(key, std::string(kMarker))), "file", kFourCpus);
    EXPECT_EQ(format_mistakes("file", good.mistakes), "");
    std::size_t wrong = 0;
    for (const std::string& line : wrong_lines(key)) {
      const Loaded loaded = load_text(file_with(key, line), "file", kFourCpus);
      const std::string text = format_mistakes("file", loaded.mistakes);
      EXPECT_EQ(text.find(kMarker), std::string::npos) << line << '\n' << text;
      if (!loaded.mistakes.empty()) ++wrong;
    }
    EXPECT_GE(wrong + 3, wrong_lines(key).size()) << "a form of one kind of key may be good";
  }
}

TEST(Secret, IsInNoDifference) {
  for (const SecretKey& key : secret_keys()) {
    const auto config_with = [&](const std::string& line) {
      return load_text(file_with(key, line), "file", kFourCpus).config;
    };
    const Config without = config_with("");
    const Config first = config_with(good_line(key, std::string(kMarker)));
    const Config second = config_with(good_line(key, std::string(kMarker) + "2"));
    const auto line_of = [&](const Config& from, const Config& to) {
      const auto changes = diff(from, to);
      const auto found = std::ranges::find_if(changes, [&](const Change& change) {
        return change.text.find(": " + key.key + ' ') != std::string::npos;
      });
      for (const Change& change : changes) {
        EXPECT_EQ(change.text.find(kMarker), std::string::npos) << change.text;
      }
      return found == changes.end()
                 ? std::string("none")
                 : found->text.substr(found->text.rfind(": " + key.key + ' ') + 2);
    };
    if (key.table != "service.real_server.check") {  // that table is added or removed as a whole
      EXPECT_EQ(line_of(without, first), key.key + " not set -> (secret)");
      EXPECT_EQ(line_of(first, without), key.key + " (secret) -> not set");
    }
    EXPECT_EQ(line_of(first, second), key.key + " (secret) -> another (secret)");
    EXPECT_TRUE(diff(first, first).empty());
  }
}

TEST(Secret, PasswordsInUrlsAreHidden) {
  EXPECT_EQ(without_passwords("http://u:m4rk3r@h/ and ftp://a:b@c:1"),
            "http://u:***@h/ and ftp://a:***@c:1");
  EXPECT_EQ(without_passwords("smtp://:m4rk3r@h"), "smtp://:***@h");
  for (const char* text : {"http://h:80/a@b", "http://user@h/", "a:b@c", "http://h/?a=b:c@d"}) {
    EXPECT_EQ(without_passwords(text), text);
  }
  const SecretKey key{"ha.instance", "auth_pass", false};
  std::string wrong = file_with(key, "source = \"http://u:m4rk3r@h/\"");
  std::string text = format_mistakes("file", load_text(wrong, "file", kFourCpus).mistakes);
  EXPECT_NE(text.find("http://u:***@h/"), std::string::npos) << text;
  wrong = file_with(key, "source = http://u:m4rk3r@h/");
  text = format_mistakes("file", load_text(wrong, "file", kFourCpus).mistakes);
  EXPECT_NE(text.find("http://u:***@h/"), std::string::npos) << text;
}

}  // namespace
}  // namespace lb::config
