"""The parts by themselves, with Google Benchmark: the connection table beside rte_hash, schedulers, parsing, rewriting."""

import json
import re
import subprocess
import tempfile

from suite.rows import row

# The table's benchmark, what it is compared with, and what one of its items is.
TABLE = (
    ("find_known", "rte_hash/find_record", "lookup of a known key, its connection read"),
    ("find_known", "rte_hash/find_known", "lookup of a known key, without rte_hash's connection"),
    ("find_unknown", "rte_hash/find_unknown", "lookup of an unknown key"),
    ("create_new", "rte_hash/create_new", "insert, two keys"),
    ("kill_recent", "rte_hash/kill_recent", "delete, two keys"),
    ("expire_all", None, "expire"),
    ("dump", "rte_hash/dump", "dump, a connection"),
)
SIZES = (1_024, 16_384, 131_072, 1_048_576, 10_000_000)
QUICK_SIZES = (1_024, 131_072, 1_048_576)


def run(suite):
    found = table(suite)
    if not suite.quick:
        found += others(suite)
    return found


def benchmark(suite, name, only, repetitions):
    """CPU ns per item of each repetition, by benchmark."""
    with tempfile.NamedTemporaryFile(prefix="ballast-micro-") as out:
        done = subprocess.run([f"{suite.build}/perf/{name}", f"--benchmark_filter={only}",
                               f"--benchmark_out={out.name}", "--benchmark_out_format=json",
                               f"--benchmark_repetitions={repetitions}",
                               f"--benchmark_min_time={0.05 if suite.quick else 0.2}"],
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{name}: {done.stderr[-1000:]}")
        results = json.load(out)["benchmarks"]
    times = {}
    for result in results:
        if result["run_type"] == "iteration":
            if result.get("error_occurred"):
                raise RuntimeError(f"{result['name']}: {result['error_message']}")
            per_item = 1e9 / result["items_per_second"] if "items_per_second" in result else result["cpu_time"]
            times.setdefault(result["run_name"], []).append(per_item)
    return times


def table(suite):
    """Every size is run several times in turn, so that ours and rte_hash's lie close together."""
    found = []
    names = sorted({name for ours, theirs, _ in TABLE for name in (ours, theirs) if name})
    for size in QUICK_SIZES if suite.quick else SIZES:
        rounds = 1 if suite.quick or size >= 10_000_000 else 3
        times = {}
        for _ in range(rounds):
            only = f"^({'|'.join(names)})/connections:{size}$"
            for name, values in benchmark(suite, "micro_table", only, 3).items():
                times.setdefault(name.split("/connections")[0], []).extend(values)
        rows = []
        for ours, theirs, what in TABLE:
            ratios = [a / b for a, b in zip(times[ours], times[theirs])] if theirs else None
            rows.append(row("connection table", what, "ns", times[ours], size, "rte_hash" if theirs else None, ratios))
        found += suite.report(rows)
    return found


def others(suite):
    found = []
    for name, scenario in (("micro_packet", "packet"), ("micro_sched", "choice of a real server")):
        rows = []
        for run_name, values in benchmark(suite, name, ".", 3).items():
            rows.append(row(scenario, re.sub(r"Kind::k|Scheduler::k|Way::k", "", run_name), "ns", values))
        found += suite.report(rows)
    return found
