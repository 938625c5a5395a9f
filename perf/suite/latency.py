"""Time in the director of packets that come at a steady, low rate: polling, and sleeping when idle."""

import time

from suite.director import Director
from suite.rows import row
from suite.source import Phase
from suite.testpmd import Testpmd

RATES = (10_000, 1_000_000)
FLOWS = 16_384
QUANTILES = ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"))


def measure(program, seconds, rounds, pps):
    program.source.configure(phase=Phase.RUN, rate=pps)
    found = []
    for _ in range(rounds):
        program.source.clear_latency()
        time.sleep(seconds)
        found.append([ns / 1e3 for ns in program.source.latency_ns([q for q, _ in QUANTILES])])
    return found


def run(suite):
    found = []
    for name, idle in (("poll", "poll"), ("adaptive idle", "adaptive"), ("testpmd macswap", None)):
        if idle:
            program = Director(suite.build, suite.folder, "nat", idle=idle, server_replies=False)
            program.source.open_flows(FLOWS)
        else:
            program = Testpmd(suite.build, suite.folder, "macswap", replies=False, flows=FLOWS, active=FLOWS)
        try:
            for pps in RATES:
                measured = measure(program, 2 * suite.seconds, suite.rounds, pps)
                for index, (_, quantile) in enumerate(QUANTILES):
                    found.append(row(f"latency, {name}, {pps // 1000}k packets/s", quantile, "us",
                                     [round_[index] for round_ in measured], FLOWS))
            if idle:
                program.check_conservation()
        finally:
            program.close()
    return suite.report(found)
