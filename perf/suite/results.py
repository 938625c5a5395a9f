"""What stays of a run: perf/RESULTS.md, and the pictures of docs/performance.md."""

import datetime
import os
import subprocess
import tempfile

from suite.suite import machine, number

def record(suite, root, command):
    with open(f"{root}/perf/RESULTS.md", "w", encoding="utf-8") as file:
        file.write(_report(suite, command))
    _draw(root, "ns-per-packet.svg", *_by_flows(suite.rows))
    _draw(root, "new-connections.svg", *_new_connections(suite.rows))


def _report(suite, command):
    facts = {"date": datetime.date.today().isoformat(), **machine(), "command": f"`{command}`"}
    lines = ["# Results", "",
             "As `perf/run --record` wrote them. What is measured and how stands in [README.md](README.md), what it means in",
             "[docs/performance.md](../docs/performance.md). Medians, with the lowest and the highest of the repetitions.",
             ""]
    lines += [f"- {name}: {value}" for name, value in facts.items()]
    scenario = None
    order = list(dict.fromkeys(row.scenario for row in suite.rows))
    for row in sorted(suite.rows, key=lambda row: order.index(row.scenario)):
        if row.scenario != scenario:
            scenario = row.scenario
            lines += ["", f"## {scenario[0].upper()}{scenario[1:]}", "",
                      "| connections | metric | unit | median | lowest | highest | compared with | ratio |",
                      "|---|---|---|---|---|---|---|---|"]
        cells = (f"{row.flows:,}" if row.flows else "", row.metric, row.unit, number(row.value), number(row.low),
                 number(row.high), row.baseline or "", number(row.ratio))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _by_flows(rows):
    """Lines over the number of connections: ours, and testpmd on the source of the first of them."""
    lines = {}
    for row in rows:
        if row.scenario in ("NAT both ways", "NAT one way", "DR") and row.metric == "worker CPU per packet":
            lines.setdefault(row.scenario, []).append((row.flows, row.value))
        if row.scenario == "NAT both ways" and row.metric.startswith("testpmd"):
            lines.setdefault(row.metric.split(",")[0], []).append((row.flows, row.value))
    plot = ["set logscale x", "set xlabel 'live connections'", "set ylabel 'ns of worker CPU per packet'",
            "set format x '%.0s%c'", "set key left top", "set yrange [0:]"]
    drawn = [f"'{_data(points)}' with linespoints lw 2 title '{name}'" for name, points in lines.items()]
    return plot, drawn


def _new_connections(rows):
    bars = [(row.scenario.removeprefix("new ").split(",", 1), row.value) for row in rows
            if row.metric == "connections per second of worker CPU" and row.scenario.startswith(("new ", "whole "))]
    points = [(f'"{name[0]},\\n{name[1].strip()}"', value) for name, value in bars]
    plot = ["set ylabel 'million per second of worker CPU'", "set yrange [0:]", "set style fill solid 0.7",
            "set boxwidth 0.6", "unset key", "set grid y"]
    return plot, [f"'{_data(points)}' using 0:2:xtic(1) with boxes"]


def _data(points):
    handle, path = tempfile.mkstemp(prefix="ballast-plot-")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{x} {y}\n" for x, y in points)
    return path


def _draw(root, name, plot, lines):
    if not lines:
        return
    output = f"{root}/docs/{name}"
    script = ["set terminal svg size 720,400 font 'sans,12' background 'white'", f"set output '{output}'",
              "set grid", *plot, "plot " + ", ".join(lines)]
    try:
        subprocess.run(["gnuplot"], input="\n".join(script), text=True, check=True)
    finally:
        for line in lines:
            os.unlink(line.split("'")[1])
