#include "config/base/log_limit.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "config/base/blocked_signals.h"

namespace lb {
namespace {

constexpr std::size_t kMaxKeyBytes = 128;
constexpr const char* kOthers = "\n";  // no kind and no source has this name

template <typename T>
using ByName = std::map<std::string, T, std::less<>>;

}  // namespace

struct LogLimit::Table : std::enable_shared_from_this<Table> {
  struct Source {
    std::optional<Clock::time_point> begun;  // the period
    unsigned written = 0;                    // in it
    std::uint64_t left_out = 0;
    log::Level level = log::Level::kInfo;
    std::string held_back;  // the last one of those that were left out; empty: none
  };
  using Sources = ByName<Source>;

  Table(unsigned most, std::chrono::milliseconds time) : lines(most), period(time) {}

  bool is_over(const Source& source, Clock::time_point now) const {
    return !source.begun || now - *source.begun >= period;
  }
  Source& find(std::string_view kind, std::string_view source, Clock::time_point now);
  std::optional<std::uint64_t> admit(Source& of, Clock::time_point now) const;
  // When the next line may be written.
  std::optional<Clock::time_point> report(Clock::time_point now);

  const unsigned lines;
  const std::chrono::milliseconds period;
  std::mutex mutex;  // of what follows
  ByName<Sources> kinds;
};

// Calls report() of tables in time.
class LogLimit::Reporter {
 public:
  static void watch(const std::shared_ptr<Table>& table, Clock::time_point due) {
    static Reporter reporter;
    if (gone_) return;
    const std::lock_guard lock(reporter.mutex_);
    reporter.add(table, due);
    reporter.changed_.notify_one();
  }
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

 private:
  Reporter() {
    const BlockedSignals blocked;
    thread_ = std::thread([this] { run(); });
  }
  ~Reporter() {
    gone_ = true;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }

  void add(const std::weak_ptr<Table>& table, Clock::time_point due) {
    const auto [known, is_new] = due_.emplace(table, due);
    if (!is_new) known->second = std::min(known->second, due);
  }

  void run() {
    pthread_setname_np(pthread_self(), "log-limit");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      const auto first =
          std::min_element(due_.begin(), due_.end(),
                           [](const auto& a, const auto& b) { return a.second < b.second; });
      if (first == due_.end()) {
        changed_.wait(lock);
      } else if (const auto next = first->second; next > Clock::now()) {
        changed_.wait_until(lock, next);
      } else {
        const auto table = first->first.lock();
        due_.erase(first);
        lock.unlock();
        const auto again = table ? table->report(Clock::now()) : std::nullopt;
        lock.lock();
        if (again) add(table, *again);
      }
    }
  }

  inline static std::atomic<bool> gone_{false};  // used by objects that are destroyed later

  std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::map<std::weak_ptr<Table>, Clock::time_point, std::owner_less<>> due_;  // a few
  bool stopping_ = false;
  std::thread thread_;
};

LogLimit::Table::Source& LogLimit::Table::find(std::string_view kind, std::string_view source,
                                               Clock::time_point now) {
  const auto quiet = [&](const auto& each) {
    return is_over(each.second, now) && each.second.held_back.empty();
  };
  const auto find_in =
      [](auto& all, std::string_view name, std::size_t most, const auto& unused) -> auto& {
    const std::string key(name.substr(0, kMaxKeyBytes));
    if (const auto known = all.find(key); known != all.end()) return known->second;
    // What the unused ones left out is not worth a line any more.
    if (all.size() >= most) std::erase_if(all, unused);
    return all[all.size() < most ? key : kOthers];
  };
  Sources& sources = find_in(kinds, kind, kMaxKinds, [&](const auto& each) {
    return std::all_of(each.second.begin(), each.second.end(), quiet);
  });
  return find_in(sources, source, kMaxSources, quiet);
}

std::optional<std::uint64_t> LogLimit::Table::admit(Source& of, Clock::time_point now) const {
  if (is_over(of, now)) {
    of.begun = now;
    of.written = 0;
  }
  if (of.written >= lines) {
    ++of.left_out;
    return std::nullopt;
  }
  ++of.written;
  of.held_back.clear();
  return std::exchange(of.left_out, 0);
}

std::optional<LogLimit::Clock::time_point> LogLimit::Table::report(Clock::time_point now) {
  std::optional<Clock::time_point> next;
  const std::lock_guard lock(mutex);
  for (auto& [kind, sources] : kinds) {
    for (auto& [name, source] : sources) {
      if (source.held_back.empty()) continue;
      if (!is_over(source, now)) {
        next = std::min(next.value_or(Clock::time_point::max()), *source.begun + period);
        continue;
      }
      log::write(source.level,
                 fmt::format("{} (the last of {} such line{} held back)", source.held_back,
                             source.left_out, source.left_out == 1 ? "" : "s"));
      source = {now, 1, 0, source.level, {}};
    }
  }
  return next;
}

LogLimit::LogLimit(unsigned lines, std::chrono::milliseconds period)
    : table_(std::make_shared<Table>(lines, period)) {}

LogLimit::~LogLimit() = default;
LogLimit::LogLimit(LogLimit&&) noexcept = default;
LogLimit& LogLimit::operator=(LogLimit&&) noexcept = default;

std::optional<std::uint64_t> LogLimit::admit(std::string_view kind, std::string_view source,
                                             Clock::time_point now) {
  const std::lock_guard lock(table_->mutex);
  return table_->admit(table_->find(kind, source, now), now);
}

void LogLimit::write(log::Level level, const std::string& line, std::uint64_t left_out) {
  log::write(level, left_out == 0 ? line
                                  : fmt::format("{} ({} such line{} left out before)", line,
                                                left_out, left_out == 1 ? "" : "s"));
}

void LogLimit::write_at(Clock::time_point now, log::Level level, std::string_view kind,
                        std::string_view source, std::string line) {
  std::optional<Clock::time_point> due;
  {
    // Written under the lock: the thread may have an older line of this source.
    const std::lock_guard lock(table_->mutex);
    Table::Source& of = table_->find(kind, source, now);
    if (const auto left_out = table_->admit(of, now)) return write(level, line, *left_out);
    if (of.held_back.empty()) due = *of.begun + table_->period;
    of.level = level;
    of.held_back = std::move(line);
  }
  if (due) Reporter::watch(table_, *due);
}

void LogLimit::forget(std::string_view kind, std::string_view source) {
  const std::lock_guard lock(table_->mutex);
  const auto sources = table_->kinds.find(kind.substr(0, kMaxKeyBytes));
  if (sources == table_->kinds.end()) return;
  const auto found = sources->second.find(source.substr(0, kMaxKeyBytes));
  if (found != sources->second.end()) found->second.held_back.clear();
}

void LogLimit::report(Clock::time_point now) {
  table_->report(now);
}

}  // namespace lb
