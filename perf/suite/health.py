"""What health checks cost: 10,000 targets, each asked every 2 s, in CPU time of the control plane, and how long it
takes until all of them are up after the start. One nginx answers for all addresses."""

import os
import sys
import time

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "..", "..", "scripts")]

from ballast_lab import director  # noqa: E402
from ballast_lab.lab import Lab  # noqa: E402
from ballast_lab.topology import NAT_VIP, server_address  # noqa: E402
from suite.rows import row  # noqa: E402

TARGETS = 10_000
SERVICES = 20
NETWORK = "10.1.0.0/16"
INTERVAL_S = 2
ROUNDS, QUICK_ROUNDS = 4, 3
MEASURED_S = 10  # each round
START_LIMIT_S = 120


def services(kind):
    check = director.check(kind) | {"interval": f"{INTERVAL_S}s", "timeout": "2s"}
    each = TARGETS // SERVICES
    tables = []
    for number in range(SERVICES):
        service = director.service(f"s{number}", f"{NAT_VIP}:{1000 + number}", "nat", [], check=check)
        service["real_server"] = [{"address": f"10.1.{target // 250}.{target % 250 + 1}:80"}
                                  for target in range(number * each, (number + 1) * each)]
        tables.append(service)
    return tables


def cpu_seconds(pid):
    """In user mode and in the kernel."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(suite, kind):
    """(shares of a CPU, seconds from the daemons' start until all are up)"""
    lab = Lab(f"checks{os.getpid()}", clients=1, server_count=1)
    try:
        tables = director.config(f"{lab.dir}/run", services(kind))
        tables["route"].append({"destination": NETWORK, "via": server_address(1)})
        begun = []

        def prepare(each):
            each.host("s1").ip("route", "add", "local", NETWORK, "dev", "lo")
            begun.append(time.monotonic())

        wanted, lab.ready = lab.ready, lambda rs: True
        lab.up(tables, prepare=prepare)
        lab.ready = wanted
        lab.wait_servers_up(START_LIMIT_S)
        up_after = time.monotonic() - begun[0]
        pid = lab.processes["lb-controlplane"].pid
        shares = []
        for _ in range(QUICK_ROUNDS if suite.quick else ROUNDS):
            before, start = cpu_seconds(pid), time.monotonic()
            time.sleep(MEASURED_S)
            shares.append(100 * (cpu_seconds(pid) - before) / (time.monotonic() - start))
        down = [rs for rs in lab.real_servers() if not lab.ready(rs)]
        if down:
            raise RuntimeError(f"{len(down)} servers are down while they are measured: {down[0]}")
        ages_ms = sorted(check["last_ms"] for check in lab.show("check")["checks"])
        if ages_ms[len(ages_ms) * 9 // 10] > 2_000 * INTERVAL_S:
            raise RuntimeError(f"the machine is too busy to ask every {INTERVAL_S} s: the last results are up to "
                               f"{ages_ms[-1]} ms old")
        return shares, up_after
    finally:
        lab.down()


def run(suite):
    for kind in ("tcp", "http", "ping"):
        shares, up_after = measure(suite, kind)
        what = f"{TARGETS:,} {kind} checks every {INTERVAL_S} s"
        suite.report([row("health", f"{what}: the control plane", "% of a CPU", shares),
                    row("health", f"{what}: from the daemons' start until all are up", "s", [up_after])])
