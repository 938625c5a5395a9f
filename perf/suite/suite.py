"""One run of the suite: where things are, how long to measure, what is printed and kept."""

import contextlib
import dataclasses
import json
import os
import shutil
import subprocess
import tempfile

HUGEPAGES = 1000  # of 2 MB: for a table of 14M connections and testpmd


class Suite:
    def __init__(self, build, quick):
        self.build = build
        self.quick = quick
        self.rounds = 3 if quick else 7
        self.seconds = 0.3 if quick else 0.7
        self.folder = tempfile.mkdtemp(prefix="ballast-perf-")
        self.rows = []

    def close(self):
        shutil.rmtree(self.folder)

    def report(self, rows):
        """Prints and keeps them."""
        for each in rows:
            print(text(each), flush=True)
        self.rows += rows
        return rows

    def json(self):
        return json.dumps([dataclasses.asdict(each) for each in self.rows], indent=1)


def number(value):
    """Three digits that count, or a whole number."""
    if value is None:
        return ""
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def text(row):
    flows = f" at {row.flows:,} flows" if row.flows else ""
    spread = "" if row.low == row.high else f"  ({number(row.low)} to {number(row.high)})"
    ratio = f"  {number(row.ratio)} of {row.baseline}" if row.ratio is not None and row.unit != "ratio" else ""
    return f"{row.scenario}{flows}: {row.metric} {number(row.value)} {row.unit}{spread}{ratio}"


@contextlib.contextmanager
def hugepages():
    """Reserves what the programs need, and gives it back."""
    path = "/proc/sys/vm/nr_hugepages"
    with open(path, encoding="ascii") as knob:
        before = int(knob.read())
    _write(path, max(before, HUGEPAGES))
    with open(path, encoding="ascii") as knob:
        if int(knob.read()) < HUGEPAGES:
            _write(path, before)
            raise RuntimeError(f"{2 * HUGEPAGES} MB of hugepages could not be reserved; free that much memory")
    try:
        yield
    finally:
        _write(path, before)


def _write(path, value):
    with open(path, "w", encoding="ascii") as knob:
        knob.write(str(value))


def machine():
    """What the figures belong to."""
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), "unknown")
    dpdk = subprocess.run(["pkg-config", "--modversion", "libdpdk"], capture_output=True, text=True, check=True)
    return {"CPU": f"{model}, {os.cpu_count()} cores", "kernel": os.uname().release, "DPDK": dpdk.stdout.strip()}
