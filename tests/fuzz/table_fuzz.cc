// Any sequence of operations on a small connection table: each answers what a plain model of the
// table answers.
//
// Input: one byte that chooses the table's shape, then 4 bytes per operation: what, which worker,
// and two bytes of arguments.
#include "dataplane/conn/testing/oracle.h"
#include "tests/fuzz/input.h"

namespace lb {
namespace {

using fuzz::Input;
using test::flow;
using test::Oracle;

constexpr unsigned kMostOperations = 4'096;

struct Shape {
  std::uint32_t max_connections;
  unsigned workers;
  std::uint32_t buckets, chain_buckets;
};
constexpr Shape kShapes[] = {{40, 2, 0, 0}, {40, 1, 1, 20}, {8, 3, 4, 4}, {300, 2, 2, 3}};

// Sixteen endpoints: keys of either direction meet each other often.
FlowTuple tuple_of(std::uint8_t ends) {
  return flow(ends & 15, 1, ends >> 4, 2);
}

NewConn conn_of(std::uint8_t forward, std::uint8_t reverse, bool one_key) {
  NewConn conn;
  conn.tuple[0] = tuple_of(forward);
  conn.tuple[1] = tuple_of(reverse);
  conn.proto = kProtoTcp;
  conn.rs = forward;
  conn.service = reverse;
  conn.keys = one_key ? 1 : 2;
  return conn;
}

ConnState state_of(std::uint8_t n) {
  return static_cast<ConnState>(1 + n % (static_cast<unsigned>(ConnState::kDead) - 1));
}

void operate(Oracle& oracle, Input& input, unsigned workers) {
  const std::uint8_t what = input.byte();
  const std::uint8_t who = input.byte();
  const std::uint8_t a = input.byte();
  const std::uint8_t b = input.byte();
  const unsigned worker = who % workers;
  switch (what % 12) {
    case 0:
    case 1:
    case 2:
      return oracle.create(worker, conn_of(a, b, what % 12 == 2), state_of(who / 8));
    case 3:
      return oracle.find(tuple_of(a), kProtoTcp);
    case 4:
    case 5:
      return oracle.kill(worker, a);
    case 6:
      return oracle.change_state(a, state_of(b));
    case 7:
      return oracle.packet(a);
    case 8:
      return oracle.pass_time(b);
    case 9:
      return oracle.quiescent(worker);
    case 10:
      return oracle.expire(worker, std::size_t{a} << (b % 16));
    default:
      return oracle.packet(b);
  }
}

void run(Input input) {
  const std::uint8_t choice = input.byte();
  const Shape& shape = kShapes[choice % 4];
  Oracle::Setup setup;
  setup.options = {
      shape.max_connections, shape.workers, {1, 2, 3, 4}, shape.buckets, shape.chain_buckets};
  setup.index_may_fill = shape.chain_buckets != 0;
  setup.start_tick = choice < 128 ? 1 : ~std::uint32_t{0} - 60;
  Oracle oracle(setup);
  for (unsigned n = 0; n < kMostOperations && !input.rest(1).empty(); ++n) {
    operate(oracle, input, shape.workers);
    if (!oracle.failure().empty()) std::fprintf(stderr, "%s\n", oracle.failure().c_str());
    LB_FUZZ_CHECK(oracle.failure().empty());
  }
  oracle.compare_all();
  if (!oracle.failure().empty()) std::fprintf(stderr, "%s\n", oracle.failure().c_str());
  LB_FUZZ_CHECK(oracle.failure().empty());
}

}  // namespace
}  // namespace lb

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  lb::run({data, size});
  return 0;
}
