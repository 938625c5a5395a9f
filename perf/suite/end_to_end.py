"""HTTP over veth links: direct, nftables DNAT, HAProxy, Ballast NAT, Ballast DR, side by side.

  python3 perf/suite/end_to_end.py [--quick] [--ports af_packet|af_xdp]
"""

import argparse
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys

if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from suite import ways  # noqa: E402
from suite.ways import CommandFailed, LabError  # noqa: E402
from suite.rows import row  # noqa: E402

DRIVER = "af_xdp"
_SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "load.lua")
_TICKS = os.sysconf("SC_CLK_TCK")
_PACKAGES = {"wrk": "wrk", "nft": "nftables", "haproxy": "haproxy", "nginx": "nginx-light"}


class EndToEndError(Exception):
    """A run that proves nothing: a program is missing, a request failed, a byte differed."""


@dataclasses.dataclass
class Load:
    """What every client asks for at a time."""

    payload: str
    connections: int
    close: bool = False


@dataclasses.dataclass
class Sample:
    """All clients together, for one load by one way in one round."""

    requests: int
    requests_per_s: float
    gbit_per_s: float
    machine_cpu_s: float
    director_cpu_s: float


LOADS = {
    "keep-alive": Load("1k", 16),
    "new connections": Load("1k", 16, close=True),
    "bulk": Load("1m", 2),
}


def run(suite):
    return suite.report(measure(suite.quick))


def measure(quick, driver=DRIVER):
    """Rows of all ways. The director's build is found as the lab finds it (BALLAST_BUILD)."""
    check_programs()
    rounds, seconds = (2, 2) if quick else (5, 3)
    samples = {(way.name, load): [] for way in ways.WAYS for load in LOADS}
    lab = ways.EndToEndLab(f"perf{os.getpid()}", ways.CLIENTS, ways.SERVERS)
    lab.up(prepare=ways.EndToEndLab.prepare)
    try:
        for _ in range(rounds):
            for runs, carried in ways.directors(driver):
                with runs(lab):
                    for way in carried:
                        for name, load in LOADS.items():
                            samples[way.name, name].append(sample(lab, way, name, load, seconds))
    finally:
        lab.down()
    return _rows(samples)


def check_programs():
    missing = [package for program, package in _PACKAGES.items() if shutil.which(program) is None]
    if missing:
        raise EndToEndError(f"{' '.join(missing)} missing; scripts/install-deps installs them")


def sample(lab, way, name, load, seconds):
    machine, director = _machine_cpu_s(), _programs_cpu_s(lab, way)
    answers = _ask(lab, way, load, seconds)
    sample = Sample(
        requests=sum(a["requests"] for a in answers),
        requests_per_s=sum(a["requests"] / a["microseconds"] for a in answers) * 1e6,
        gbit_per_s=sum(a["bytes"] / a["microseconds"] for a in answers) * 8 / 1e3,
        machine_cpu_s=_machine_cpu_s() - machine,
        director_cpu_s=_programs_cpu_s(lab, way) - director)
    failures = [{k: v for k, v in a["failures"].items() if v} for a in answers]
    if any(failures) or not all(a["requests"] for a in answers):
        raise EndToEndError(f"{way.name}, {name}: of {sample.requests} requests failed, by client: "
                            f"{json.dumps(failures)}")
    return sample


