#include "dataplane/forward/punt_gate.h"

#include "dataplane/conn/hash.h"

namespace lb {

namespace {

// Twice what a virtual router with the shortest interval of RFC 9568, 10 ms, sends.
constexpr std::uint32_t kVrrpPerRouter = 200;
// A request with a new sender address makes the kernel keep a neighbour. Its table must not be
// filled by one machine, or it forgets the real servers: Linux keeps 512 for 5 seconds
// (gc_thresh2 in arp(7)).
constexpr std::uint32_t kNeighboursPerMac = 100;

// Partners that the director talks to: a stranger is none of them, and a proxy's traffic is all
// here.
constexpr std::uint32_t kPartnersShare = 10;

std::uint32_t share(PuntClass kind) {
  return kind == PuntClass::replies || kind == PuntClass::sessions ? kPartnersShare : 1;
}

std::uint32_t limit_per_source(PuntClass kind, const PuntLimits& limits) {
  switch (kind) {
    case PuntClass::vrrp:
      return kVrrpPerRouter;
    case PuntClass::neighbours:
      return kNeighboursPerMac;
    default:
      return limits.pps_per_source * share(kind);
  }
}

}  // namespace

PuntGate::PuntGate(const PuntLimits& limits, unsigned ports, OwnFlows& flows,
                   WorkerCounters& counters)
    : flows_(flows), counters_(counters), ports_(ports) {
  for (PortLimits& port : ports_) {
    for (std::size_t i = 0; i < kPuntClasses; ++i) {
      const auto kind = static_cast<PuntClass>(i);
      port[i].all = TokenBucket(limits.pps * share(kind));
      port[i].sources.assign(kSources, TokenBucket(limit_per_source(kind, limits)));
    }
  }
}

std::optional<PuntClass> PuntGate::admit(std::span<const std::uint8_t> frame, unsigned port,
                                         const Snapshot& snapshot, std::uint32_t now,
                                         PuntClass otherwise) {
  Punt punt = classify_punt(frame, snapshot, flows_, now);
  if (punt.kind == PuntClass::other) punt.kind = otherwise;
  const auto kind = static_cast<std::size_t>(punt.kind);
  ClassLimit& limit = ports_[port][kind];
  PuntCounters& count = counters_.ports[port].punts[kind];
  // The source first: what it has too much of takes nothing from the others.
  if (!limit.sources[word_hash(punt.source, flows_.key()) % kSources].take(now) ||
      !limit.all.take(now)) {
    count.dropped.add(1);
    return std::nullopt;
  }
  count.passed.add(1);
  return punt.kind;
}

}  // namespace lb
