#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/import/dpvs.h"

namespace lb::importer {
namespace {

constexpr std::uint32_t kMostConfSeconds = 168 * 3600;
constexpr std::uint32_t kMostConfConnections = 200'000'000;

// The words of a line, braces among them, without comments and <remarks>.
std::vector<std::string> split_conf_line(std::string_view line) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < line.size();) {
    const char c = line[i];
    if (c == ' ' || c == '\t' || c == '\r') {
      ++i;
    } else if (c == '!' || c == '#') {
      break;
    } else if (c == '<') {
      const std::size_t end = line.find('>', i);
      if (end == std::string_view::npos) break;
      i = end + 1;
    } else if (c == '{' || c == '}') {
      words.emplace_back(1, c);
      ++i;
    } else if (c == '"') {
      const std::size_t end = std::min(line.find('"', i + 1), line.size());
      words.emplace_back(line.substr(i + 1, end - i - 1));
      i = std::min(end + 1, line.size());
    } else {
      const std::size_t end = std::min(line.find_first_of(" \t\r<{}", i), line.size());
      words.emplace_back(line.substr(i, end - i));
      i = end;
    }
  }
  return words;
}

template <typename Use>
void each_conf_line(std::string_view text, Use use) {
  std::uint32_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    use(split_conf_line(text.substr(begin, end - begin)), ++number);
    begin = end + 1;
  }
}

// Times that are the same here.
struct ConfTime {
  std::string_view block;
  std::string_view name;
  std::string_view key;
  std::uint32_t here;  // the default, in seconds
};
constexpr auto kConfTimes = std::to_array<ConfTime>({
    {"ipvs_defs tcp timeout", "established", "tcp_established", 900},
    {"ipvs_defs tcp timeout", "syn_sent", "tcp_syn_sent", 30},
    {"ipvs_defs tcp timeout", "syn_recv", "tcp_syn_received", 30},
    {"ipvs_defs tcp timeout", "fin_wait", "tcp_fin_wait", 120},
    {"ipvs_defs tcp timeout", "time_wait", "tcp_time_wait", 60},
    {"ipvs_defs tcp timeout", "close", "tcp_closed", 10},
    {"ipvs_defs tcp timeout", "close_wait", "tcp_close_wait", 60},
    {"ipvs_defs tcp timeout", "last_ack", "tcp_last_ack", 30},
    {"ipvs_defs udp timeout", "normal", "udp", 300},
    {"ipvs_defs udp timeout", "oneway", "udp_unanswered", 30},
});

class DpvsConfReader {
 public:
  DpvsConfReader(const File& file, DpvsState& state, Context& context)
      : file_(file), state_(state), context_(context) {}

  void read() {
    each_conf_line(file_.text, [&](const std::vector<std::string>& words, std::uint32_t line) {
      place_ = {file_.path, line};
      std::vector<std::string> statement;
      for (const std::string& word : words) {
        if (word == "{") {
          open(statement);
        } else if (word == "}") {
          if (!statement.empty()) key(statement);
          close();
        } else {
          statement.push_back(word);
          continue;
        }
        statement.clear();
      }
      if (!statement.empty()) key(statement);
    });
    if (!blocks_.empty())
      error(blocks_.back(), "its block is not closed", "read as far as it goes");
    write_workers();
  }

 private:
  void error(std::string keyword, std::string there, std::string here = "left out") {
    context_.note(Severity::kError, place_, std::move(keyword), std::move(there), std::move(here));
  }

  // Whether it is known; a note for what is not the same, once per file and not for what is off.
  bool known(const std::vector<std::string>& statement) {
    if (skipped_ != 0) return false;
    const std::string& name = statement.front();
    const Keyword* const entry = find_keyword(dpvs_keywords(), block(), name);
    const bool off = statement.size() == 2 && statement[1] == "off";
    if (entry == nullptr || (!off && noted_.insert(block() + '/' + name).second)) {
      return context_.keyword(block(), name, place_) != nullptr;
    }
    return true;
  }

  std::string block() const { return blocks_.empty() ? "dpvs.conf" : blocks_.back(); }

  void open(const std::vector<std::string>& statement) {
    if (skipped_ != 0 || statement.empty() || !known(statement)) {
      if (skipped_ == 0 && statement.empty()) error("{", "a block without a name");
      ++skipped_;
      return;
    }
    blocks_.push_back(blocks_.empty() ? statement.front()
                                      : blocks_.back() + ' ' + statement.front());
    const std::string name = statement.size() > 1 ? statement[1] : "";
    if (block() == "netif_defs device" || block() == "netif_defs bonding") {
      if (name.empty()) error(statement.front(), "its name is missing");
      state_.devices.push_back({name, 0, place_});
    } else if (block() == "worker_defs worker") {
      type_.clear();
      cpu_.reset();
      worker_ = place_;
    }
  }

  void close() {
    if (skipped_ != 0) {
      --skipped_;
    } else if (blocks_.empty()) {
      error("}", "closes no block");
    } else {
      if (block() == "worker_defs worker") end_worker();
      blocks_.pop_back();
    }
  }

