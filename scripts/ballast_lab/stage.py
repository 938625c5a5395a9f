"""What the demos share: they say what is expected, do it, check it, and leave nothing behind."""

import os
import signal
import sys

from ballast_lab.errors import LabError
from ballast_lab.netns import CommandFailed


class Stage:
    """A demo derives from it and has run(), which begins with `self.lab.up()`."""

    def __init__(self, lab):
        self.lab = lab
        self.failures = []

    def say(self, text):
        print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n## {text}", flush=True)

    def expect(self, good, text):
        print(f"  {'ok  ' if good else 'FAIL'}  {text}", flush=True)
        if not good:
            self.failures.append(text)

    def lbcli(self, *arguments, director="lb1"):
        where = f"{director} " if len(self.lab.directors) > 1 else ""
        print(f"  {where}$ lbcli {' '.join(arguments)}")
        output = self.lab.lbcli(*arguments, director=director).stdout
        print("".join(f"  {line}\n" for line in output.splitlines()), end="", flush=True)

    def run(self):
        raise NotImplementedError


def perform(make_stage):
    """Runs a demo to its end; the exit status of the program."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, frame: sys.exit(128 + received))
    if os.geteuid() != 0:
        print("demo: network namespaces need root", file=sys.stderr)
        return 1
    stage = make_stage()
    try:
        stage.run()
    except (LabError, CommandFailed, TimeoutError) as error:
        stage.expect(False, str(error))
    finally:
        stage.lab.down()
    left = stage.lab.leftovers()
    stage.say("The lab is gone")
    stage.expect(not left, "nothing is left behind" if not left else f"left behind: {left}")
    if stage.failures:
        print(f"\ndemo: {len(stage.failures)} of the expectations above failed", file=sys.stderr)
        return 1
    return 0
