"""Programs on the lab's hosts that take commands while they work: one JSON object per line on
standard input, one per answer on standard output. The lab's side of it is Agent, the program's
Commands. Such a program ends when its input does, so it does not outlive who started it."""

import contextlib
import json
import os
import resource
import select
import subprocess
import sys
import time

from ballast_lab.errors import LabError

PYTHON = "/usr/bin/python3"
_SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def module_argv(module, *arguments):
    """The command line of a program of this package."""
    return ["env", f"PYTHONPATH={_SCRIPTS}", PYTHON, "-B", "-m", f"ballast_lab.{module}",
            *map(str, arguments)]


def raise_file_limit():
    """As many open files as the machine allows."""
    with open("/proc/sys/fs/nr_open", encoding="utf-8") as file:
        most = min(int(file.read()), 1 << 20)
    with contextlib.suppress(ValueError, OSError):  # a container may forbid it
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class Agent:
    """A program of this package on a host of the lab."""

    def __init__(self, lab, host, module, *arguments):
        self.name = f"{host}-{module}"
        self._lab = lab
        with open(lab.log_path(self.name), "ab") as log:
            self._popen = subprocess.Popen(lab.host(host).argv(*module_argv(module, *arguments)),
                                           stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                           stderr=log)
        self._received = b""

    def send(self, do, **values):
        """Sends a command; answer() waits for what comes back."""
        try:
            self._popen.stdin.write(json.dumps({"do": do} | values).encode() + b"\n")
            self._popen.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def answer(self, timeout=60):
        deadline = time.monotonic() + timeout
        stdout = self._popen.stdout.fileno()
        while b"\n" not in self._received:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([stdout], [], [], left)[0]:
                raise LabError(f"{self.name} did not answer within {timeout} s")
            data = os.read(stdout, 1 << 20)
            if not data:
                raise self._ended()
            self._received += data
        line, self._received = self._received.split(b"\n", 1)
        return json.loads(line)

    def ask(self, do, timeout=60, **values):
        self.send(do, **values)
        return self.answer(timeout)

    def close(self):
        for pipe in (self._popen.stdin, self._popen.stdout):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()
        try:
            self._popen.wait(10)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _ended(self):
        return LabError(f"{self.name} ended: {self._lab.log_text(self.name)[-2000:]}")


class Commands:
    """The program's side. Calls do_NAME(**values) of the program for a command NAME."""

    def __init__(self, program, selector):
        self._program = program
        self._received = b""
        selector.register(sys.stdin, select.EPOLLIN, self)

    def ready(self, _):
        data = os.read(sys.stdin.fileno(), 65_536)
        if not data:
            sys.exit(0)
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            values = json.loads(line)
            getattr(self._program, "do_" + values.pop("do"))(**values)


def reply(**values):
    print(json.dumps(values), flush=True)
