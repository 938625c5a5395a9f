"""A DPDK program on the packet source: how it is started, held, and what its workers use of their CPUs."""

import contextlib
import os
import re
import signal
import subprocess
import time

MAIN_CPU = 0


class Program:
    """Started by a subclass. While held (SIGSTOP) it takes no CPU from the program it is compared with."""

    def __init__(self, argv, source, log_path, worker_name):
        self.source = source
        self._log = open(log_path, "wb")
        self._worker_name = worker_name
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=self._log, stderr=self._log,
                                         env=os.environ | {"BALLAST_SOURCE": source.path}, start_new_session=True)

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process.poll() is None

    def said(self):
        with open(self._log.name, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_for_source(self, queues):
        """Until the source sits on all queues and the workers take its settings."""
        deadline = time.monotonic() + 60
        while self.source.attached < queues:
            if not self.running() or time.monotonic() > deadline:
                raise RuntimeError(f"{os.path.basename(self._log.name)}: it did not start:\n{self.said()[-2000:]}")
            time.sleep(0.01)
        self.source.configure()

    def hold(self):
        os.killpg(self.pid, signal.SIGSTOP)

    def go_on(self):
        os.killpg(self.pid, signal.SIGCONT)

    def workers(self):
        """Thread ids, by worker number."""
        found = {}
        for tid in os.listdir(f"/proc/{self.pid}/task"):
            with contextlib.suppress(OSError):
                with open(f"/proc/{self.pid}/task/{tid}/comm", encoding="utf-8") as comm:
                    name = comm.read().strip()
                if match := re.fullmatch(self._worker_name, name):
                    found[int(match.group(1))] = int(tid)
        return [found[number] for number in sorted(found)]

    def cpu_ns(self, tid):
        with open(f"/proc/{self.pid}/task/{tid}/schedstat", encoding="utf-8") as stat:
            return int(stat.read().split()[0])

    def window(self, seconds):
        """What happens in so many seconds."""
        tids = self.workers()
        before = self._reading(tids)
        time.sleep(seconds)
        after = self._reading(tids)
        return Window(before, after)

    def _reading(self, tids):
        return {"s": time.monotonic(), "cpu_ns": [self.cpu_ns(tid) for tid in tids], "source": self.source.totals(),
                "by_worker": [self.source.tally(worker)["emitted"] for worker in range(len(tids))]}

    def close(self):
        """SIGTERM, and SIGKILL when that does not help; returns the exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.go_on()
        self._process.stdin.close()
        self._process.terminate()
        try:
            status = self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.pid, signal.SIGKILL)
            status = self._process.wait()
        self._log.close()
        self.source.close()
        return status


class Window:
    def __init__(self, before, after):
        self.seconds = after["s"] - before["s"]
        self.cpu_ns_by_worker = [b - a for a, b in zip(before["cpu_ns"], after["cpu_ns"])]
        self.cpu_ns = sum(self.cpu_ns_by_worker)
        self.packets_by_worker = [b - a for a, b in zip(before["by_worker"], after["by_worker"])]
        self.counts = {name: after["source"][name] - before["source"][name] for name in after["source"]}

    @property
    def ns_per_packet(self):
        return self.cpu_ns / self.counts["emitted"]

    @property
    def mpps(self):
        """Per second of worker CPU: what a core of its own would do."""
        return 1e3 / self.ns_per_packet

    def per_cpu_second(self, name):
        return self.counts[name] * 1e9 / self.cpu_ns
