#include "controlplane/alert/spool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <map>
#include <utility>

#include "config/base/log.h"
#include "config/base/read_file.h"

namespace lb::controlplane::alert {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFolderMode = 0700;  // names of servers and recipients are private
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kMostFailed = 100;
constexpr std::string_view kMail = ".mail";
constexpr std::string_view kEvents = ".events";
constexpr std::string_view kNew = ".new";  // incomplete
constexpr std::string_view kFailed = "failed";
constexpr std::size_t kMaxFileBytes = std::size_t{64} << 20;
// The first line of a mail's file, with the size of its text in bytes.
constexpr std::string_view kMagic = "ballast-mail ";

tl::unexpected<Error> failed(const std::string& path, int error) {
  return fail(path + ": " + std::strerror(error));
}

// The number in "00000000000000000042.mail"; nullopt: it is another file.
std::optional<std::uint64_t> number_of(const std::string& name, std::string_view ending) {
  if (!name.ends_with(ending)) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = name.data() + name.size() - ending.size();
  const auto [stop, error] = std::from_chars(name.data(), end, number);
  if (error != std::errc() || stop != end || number == 0) return std::nullopt;
  return number;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

// A file name is on disk when its folder is synced.
bool sync_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool good = fsync(fd) == 0;
  close(fd);
  return good;
}

// Adds the events.
void read_notes(const std::string& path, std::vector<Event>& out) {
  const auto content = read_own_file(path, kMaxFileBytes);
  if (!content) {
    log::warning("{} {}; its events are not mailed", path, content.error().message);
    return;
  }
  Notes notes = parse_notes(*content);
  std::move(notes.events.begin(), notes.events.end(), std::back_inserter(out));
  if (notes.damaged != 0) {
    log::warning("{} has {} damaged lines, which are not mailed", path, notes.damaged);
  }
}

}  // namespace

std::string to_file(const Mail& mail) {
  std::string out = fmt::format("{}{}\n{}\n", kMagic, mail.text.size(), mail.from);
  for (const std::string& to : mail.to) out += to + '\n';
  return out + '\n' + mail.text;
}

std::optional<Mail> from_file(std::string_view content) {
  const auto line = [&content] {
    const auto end = content.find('\n');
    const std::string_view found = content.substr(0, end);
    content.remove_prefix(end == std::string_view::npos ? content.size() : end + 1);
    return found;
  };
  std::string_view first = line();
  if (!first.starts_with(kMagic)) return std::nullopt;
  first.remove_prefix(kMagic.size());
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(first.data(), first.data() + first.size(), size);
  if (error != std::errc() || end != first.data() + first.size()) return std::nullopt;
  Mail mail;
  mail.from = line();
  for (std::string_view to = line(); !to.empty(); to = line()) mail.to.emplace_back(to);
  if (content.size() != size || mail.from.empty() || mail.to.empty()) return std::nullopt;
  mail.text = content;
  return mail;
}

Notes parse_notes(std::string_view content) {
  Notes notes;
  for (auto end = content.find('\n'); end != std::string_view::npos; end = content.find('\n')) {
    if (auto event = decode(content.substr(0, end))) {
      notes.events.push_back(std::move(*event));
    } else {
      ++notes.damaged;
    }
    content.remove_prefix(end + 1);
  }
  return notes;
}

Spool::Spool(Spool&& other) noexcept
    : folder_(std::move(other.folder_)),
      queue_(std::move(other.queue_)),
      next_(other.next_),
      notes_(std::exchange(other.notes_, -1)),
      notes_end_(other.notes_end_) {}

Spool::~Spool() {
  if (notes_ >= 0) close(notes_);
}

std::string Spool::path_of(std::uint64_t number, std::string_view ending) const {
  return fmt::format("{}/{:020}{}", folder_, number, ending);
}

Spool Spool::open(const std::string& folder, std::vector<Event>& recovered) {
  Spool spool(folder);
  for (const std::string& each : {folder, folder + '/' + std::string(kFailed)}) {
    if (mkdir(each.c_str(), kFolderMode) == 0 || errno == EEXIST) continue;
    log::error("cannot create the folder of the mail queue: {}: {}", each, std::strerror(errno));
  }
  spool.load(recovered);
  return spool;
}