  void key(const std::vector<std::string>& statement) {
    if (!known(statement)) return;
    const std::string& name = statement.front();
    const std::string value = statement.size() > 1 ? statement[1] : "";
    // Lists of queues and CPUs, and a remark behind the options.
    if (statement.size() > 2 && !name.ends_with("_ids") && name != "options") {
      error(fmt::format("{} {} {}", name, value, statement[2]), "one value belongs to it",
            "the first one counts");
    }
    if (block() == "netif_defs device" || block() == "netif_defs bonding") {
      device_key(name, value);
    } else if (block() == "worker_defs worker") {
      if (name == "type") type_ = value;
      if (name == "cpu_id") cpu_ = ipvs_number(value, 4095, "cpu_id", place_, context_);
    } else if (block() == "ipvs_defs conn" && name == "conn_pool_size") {
      connections(value);
    } else {
      const auto time = std::find_if(kConfTimes.begin(), kConfTimes.end(), [&](const auto& each) {
        return each.block == block() && each.name == name;
      });
      if (time != kConfTimes.end()) set_time(*time, value);
    }
  }

  void device_key(const std::string& name, const std::string& value) {
    if (name == "slave") {
      state_.slaves.insert(value);
    } else if (name == "mtu") {
      const auto mtu = ipvs_number(value, 9216, "mtu", place_, context_);
      if (mtu && *mtu >= 576) {
        state_.devices.back().mtu = static_cast<std::uint16_t>(*mtu);
      } else if (mtu) {
        error("mtu " + value, "less than 576");
      }
    }
  }

  void end_worker() {
    if (!cpu_ || type_ == "kni") return;
    if (type_ == "master") {
      main_ = cpu_;
    } else if (type_ == "slave" || type_.empty()) {
      lcores_.push_back(*cpu_);
      if (lcores_.size() == 1) workers_ = worker_;
    } else {
      context_.note(Severity::kError, worker_, "type " + type_, "neither master, slave nor kni",
                    "left out");
    }
  }

  void write_workers() {
    Table& table = context_.draft.dataplane();
    if (main_ && *main_ != 0) table.number("main_lcore", *main_, workers_);
    if (lcores_.empty()) return;
    std::sort(lcores_.begin(), lcores_.end());
    lcores_.erase(std::unique(lcores_.begin(), lcores_.end()), lcores_.end());
    std::string list;
    for (std::size_t i = 0; i < lcores_.size();) {
      std::size_t end = i;
      while (end + 1 < lcores_.size() && lcores_[end + 1] == lcores_[end] + 1) ++end;
      list += fmt::format("{}{}", list.empty() ? "" : ",", lcores_[i]);
      if (end != i) list += fmt::format("-{}", lcores_[end]);
      i = end + 1;
    }
    table.text("lcores", list, workers_)
        .comment_on("lcores", "CPUs; those of dpvs.conf, unless dpvs had -l or --lcores");
  }

  void connections(const std::string& value) {
    const auto count = ipvs_number(value, kMostConfConnections, "conn_pool_size", place_, context_);
    if (!count || *count == 0) return;
    Table& table = context_.draft.dataplane();
    table.number("max_connections", *count, place_);
    // As config/ballast.toml says: 64 MiB for packets, and about 110 bytes for each.
    const std::uint64_t megabytes = 128 + (std::uint64_t{*count} * 112 >> 20);
    if (megabytes > 1024) {
      table.number("memory_mb", static_cast<std::int64_t>(megabytes), place_);
    }
  }

  void set_time(const ConfTime& time, const std::string& value) {
    const std::string keyword = fmt::format("{} {}", time.block, time.name);
    const auto given = ipvs_number(value, 0x7fffffff, keyword, place_, context_);
    if (!given || *given == 0) return;
    const std::uint32_t seconds = std::min(*given, kMostConfSeconds);
    if (seconds != *given) {
      context_.note(Severity::kWarning, place_, keyword + ' ' + value, {},
                    "168h, the longest here");
    }
    Table& table = context_.draft.dataplane().table("timeouts", place_);
    table.remove(time.key);
    if (seconds == time.here) return;
    table.duration(time.key, config::Milliseconds{std::int64_t{seconds} * 1000}, place_);
  }

  const File& file_;
  DpvsState& state_;
  Context& context_;
  Place place_;
  std::vector<std::string> blocks_;  // "ipvs_defs", "ipvs_defs tcp"
  std::size_t skipped_ = 0;          // blocks that are open and not known
  std::unordered_set<std::string> noted_;
  // The worker that is being read, and all of them.
  std::string type_;
  std::optional<std::uint32_t> cpu_;
  Place worker_;
  std::optional<std::uint32_t> main_;
  std::vector<std::uint32_t> lcores_;
  Place workers_;
};

}  // namespace

bool is_dpvs_conf(const File& file) {
  bool found = false;
  each_conf_line(file.text, [&](const std::vector<std::string>& words, std::uint32_t) {
    found = found || (words.size() > 1 && words[1] == "{" &&
                      find_keyword(dpvs_keywords(), "dpvs.conf", words[0]) != nullptr);
  });
  return found;
}

void read_dpvs_conf(const File& file, DpvsState& state, Context& context) {
  DpvsConfReader(file, state, context).read();
}

}  // namespace lb::importer
