// The mails that wait, on disk, and the events that wait to become one. What was told is there
// after a kill -9 or a power cut: files are written aside, synced and renamed.
//
//   FOLDER/00000000000000000042.mail    envelope and text; sent in the order of the numbers
//   FOLDER/00000000000000000043.events  of the mail that is being gathered, a line each
//   FOLDER/failed/                      what the server refuses for good, and what is not whole
//
// While the disk cannot be written to, mails are kept in memory. Used by one thread.
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

class Spool {
 public:
  // Makes the folder; when that fails, which is logged, all is kept in memory. `recovered` gets the
  // events that a previous process had noted but not mailed.
  static Spool open(const std::string& folder, std::vector<Event>& recovered);
  Spool(Spool&& other) noexcept;
  Spool& operator=(Spool&&) = delete;
  ~Spool();

  // The number of the mail that is being gathered.
  std::uint64_t next_number() const { return next_; }
  // Notes events of the mail that is being gathered.
  Result<void> note(std::span<const Event> events);
  // The mail that was gathered joins the queue; it does so when this fails, too, in memory.
  Result<void> put(const Mail& mail);
  // Writes what is in memory only.
  Result<void> save();

  std::size_t size() const { return queue_.size(); }
  // The numbers, in order.
  std::vector<std::uint64_t> numbers() const;
  Result<Mail> read(std::uint64_t number) const;
  // Another mail in its place.
  Result<void> replace(std::uint64_t number, const Mail& mail);
  // The mail is sent, or not worth keeping.
  void remove(std::uint64_t number);
  // The mail is put aside for the operator; the oldest there make room.
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
  std::int64_t notes_end_ = 0;  // behind the last whole line
};

}  // namespace lb::controlplane::alert
