// Field table of the sync link.
#pragma once

#include "controlplane/view/field.h"
#include "controlplane/view/sync.h"

namespace lb::view {

constexpr auto fields(const Sync*) {
  return std::tuple(
      field("connected", &Sync::connected, "Whether the link is up."),
      field("listen", &Sync::listen, "The address here."),
      field("peer", &Sync::peer, "The peer's address."),
      field("sync_id", &Sync::sync_id, "As it is configured."),
      field("sessions", &Sync::sessions, "How often the link came up.", {.counter = true}),
      field("complete", &Sync::complete, "Whether this table has all that the peer's has."),
      field("peer_complete", &Sync::peer_complete, "Whether the peer's has all that this one has."),
      field("last_batch", &Sync::last_batch, "Number of the last batch of this session."),
      field("watermark", &Sync::watermark, "Number of the last one that the peer acknowledged."),
      field("lag_ms", &Sync::lag_ms, "Age of the oldest batch that is not acknowledged.",
            {.unit = "ms"}),
      field("lag_bytes", &Sync::lag_bytes, "Size of what is not acknowledged.", {.unit = "bytes"}),
      field("pending_entries", &Sync::pending_entries, "Changes that wait in the workers' rings."),
      field("batches_sent", &Sync::batches_sent, "Batches to the peer.", {.counter = true}),
      field("batches_received", &Sync::batches_received, "Batches from the peer.",
            {.counter = true}),
      field("bytes_sent", &Sync::bytes_sent, "Bytes to the peer.",
            {.unit = "bytes", .counter = true}),
      field("bytes_received", &Sync::bytes_received, "Bytes from the peer.",
            {.unit = "bytes", .counter = true}),
      field("changed_entries", &Sync::changed_entries,
            "Connections sent because they began or changed.", {.counter = true}),
      field("ended_entries", &Sync::ended_entries, "Connections sent because they ended.",
            {.counter = true}),
      field("refreshed_entries", &Sync::refreshed_entries,
            "Connections sent because they are still active.", {.counter = true}),
      field("walked_entries", &Sync::walked_entries, "Connections sent by walks of the table.",
            {.counter = true}),
      field("walks", &Sync::walks, "Walks of the whole table.", {.counter = true}),
      field("lost_changes", &Sync::lost_changes,
            "Changes that found a full ring and were recovered by a walk.", {.counter = true}),
      field("lost_ends", &Sync::lost_ends, "Likewise, ends of connections.", {.counter = true}),
      field("imports", &Sync::imports, "Results of the connections that the peer sent."),
      field("refusals", &Sync::refusals, "Attempts to connect that were refused, by reason."));
}

}  // namespace lb::view
