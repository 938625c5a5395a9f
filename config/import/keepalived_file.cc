#include "config/import/keepalived_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/import/keepalived_lines.h"
#include "config/secret.h"

namespace lb::importer::keepalived {
namespace {

constexpr std::size_t kMaxDepth = 16;

// Keywords whose argument is a command, in which a backslash has the meaning of a shell's $'...'.
constexpr auto kCommands = std::to_array<std::string_view>(
    {"script", "misc_path", "notify", "notify_master", "notify_backup", "notify_fault",
     "notify_stop", "notify_deleted", "notify_up", "notify_down", "quorum_up", "quorum_down"});

// Up to three digits of this base.
unsigned digits_of(std::string_view text, std::size_t& at, unsigned base, std::size_t most) {
  unsigned value = 0;
  for (std::size_t end = std::min(text.size(), at + most); at < end; ++at) {
    const char c = text[at];
    const bool letter = base == 16 && ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
    if (!letter && (c < '0' || c > (base == 16 ? '9' : '7'))) break;
    value = value * base + static_cast<unsigned>(letter ? (c | 0x20) - 'a' + 10 : c - '0');
  }
  return value;
}

// What is behind the backslash at text[at - 1]; moves `at` behind it. keepalived.conf(5), "Quoted
// strings".
char escaped(std::string_view text, std::size_t& at) {
  constexpr std::string_view kFrom = "abEfnrtv";
  constexpr std::string_view kTo = "\a\b\x1b\f\n\r\t\v";
  const char c = text[at];
  if (const std::size_t known = kFrom.find(c); known != std::string_view::npos) {
    ++at;
    return kTo[known];
  }
  if (c >= '0' && c <= '7') return static_cast<char>(digits_of(text, at, 8, 3));
  ++at;
  if (c == 'x') return static_cast<char>(digits_of(text, at, 16, 2));
  return c;
}

struct Words {
  std::vector<std::string> words;
  bool is_unmatched = false;  // a quote
};

// A quoted word begins with a mark, so that a quoted brace is no brace.
Words words_of(std::string_view text) {
  Words result;
  std::vector<std::string>& words = result.words;
  for (std::size_t i = 0; i < text.size();) {
    if (is_space(text[i])) {
      ++i;
    } else if (text[i] == '{' || text[i] == '}') {
      words.emplace_back(1, text[i++]);
    } else if (text[i] == '"') {
      const bool escapes = !words.empty() && is_one_of(kCommands, words.front());
      std::string word = "\"";
      for (++i; i < text.size() && text[i] != '"';) {
        if (escapes && text[i] == '\\' && i + 1 < text.size()) {
          word += escaped(text, ++i);
        } else {
          word += text[i++];
        }
      }
      result.is_unmatched = result.is_unmatched || i == text.size();
      ++i;
      words.push_back(std::move(word));
    } else {
      const std::size_t begin = i;
      while (i < text.size() && !is_space(text[i]) && text[i] != '{' && text[i] != '}' &&
             text[i] != '"')
        ++i;
      words.emplace_back(text.substr(begin, i - begin));
    }
  }
  return result;
}

// Keywords that open a block. A block behind another one is two statements on a line, of which
// keepalived would read the first.
constexpr auto kBlocks = std::to_array<std::string_view>({"global_defs",
                                                          "notification_email",
                                                          "static_ipaddress",
                                                          "static_routes",
                                                          "static_rules",
                                                          "track_group",
                                                          "garp_group",
                                                          "linkbeat_interfaces",
                                                          "interface_up_down_delays",
                                                          "vrrp_script",
                                                          "vrrp_track_process",
                                                          "vrrp_track_file",
                                                          "track_file",
                                                          "track_process",
                                                          "vrrp_sync_group",
                                                          "group",
                                                          "vrrp_instance",
                                                          "authentication",
                                                          "virtual_ipaddress",
                                                          "virtual_ipaddress_excluded",
                                                          "virtual_routes",
                                                          "virtual_rules",
                                                          "unicast_peer",
                                                          "track_interface",
                                                          "track_script",
                                                          "track_bfd",
                                                          "virtual_server_group",
                                                          "virtual_server",
                                                          "real_server",
                                                          "TCP_CHECK",
                                                          "HTTP_GET",
                                                          "SSL_GET",
                                                          "SMTP_CHECK",
                                                          "DNS_CHECK",
                                                          "MISC_CHECK",
                                                          "PING_CHECK",
                                                          "UDP_CHECK",
                                                          "FILE_CHECK",
                                                          "BFD_CHECK",
                                                          "url",
                                                          "host",
                                                          "SSL",
                                                          "bfd_instance",
                                                          "process_names"});

// Keywords with one argument.
constexpr auto kSingle = std::to_array<std::string_view>({"state",
                                                          "interface",
                                                          "virtual_router_id",
                                                          "priority",
                                                          "advert_int",
                                                          "auth_type",
                                                          "auth_pass",
                                                          "weight",
                                                          "interval",
                                                          "rise",
                                                          "fall",
                                                          "delay_loop",
                                                          "lb_algo",
                                                          "lvs_sched",
                                                          "lb_kind",
                                                          "protocol",
                                                          "persistence_timeout",
                                                          "persistence_granularity",
                                                          "quorum",
                                                          "hysteresis",
                                                          "connect_timeout",
                                                          "connect_port",
                                                          "connect_ip",
                                                          "bindto",
                                                          "retry",
                                                          "nb_get_retry",
                                                          "delay_before_retry",
                                                          "path",
                                                          "virtualhost",
                                                          "router_id",
                                                          "uthreshold",
                                                          "lthreshold",
                                                          "mcast_src_ip",
                                                          "unicast_src_ip",
                                                          "preempt_delay",
                                                          "misc_timeout",
                                                          "version"});

class TreeMaker {
 public:
  explicit TreeMaker(Tree& tree) : tree_(tree) { open_.push_back(&tree.statements); }

