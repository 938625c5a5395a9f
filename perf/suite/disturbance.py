"""What an operator does to a director at work: dumps of the table, changes of the configuration."""

import subprocess
import threading
import time

from suite.director import Director
from suite.rows import row
from suite.source import Phase, Replies

FLOWS = 1_048_576


class Dump:
    """lbcli show conn over and over."""

    name = "dump of 1M rows while forwarding"

    def __init__(self, director):
        self._director = director
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.rows = []
        self._thread.start()

    def _run(self):
        while not self._stop.is_set():
            with subprocess.Popen(self._director.lbcli("show", "conn"), stdout=subprocess.PIPE) as dump:
                count = 0
                while (part := dump.stdout.read(1 << 20)) and not self._stop.is_set():
                    count += part.count(b"\n")
                if self._stop.is_set():
                    dump.terminate()
                else:
                    self.rows.append(count)

    def stop(self):
        self._stop.set()
        self._thread.join()


class Swap:
    """A new snapshot ten times a second."""

    name = "snapshot swap every 100 ms"

    def __init__(self, director):
        self._director = director
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.swaps = 0
        self._thread.start()

    def _run(self):
        while not self._stop.wait(0.1):
            self._director.apply(weight=1 + self.swaps % 2)
            self.swaps += 1

    def stop(self):
        self._stop.set()
        self._thread.join()


class Watch:
    """lbcli's live rates, ten times a second."""

    name = "lbcli show stats --rate, every 100 ms"

    def __init__(self, director):
        self._process = subprocess.Popen(director.lbcli("show", "stats", "--rate", "--interval", "100ms"),
                                         stdout=subprocess.DEVNULL)

    def stop(self):
        if self._process.poll() is not None:
            raise RuntimeError("lbcli show stats --rate ended by itself")
        self._process.terminate()
        self._process.wait()


def loss(suite, kind):
    """In turns without and with; the share of the speed that is lost."""
    director = Director(suite.build, suite.folder, "nat", max_connections=1_100_000)
    calm, disturbed, losses, done = [], [], [], 0
    try:
        director.source.open_flows(FLOWS)
        director.source.configure(phase=Phase.RUN, replies=Replies.SAME_WORKER)
        time.sleep(0.2)
        before = director.window(suite.seconds).ns_per_packet
        for _ in range(2 * suite.rounds):
            work = kind(director)
            time.sleep(0.1)
            while True:
                disturbed.append(director.window(2 * suite.seconds).ns_per_packet)
                if kind is not Dump or work.rows:
                    break
            work.stop()
            if kind is not Watch:
                done += work.swaps if kind is Swap else len(work.rows)
            if kind is Dump and min(work.rows) < FLOWS:
                raise RuntimeError(f"a dump of {FLOWS} connections had {min(work.rows)} lines")
            after = director.window(suite.seconds).ns_per_packet
            calm += [before, after]
            losses.append(100 * (1 - (before + after) / 2 / disturbed[-1]))
            before = after
        director.check_conservation()
    finally:
        director.close()
    found = [row(kind.name, "worker CPU per packet, undisturbed", "ns", calm, FLOWS),
             row(kind.name, "worker CPU per packet, disturbed", "ns", disturbed, FLOWS),
             row(kind.name, "packets per second lost", "%", losses, FLOWS)]
    return found + ([row(kind.name, "done", "times", [done], FLOWS)] if done else [])


def run(suite):
    found = []
    for kind in (Dump, Swap, Watch):
        found += suite.report(loss(suite, kind))
    return found