def _ask(lab, way, load, seconds):
    """One wrk per client at the same time; what each of them counted."""
    with contextlib.ExitStack() as stack:
        running = []
        for number, client in enumerate(lab.network.clients):
            url = f"http://{way.addresses[number % len(way.addresses)]}/{load.payload}"
            close = ["-H", "Connection: close"] if load.close else []
            argv = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}", "--timeout", "5s",
                    *close, "-s", _SCRIPT, url, "--", f"{lab.payload_dir}/{load.payload}"]
            process = stack.enter_context(subprocess.Popen(
                lab.host(client).argv(*argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True))
            stack.callback(process.kill)
            running.append(process)
        return [_answer(way, process, seconds + 30) for process in running]


def _answer(way, process, timeout_s):
    try:
        output = process.communicate(timeout=timeout_s)[0].strip()
    except subprocess.TimeoutExpired:
        raise EndToEndError(f"{way.name}: a client got no answer for {timeout_s} s") from None
    last = output.rsplit("\n", 1)[-1]
    if not last.startswith("{"):
        raise EndToEndError(f"{way.name}: {output[-1000:]}")
    return json.loads(last)


def _machine_cpu_s():
    """CPU time that was not idle, interrupts included, without what the hypervisor took."""
    with open("/proc/stat", encoding="utf-8") as stat:
        fields = [int(field) for field in stat.readline().split()[1:8]]
    user, nice, system, _idle, _iowait, irq, softirq = fields
    return (user + nice + system + irq + softirq) / _TICKS


def _programs_cpu_s(lab, way):
    ticks = 0
    for name in way.programs:
        with open(f"/proc/{lab.processes[name].pid}/stat", encoding="utf-8") as stat:
            ticks += sum(int(field) for field in stat.read().rsplit(")", 1)[1].split()[11:13])
    return ticks / _TICKS


def _rows(samples):
    def per_million(cpu_s):
        return lambda sample: cpu_s(sample) * 1e6 / sample.requests

    machine = per_million(lambda sample: sample.machine_cpu_s)
    director = per_million(lambda sample: sample.director_cpu_s)
    with_processes = [way for way in ways.WAYS if way.programs]
    figures = [
        ("keep-alive", "requests", "1/s", lambda sample: sample.requests_per_s, ways.WAYS),
        ("new connections", "new connections", "1/s", lambda sample: sample.requests_per_s,
         ways.WAYS),
        ("bulk", "bulk", "Gbit/s", lambda sample: sample.gbit_per_s, ways.WAYS),
        ("keep-alive", "machine's CPU per 1M requests", "s", machine, ways.WAYS),
        ("keep-alive", "director's CPU per 1M requests", "s", director, with_processes),
        ("new connections", "machine's CPU per 1M connections", "s", machine, ways.WAYS),
        ("new connections", "director's CPU per 1M connections", "s", director, with_processes),
    ]
    return [each for load, metric, unit, figure, of in figures
            for each in _compared({way: [figure(s) for s in samples[way.name, load]] for way in of},
                                  metric, unit)]


def _compared(values, metric, unit):
    """Rows of each way: beside HAProxy's figure and beside the direct way's."""
    for way, own in values.items():
        scenario = f"end to end, {way.name}"
        baselines = [each for each in (ways.HAPROXY, ways.DIRECT) if each in values and each is not way]
        for baseline in baselines:
            ratios = [mine / base for mine, base in zip(own, values[baseline], strict=True)]
            yield row(scenario, metric, unit, own, baseline=baseline.name, ratios=ratios)
        if not baselines:
            yield row(scenario, metric, unit, own)


def main(measured, description):
    """The command line of a measurement that stands alone."""
    parser = argparse.ArgumentParser(description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two rounds of 2 s, not five of 3 s")
    parser.add_argument("--ports", choices=["af_packet", "af_xdp"], default=DRIVER,
                        help="driver of Ballast's ports")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that the lab is taken down
    try:
        for each in measured(arguments.quick, arguments.ports):
            compared = f"{each.ratio:5.2f} x {each.baseline}" if each.baseline else ""
            print(f"{each.scenario:26} {each.metric:34} {each.value:10,.2f} {each.unit:6}"
                  f" ({each.low:10,.2f} .. {each.high:10,.2f}) {compared}")
    except (EndToEndError, LabError, CommandFailed, TimeoutError) as error:
        sys.exit(f"{os.path.basename(sys.argv[0])}: {error}")


if __name__ == "__main__":
    main(measure, __doc__)
