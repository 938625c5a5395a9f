"""The baseline: dpdk-testpmd on the same source."""

import itertools
import os

from suite.program import MAIN_CPU, Program
from suite.source import Source

_numbers = itertools.count()


class Testpmd(Program):
    """Forwards in `mode` (macswap, 5tswap) with as many workers as the director it is compared with."""

    def __init__(self, build, folder, mode, workers=1, replies=True, **settings):
        number = next(_numbers)
        lcores = f"0@{MAIN_CPU}," + ",".join(f"{w + 1}@{cpu}" for w, cpu in enumerate(worker_cpus(workers)))
        argv = ["dpdk-testpmd", "--lcores", lcores, "--main-lcore", "0", "--in-memory", "--no-pci", "--no-telemetry",
                "-m", "256", "--file-prefix", f"ballast-perf-{os.getpid()}-{number}", "-d", f"{build}/perf/source.so",
                "--vdev", "net_null0", "--vdev", "net_null1" + ("" if replies else ",no-rx=1"), "--",
                f"--forward-mode={mode}", "--auto-start", f"--nb-cores={workers}", f"--rxq={workers}",
                f"--txq={workers}", "--total-num-mbufs=16384", "--burst=32", "--stats-period=0", "--no-mlockall"]
        super().__init__(argv, Source(workers=workers, **settings), f"{folder}/testpmd-{number}.log",
                         r"(?:rte|lcore)-worker-(\d+)")
        self.wait_for_source(4 * workers)


def worker_cpus(workers):
    """CPU 1 and up; the last worker shares the main thread's when there are too few."""
    cpus = sorted(os.sched_getaffinity(0))
    own = [cpu for cpu in cpus if cpu != MAIN_CPU] or [MAIN_CPU]
    return (own + [MAIN_CPU])[:workers] if workers > len(own) else own[:workers]
