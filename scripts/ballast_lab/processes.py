"""Processes that the lab started: recorded, so that another run of the lab can end exactly these."""

import contextlib
import os
import signal
import subprocess
import time


def wait_until(condition, timeout, what, every=0.05):
    """Polls until `condition()` is true and returns its value; TimeoutError says what was awaited."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout} s for {what}")
        time.sleep(every)


def _start_time(pid):
    """Clock ticks since boot when the process started: distinguishes it from a later one of the same pid."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return None
    if fields[0] in "ZX":
        return None
    return int(fields[19])


class Process:
    """A process (and the group it leads), possibly started by an earlier run of the lab."""

    def __init__(self, name, pid, started, popen=None):
        self.name = name
        self.pid = pid
        self.started = started
        self.ignored_stop = False
        self._popen = popen

    @classmethod
    def start(cls, name, argv, log_path, env=None):
        with open(log_path, "ab") as log:
            # Not a child that dies with a pipe or a terminal: it outlives `scripts/lab up`.
            popen = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                     start_new_session=True, env=env)
        return cls(name, popen.pid, _start_time(popen.pid), popen)

    @classmethod
    def from_record(cls, record):
        return cls(record["name"], record["pid"], record["started"])

    def record(self):
        return {"name": self.name, "pid": self.pid, "started": self.started}

    def running(self):
        if self._popen is not None:
            # Not by /proc: a program whose main thread has ended is a zombie there before its
            # other threads are gone and its exit status can be had.
            return self._popen.poll() is None
        return self.started is not None and _start_time(self.pid) == self.started

    def exit_status(self):
        """None while it runs or when another process started it."""
        return self._popen.poll() if self._popen is not None else None

    def signal(self, number):
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def wait(self, timeout):
        wait_until(lambda: not self.running(), timeout, f"{self.name} to end")
        return self.exit_status()

    def stop(self, timeout=10):
        """SIGTERM, then SIGKILL to its whole group."""
        if self.running():
            self.signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                self.wait(timeout)
        if self.running():
            self.ignored_stop = True
            self.kill()

    def signal_group_kill(self):
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def kill(self):
        self.signal_group_kill()
        self.wait(10)
