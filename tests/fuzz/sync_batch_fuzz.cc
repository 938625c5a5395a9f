// Any bytes as a batch of the HA peer's: what is taken is encoded to the same bytes again, and is
// something that a connection can be made of. Kinds that are not known, with a length, are left
// out.
#include <string>
#include <string_view>

#include "dataplane/packet/flow.h"
#include "dataplane/sync/batch.h"
#include "tests/fuzz/input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto entries = lb::decode_batch(bytes);
  if (!entries) return 0;
  std::string again;
  for (const lb::SyncEntry& entry : *entries) {
    switch (entry.kind) {
      case lb::SyncKind::kProxiedConn:
        LB_FUZZ_CHECK(entry.proto == lb::kProtoTcp && !lb::is_half_open(entry.state));
        [[fallthrough]];
      case lb::SyncKind::kConn:
        LB_FUZZ_CHECK(lb::is_live(entry.state));
        LB_FUZZ_CHECK((entry.proto == lb::kProtoUdp) == (entry.state == lb::ConnState::kUdp));
        [[fallthrough]];
      case lb::SyncKind::kEnd:
        LB_FUZZ_CHECK(entry.proto == lb::kProtoTcp || entry.proto == lb::kProtoUdp);
        lb::append(again, entry);
        break;
      case lb::SyncKind::kSynSecret:
        LB_FUZZ_CHECK(entry.secret < 2);
        lb::append(again, entry);
        break;
      case lb::SyncKind::kPersist:
      case lb::SyncKind::kPersistEnd:
        LB_FUZZ_CHECK(entry.proto == lb::kProtoTcp || entry.proto == lb::kProtoUdp);
        lb::append(again, entry);
        break;
      default:
        again.clear();
        return 0;  // marks have forms of their own
    }
  }
  if (again.size() == bytes.size()) {
    LB_FUZZ_CHECK(again == bytes);
  } else {
    LB_FUZZ_CHECK(again.size() < bytes.size() && lb::decode_batch(again) == entries);
  }
  return 0;
}
