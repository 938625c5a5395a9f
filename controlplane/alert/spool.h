// The mail queue on disk, and the events that are not yet mailed. It survives kill -9 and a power
// cut: files are written under another name, synced and renamed.
//
//   FOLDER/00000000000000000042.mail    envelope and text; sent in the order of the numbers
//   FOLDER/00000000000000000043.events  of the next mail, a line each
//   FOLDER/failed/                      what the server refuses permanently, and incomplete files
//
// While the disk is not writable, mails are kept in memory. Used by one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/base/result.h"
#include "controlplane/alert/compose.h"

namespace lb::controlplane::alert {

// The content of a mail's file. nullopt: it is damaged, or was written in part.
std::string to_file(const Mail& mail);
std::optional<Mail> from_file(std::string_view content);
// The events in the content of a file of them, and how many lines are damaged. The end of the process
// may have cut the last line off: without its line end it does not count.
struct Notes {
  std::vector<Event> events;
  std::size_t damaged = 0;
};
Notes parse_notes(std::string_view content);

class Spool {
 public:
  // Creates the folder; if that fails, it is logged, and all is kept in memory. `recovered` gets
  // the events that a previous process had saved but not mailed.
  static Spool open(const std::string& folder, std::vector<Event>& recovered);
  Spool(Spool&& other) noexcept;
  Spool& operator=(Spool&&) = delete;
  ~Spool();

  // The number of the next mail.
  std::uint64_t next_number() const { return next_; }
  // Saves events of the next mail.
  Result<void> note(std::span<const Event> events);
  // Appends the mail to the queue; if this fails, in memory.
  Result<void> put(const Mail& mail);
  // Writes to disk what is in memory only.
  Result<void> save();

  std::size_t size() const { return queue_.size(); }
  // The numbers, in order.
  std::vector<std::uint64_t> numbers() const;
  Result<Mail> read(std::uint64_t number) const;
  // Replaces a mail.
  Result<void> replace(std::uint64_t number, const Mail& mail);
  // The mail is sent, or not worth keeping.
  void remove(std::uint64_t number);
  // Moves the mail to failed/, and removes the oldest ones there.
  void set_aside(std::uint64_t number);

 private:
  struct Item {
    std::uint64_t number;
    std::optional<Mail> mail;  // when it is not on disk
  };

  explicit Spool(std::string folder) : folder_(std::move(folder)) {}
  void load(std::vector<Event>& recovered);
  std::string path_of(std::uint64_t number, std::string_view ending) const;
  void close_notes();
  Result<void> write(std::uint64_t number, const Mail& mail);

  std::string folder_;
  std::deque<Item> queue_;
  std::uint64_t next_ = 1;
  int notes_ = -1;              // the open .events file
  std::int64_t notes_end_ = 0;  // behind the last complete line
};

}  // namespace lb::controlplane::alert
