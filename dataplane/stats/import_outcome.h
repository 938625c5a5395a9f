// What became of an entry that the HA peer sent. One table, as with the drop reasons: the name is
// what `lbcli show sync` prints.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace lb {

#define LB_IMPORT_OUTCOMES(X)                                                               \
  X(created, "a connection that was unknown here")                                          \
  X(updated, "a known connection, updated")                                                 \
  X(replaced, "a known connection that has another real server now")                        \
  X(ended, "a connection that ended")                                                       \
  X(swept, "a connection missing at the peer after a complete transfer")                    \
  X(kept, "ignored: this director is master of the VIP")                                    \
  X(unmatched, "an end of a connection that is unknown here, or was replaced")              \
  X(too_old, "a connection that would have expired here")                                   \
  X(unknown_service, "no such service is configured here")                                  \
  X(unknown_real_server, "the service has no such real server here")                        \
  X(unknown_port, "the client is behind a port that this director lacks")                   \
  X(no_syn_proxy, "opened by a SYN proxy, and no service has one here")                     \
  X(spoofed_source, "its client has an address of this director, or none that is possible") \
  X(reply_tuple_taken, "its reply key belongs to another connection here")                  \
  X(table_full, "no room in the connection table")                                          \
  X(hop_table_full, "no room for its client's next hop")                                    \
  X(persistence, "a client bound to a real server by persistence")                          \
  X(persistence_ended, "a client that is no longer bound to a real server")                 \
  X(persistence_kept, "a bound client, ignored: this director's binding wins")              \
  X(persistence_unknown, "a bound client of an unknown service or real server")

enum class ImportOutcome : std::uint8_t {
#define X(name, text) name,
  LB_IMPORT_OUTCOMES(X)
#undef X
      kCount
};

inline constexpr std::size_t kImportOutcomes = static_cast<std::size_t>(ImportOutcome::kCount);

struct ImportOutcomeText {
  std::string_view name;
  std::string_view description;
};

inline constexpr std::array<ImportOutcomeText, kImportOutcomes> kImportOutcomeTexts = {{
#define X(name, text) {#name, text},
    LB_IMPORT_OUTCOMES(X)
#undef X
}};

}  // namespace lb
