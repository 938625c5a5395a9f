// The workers' quiescence, on DPDK's QSBR: what they may still be reading is not freed.
#pragma once

#include <cstdint>

#include "dataplane/conn/table.h"

struct rte_rcu_qsbr;

namespace lb {

class Qsbr final : public GracePeriod {
 public:
  explicit Qsbr(unsigned workers);
  ~Qsbr() override;
  Qsbr(const Qsbr&) = delete;
  Qsbr& operator=(const Qsbr&) = delete;

  // Any thread.
  std::uint64_t start() override;
  bool passed(std::uint64_t token) const override;

  // For the worker loop, which reports its quiescent states to it directly.
  rte_rcu_qsbr* raw() const { return qsbr_; }

 private:
  rte_rcu_qsbr* qsbr_;
};

}  // namespace lb
