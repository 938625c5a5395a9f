// Any bytes as requests to the data plane, to the parts of it that are free of DPDK, as Receiver gives
// them to those: a refused snapshot changes nothing, and one that is taken is read back as it was; lists
// come in bounded parts, which end; every change has words for the audit log.
//
// Input: a series of api::Request.
#include <memory>
#include <optional>
#include <utility>

#include "dataplane/conn/testing/test_table.h"
#include "dataplane/control/actions.h"
#include "dataplane/control/apply.h"
#include "dataplane/control/conns.h"
#include "dataplane/control/handshake_failures.h"
#include "dataplane/control/hops.h"
#include "dataplane/control/persistence.h"
#include "dataplane/control/report.h"
#include "dataplane/control/test_messages.h"
#include "dataplane/persist/table.h"
#include "tests/fuzz/messages.h"
#include "tests/fuzz/quiet.h"

namespace {

using namespace lb;

const fuzz::Quiet kQuiet;
constexpr std::uint32_t kNow = 100;
constexpr std::uint32_t kConnections = 64;
constexpr int kMostRequests = 8;

class Workers final : public Publisher {
 public:
  void publish(std::unique_ptr<const Snapshot> next) override { current_ = std::move(next); }
  void wait_until_seen() override {}
  const Snapshot& current() const override { return *current_; }

 private:
  std::unique_ptr<const Snapshot> current_;
};

// Large, and written by nothing that is tried here.
WorkerCounters& counters() {
  static WorkerCounters* const all = [] {
    auto* const made = new WorkerCounters;
    made->make_slots(kMaxRealServerSlots);
    return made;
  }();
  return *all;
}

class DataPlane {
 public:
  DataPlane() {
    LB_FUZZ_CHECK(persist_.prepare());
    apply(test::web_snapshot());
    for (std::uint64_t n = 0; n < 4; ++n) {
      NewConn conn = test::nat_conn(n);
      conn.service = conn.rs = 0;
      table_.create(0, conn, ConnState::kEstablished, kNow, kNow + 50);
    }
  }

  void receive(const api::Request& request) {
    const auto action = action_of(request);
    LB_FUZZ_CHECK(!action || !action->command.empty());
    api::Response response;
    if (request.has_apply()) apply(request.apply().snapshot());
    if (request.has_stats()) stats(*response.mutable_stats());
    if (request.has_conns()) {
      list<ConnsCursor>(ConnsCursor::make(request.conns(), *table_, now()));
    } else if (request.has_persistence()) {
      list<PersistenceCursor>(PersistenceCursor::make(request.persistence(), persist_, now()));
    } else if (request.has_flush()) {
      const auto match = to_match(request.flush().filter(), now());
      LB_FUZZ_CHECK(match || !match.error().message.empty());
    } else if (request.has_hops()) {
      const auto moved = hops_.change(request.hops(), *response.mutable_hops());
      LB_FUZZ_CHECK(!moved || !*moved || request.hops().moves_size() > 0);
    } else if (request.has_handshake_failures()) {
      failures_.fill(now(), request.handshake_failures().limit(),
                     *response.mutable_handshake_failures());
    }
    LB_FUZZ_CHECK(response.ByteSizeLong() < api::kMaxMessageBytes);
    transactions_.retire_unused();
  }

 private:
  const Snapshot& now() const { return workers_.current(); }

  void apply(const api::Snapshot& message) {
    const api::Snapshot before = transactions_.applied();
    const Snapshot* const published = &now();
    const auto generation = transactions_.apply(message);
    const api::Snapshot& after = transactions_.applied();
    if (!generation) {
      LB_FUZZ_CHECK(!generation.error().message.empty() && published == &now());
      LB_FUZZ_CHECK(after.SerializeAsString() == before.SerializeAsString());
      return;
    }
    LB_FUZZ_CHECK(*generation == before.generation() + 1 && now().generation == *generation);
    api::Snapshot same = message;
    same.set_generation(*generation);
    LB_FUZZ_CHECK(after.SerializeAsString() == same.SerializeAsString());
  }

  void stats(api::Stats& out) const {
    report_workers(views_, {1}, out);
    report_punts(views_, {"wan", "lan"}, out);
    report_shed(views_, out);
    report_services(now(), totals_, thresholds_, kConnections, out);
    // A service that was removed is listed until its servers' slots are free.
    LB_FUZZ_CHECK(out.services_size() >= transactions_.applied().services_size());
    LB_FUZZ_CHECK(static_cast<std::size_t>(out.services_size()) <= now().services.size());
  }

  template <typename Cursor>
  void list(Result<Cursor> cursor) const {
    if (!cursor) {
      LB_FUZZ_CHECK(!cursor.error().message.empty());
      return;
    }
    bool more = true;
    for (int parts = 0; more; ++parts) {
      LB_FUZZ_CHECK(parts < 1000);
      more = cursor->next(now(), kNow + 10).more();
    }
  }

  const std::vector<const WorkerCounters*> views_{&counters()};
  test::TestTable table_{ConnTable::Options{kConnections}};
  PersistTable persist_{{.max_entries = 64}};
  Totals totals_{views_};
  Load load_{views_};
  Thresholds thresholds_{load_, 64};
  Workers workers_;
  Transactions transactions_{test::two_ports(), totals_, workers_};
  HopsEndpoint hops_{table_->hops(), test::two_ports()};
  HandshakeFailures failures_{views_};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  api::Request request;
  std::optional<DataPlane> dataplane;
  for (int n = 0; n < kMostRequests && fuzz::next_message(input, request); ++n) {
    if (!dataplane) dataplane.emplace();
    dataplane->receive(request);
  }
  return 0;
}