void Spool::load(std::vector<Event>& recovered) {
  std::map<std::uint64_t, std::string> notes;
  std::error_code error;
  std::uint64_t last = 0;
  for (const auto& entry : fs::directory_iterator(folder_ + '/' + std::string(kFailed), error)) {
    last = std::max(last, number_of(entry.path().filename().string(), kMail).value_or(0));
  }
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(kNew)) {
      unlink(entry.path().c_str());
    } else if (const auto mail = number_of(name, kMail)) {
      queue_.push_back({*mail, std::nullopt});
      last = std::max(last, *mail);
    } else if (const auto number = number_of(name, kEvents)) {
      notes[*number] = entry.path().string();
      last = std::max(last, *number);
    }
  }
  if (error) log::error("{}: {}", folder_, error.message());
  std::ranges::sort(queue_, {}, &Item::number);
  next_ = last + 1;
  for (const auto& [number, path] : notes) {
    // With a mail of the same number the events are mailed already: the process ended before
    // unlink().
    if (!std::ranges::binary_search(queue_, number, {}, &Item::number)) {
      read_notes(path, recovered);
    }
  }
  // Saved again before the old files are removed.
  if (!recovered.empty() && !note(recovered)) return;
  for (const auto& [number, path] : notes) unlink(path.c_str());
}

Result<void> Spool::note(std::span<const Event> events) {
  const std::string path = path_of(next_, kEvents);
  if (notes_ < 0) {
    notes_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
    if (notes_ < 0) return failed(path, errno);
    notes_end_ = 0;
    sync_folder(folder_);
  }
  std::string lines;
  for (const Event& event : events) lines += encode(event) + '\n';
  if (write_all(notes_, lines) && fdatasync(notes_) == 0) {
    notes_end_ += static_cast<std::int64_t>(lines.size());
    return {};
  }
  const int error = errno;
  // A partial line would damage the next one.
  if (ftruncate(notes_, notes_end_) == 0) lseek(notes_, notes_end_, SEEK_SET);
  return failed(path, error);
}

void Spool::close_notes() {
  if (notes_ < 0) return;
  close(std::exchange(notes_, -1));
}

Result<void> Spool::write(std::uint64_t number, const Mail& mail) {
  const std::string path = path_of(number, kMail);
  const std::string aside = path + std::string(kNew);
  const int fd = ::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode);
  if (fd < 0) return failed(aside, errno);
  bool good = write_all(fd, to_file(mail)) && fsync(fd) == 0;
  int error = errno;
  close(fd);
  if (good && rename(aside.c_str(), path.c_str()) != 0) {
    good = false;
    error = errno;
  }
  if (good) {
    sync_folder(folder_);
    return {};
  }
  unlink(aside.c_str());
  return failed(path, error);
}

Result<void> Spool::put(const Mail& mail) {
  const std::uint64_t number = next_++;
  close_notes();
  queue_.push_back({number, mail});
  return save();
}

Result<void> Spool::save() {
  for (Item& item : queue_) {
    if (!item.mail) continue;
    if (auto written = write(item.number, *item.mail); !written) return written;
    item.mail.reset();
    unlink(path_of(item.number, kEvents).c_str());
  }
  return {};
}

std::vector<std::uint64_t> Spool::numbers() const {
  std::vector<std::uint64_t> out;
  for (const Item& item : queue_) out.push_back(item.number);
  return out;
}

Result<Mail> Spool::read(std::uint64_t number) const {
  const auto found = std::ranges::find(queue_, number, &Item::number);
  if (found != queue_.end() && found->mail) return *found->mail;
  const std::string path = path_of(number, kMail);
  const auto content = read_own_file(path, kMaxFileBytes);
  if (!content) return fail(path + ' ' + content.error().message);
  if (auto mail = from_file(*content)) return std::move(*mail);
  return fail(path + " is not a complete mail");
}

Result<void> Spool::replace(std::uint64_t number, const Mail& mail) {
  const auto found = std::ranges::find(queue_, number, &Item::number);
  if (found == queue_.end()) return {};
  found->mail = mail;
  return save();
}

void Spool::remove(std::uint64_t number) {
  std::erase_if(queue_, [number](const Item& item) { return item.number == number; });
  unlink(path_of(number, kMail).c_str());
  unlink(path_of(number, kEvents).c_str());
}

void Spool::set_aside(std::uint64_t number) {
  const std::string folder = folder_ + '/' + std::string(kFailed);
  const std::string path = path_of(number, kMail);
  const std::string name = path.substr(folder_.size());
  if (rename(path.c_str(), (folder + name).c_str()) != 0 && errno != ENOENT) {
    log::warning("{} cannot be moved to failed/ and is removed: {}", path, std::strerror(errno));
  }
  remove(number);
  std::vector<std::string> all;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) all.push_back(entry.path());
  std::ranges::sort(all);
  for (std::size_t i = 0; i + kMostFailed < all.size(); ++i) unlink(all[i].c_str());
}

}  // namespace lb::controlplane::alert
