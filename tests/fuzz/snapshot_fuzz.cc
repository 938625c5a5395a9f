// Any bytes as a snapshot that a control plane sends: what the codec takes, it gives again in the
// same form; and what check() takes beside that, a Snapshot can be built of, twice in a row.
#include "dataplane/api/snapshot_codec.h"
#include "dataplane/service/build.h"
#include "tests/fuzz/input.h"
#include "tests/fuzz/quiet.h"

static const lb::fuzz::Quiet kQuiet;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::api::Snapshot message;
  if (!message.ParseFromArray(data, static_cast<int>(size))) return 0;
  const auto spec = lb::from_api(message);
  if (!spec) {
    LB_FUZZ_CHECK(!spec.error().message.empty());
    return 0;
  }
  const lb::api::Snapshot again = lb::to_api(*spec);
  const auto back = lb::from_api(again);
  LB_FUZZ_CHECK(back && *back == *spec);
  LB_FUZZ_CHECK(lb::to_api(*back).SerializeAsString() == again.SerializeAsString());

  std::vector<lb::PortInfo> ports(2);
  ports[0].name = "wan";
  ports[1].name = "lan";
  const auto in_use = [](std::uint32_t slot) { return slot % 2 == 0; };
  const bool good = lb::check(*spec, ports).has_value();
  const auto first = lb::build_snapshot(*spec, ports, nullptr, in_use);
  LB_FUZZ_CHECK(first.has_value() == good);
  if (!good) return 0;
  const auto second = lb::build_snapshot(*back, ports, first->get(), in_use);
  LB_FUZZ_CHECK(second && (*second)->services.size() == (*first)->services.size());
  LB_FUZZ_CHECK((*second)->reset_epoch == (*first)->reset_epoch);
  return 0;
}
