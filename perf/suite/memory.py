"""Memory per connection: of a running lb-dataplane, by how much its memory grows with the table."""

import re

from suite.director import Director
from suite.rows import row

SIZES = (1_000_000, 5_000_000)


def used_bytes(director):
    with open(f"/proc/{director.pid}/status", encoding="utf-8") as status:
        fields = dict(re.findall(r"^(\w+):\s+(\d+) kB$", status.read(), re.MULTILINE))
    return 1024 * (int(fields["VmRSS"]) + int(fields["HugetlbPages"]))


def run(suite):
    used = []
    for size in SIZES:
        director = Director(suite.build, suite.folder, "nat", max_connections=size)
        try:
            director.source.open_flows(size)
            director.wait_for_connections(size)
            # Less the packets' part, which is in memory_mb too.
            used.append(used_bytes(director))
            director.check_conservation()
        finally:
            director.close()
    per_connection = (used[1] - used[0]) / (SIZES[1] - SIZES[0])
    return suite.report([row("memory", "per connection, table full", "bytes", [per_connection], SIZES[1]),
                       row("memory", "of lb-dataplane in all", "MB", [used[1] / 1e6], SIZES[1])])