  void add(const Line& line) {
    Statement statement;
    statement.place = line.place;
    Words words = words_of(line.text);
    if (words.is_unmatched) {
      tree_.notes.push_back({Severity::kError,
                             line.place,
                             "\"",
                             {},
                             "a quote without its end: read up to the end of the line"});
    }
    for (std::string& word : words.words) {
      if (word == "{") {
        begin_block(statement, line.place);
      } else if (word == "}") {
        finish(statement);
        end_block(line.place);
      } else {
        statement.words.push_back(word.starts_with('"') ? word.substr(1) : std::move(word));
      }
    }
    finish(statement);
  }

  void end(const Place& place) {
    if (open_.size() > 1) {
      tree_.notes.push_back({Severity::kError, place, "}",
                             fmt::format("{} of {} is not closed at the end of the file",
                                         names_.back(), opened_.back().to_string()),
                             "or one that begins after it"});
    }
  }

 private:
  void finish(Statement& statement) {
    if (statement.words.empty()) return;
    const bool reverse = statement.words.size() == 3 && statement.name() == "weight" &&
                         statement.words[2].ends_with("reverse");
    if (statement.words.size() > 2 && !reverse && is_one_of(kSingle, statement.name())) {
      tree_.notes.push_back(
          {Severity::kError, statement.place, statement.name(),
           config::may_be_secret(statement.name()) ? std::string(config::kSecretShown)
                                                   : statement.arguments(),
           "it has one argument: the rest is left out; each keyword needs a line of its own"});
    }
    open_.back()->push_back(statement);
    statement.words.clear();
  }

  void begin_block(Statement& statement, const Place& place) {
    std::vector<Statement>& siblings = *open_.back();
    // The brace may stand on the line after.
    if (!statement.words.empty()) {
      if (statement.words.size() > 1 && !is_one_of(kBlocks, statement.name())) {
        tree_.notes.push_back(
            {Severity::kError, place, statement.name(), statement.arguments() + " {",
             "it has no block: the block is left out; each keyword needs a line of its own"});
      }
      siblings.push_back(statement);
      statement.words.clear();
    } else if (siblings.empty() || siblings.back().has_block) {
      tree_.notes.push_back({Severity::kError, place, "{", {}, "a block without a name"});
      siblings.push_back({{"{"}, {}, false, place});
    }
    if (open_.size() >= kMaxDepth) {
      tree_.notes.push_back(
          {Severity::kError, place, "{", {}, "blocks go too deep, one in the other"});
      ++ignored_;
      return;
    }
    names_.push_back(siblings.back().name());
    opened_.push_back(place);
    siblings.back().has_block = true;
    open_.push_back(&siblings.back().block);
  }

  void end_block(const Place& place) {
    if (ignored_ > 0) {
      --ignored_;
    } else if (open_.size() > 1) {
      open_.pop_back();
      names_.pop_back();
      opened_.pop_back();
    } else {
      tree_.notes.push_back({Severity::kError, place, "}", {}, "there is no block to close"});
    }
  }

  Tree& tree_;
  std::vector<std::vector<Statement>*> open_;
  std::vector<std::string> names_;  // of the open blocks, and where each begins
  std::vector<Place> opened_;
  int ignored_ = 0;
};

}  // namespace

std::string Statement::arguments() const {
  std::string text;
  for (std::size_t i = 1; i < words.size(); ++i) text += (i > 1 ? " " : "") + words[i];
  return text;
}

Tree read_tree(const File& file, const Options& options, std::string_view id) {
  Lines lines = read_lines(file, options, id);
  Tree tree;
  tree.notes = std::move(lines.notes);
  tree.node_names.assign(lines.node_names.begin(), lines.node_names.end());
  TreeMaker maker(tree);
  Place last{file.path, 0};
  for (const Line& line : lines.lines) {
    maker.add(line);
    last = line.place;
  }
  maker.end(last);
  return tree;
}

}  // namespace lb::importer::keepalived
