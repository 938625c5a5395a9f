// `show sync`.
#include <fmt/format.h>

#include "controlplane/view/as_text.h"
#include "controlplane/view/columns.h"
#include "controlplane/view/sync.h"

namespace lb::view {
namespace {

std::string_view plural(std::uint64_t count) {
  return count == 1 ? "" : "s";
}

std::string counts_text(const Sync& sync) {
  using enum Align;
  Columns columns({kLeft, kRight, kLeft});
  const auto add = [&columns](const std::vector<CountRow>& rows) {
    for (const CountRow& row : rows) {
      columns.row({row.name, std::to_string(row.count), row.description});
    }
  };
  columns.row({"Imported", "Entries", "Meaning"});
  add(sync.imports);
  columns.row({"Refused", "Times", "Meaning"});
  add(sync.refusals);
  return columns.text();
}

}  // namespace

std::string as_text(const Sync& answer) {
  std::string text = fmt::format(
      "Link: {} to {}, sync_id {}: {}\n", answer.listen, answer.peer, answer.sync_id,
      answer.connected ? fmt::format("up ({} session{})", answer.sessions, plural(answer.sessions))
                       : "down");
  text += fmt::format("Table: complete here: {}, at the peer: {}\n", answer.complete ? "yes" : "no",
                      answer.peer_complete ? "yes" : "no");
  text += fmt::format(
      "Watermark: batch {} of {}; lag {} ms, {} bytes; {} entries wait in the rings\n",
      answer.watermark, answer.last_batch, answer.lag_ms, answer.lag_bytes, answer.pending_entries);
  text += fmt::format("Batches: {} sent, {} received; bytes: {} sent, {} received\n",
                      answer.batches_sent, answer.batches_received, answer.bytes_sent,
                      answer.bytes_received);
  text += fmt::format("Sent: {} changed, {} ended, {} refreshed, {} by {} walk{} of the table\n",
                      answer.changed_entries, answer.ended_entries, answer.refreshed_entries,
                      answer.walked_entries, answer.walks, plural(answer.walks));
  text += fmt::format("Full rings: {} changes, {} ends; all were recovered by walks\n",
                      answer.lost_changes, answer.lost_ends);
  return text + counts_text(answer);
}

}  // namespace lb::view
