#include "dataplane/lcore/qsbr.h"

#include <rte_rcu_qsbr.h>

#include <cstdlib>
#include <new>

#include "config/base/cache_line.h"

namespace lb {

Qsbr::Qsbr(unsigned workers) {
  const std::size_t bytes = rte_rcu_qsbr_get_memsize(workers);
  const std::size_t rounded = (bytes + kCacheLine - 1) / kCacheLine * kCacheLine;
  qsbr_ = static_cast<rte_rcu_qsbr*>(std::aligned_alloc(kCacheLine, rounded));
  if (qsbr_ == nullptr || rte_rcu_qsbr_init(qsbr_, workers) != 0) throw std::bad_alloc();
}

Qsbr::~Qsbr() {
  std::free(qsbr_);
}

std::uint64_t Qsbr::start() {
  return rte_rcu_qsbr_start(qsbr_);
}

bool Qsbr::passed(std::uint64_t token) const {
  return rte_rcu_qsbr_check(qsbr_, token, false) == 1;
}

}  // namespace lb
