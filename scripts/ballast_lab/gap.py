"""Measures how long a service was away: sends a datagram every few milliseconds to an echo server and
reports the longest time without an answer. Runs on a client, driven by agent.Agent.

  python3 -m ballast_lab.gap ADDRESS:PORT [--interval-ms 2]

Commands: `report` prints what was seen since the last report. `late_ms` says how late the program
itself was at worst: a gap is not known better than that.
"""

import argparse
import selectors
import socket
import struct
import time

from ballast_lab import agent

_ANSWER = struct.Struct("!Q")


class Prober:
    def __init__(self, target, interval_s):
        host, port = target.split(":")
        self._interval = interval_s
        self._selector = selectors.EpollSelector()
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_000_000)
        self._sock.connect((host, int(port)))
        self._selector.register(self._sock, selectors.EVENT_READ, self)
        agent.Commands(self, self._selector)
        self._number = 0
        self._last_answer = None
        self._begin(time.monotonic())

    def _begin(self, now):
        self._sent = self._answered = self._refused = 0
        self._late = 0.0
        self._longest, self._longest_from = 0.0, now

    def do_report(self):
        now = time.monotonic()
        if self._last_answer is not None:
            self._note_gap(now)
        agent.reply(gap_ms=round(self._longest * 1000, 1), gap_from=self._longest_from,
                    sent=self._sent, answered=self._answered, refused=self._refused,
                    late_ms=round(self._late * 1000, 1))
        self._begin(now)

    def ready(self, _):
        """Answers. That they come in another order does not matter."""
        try:
            while True:
                if len(self._sock.recv(100)) == _ANSWER.size:
                    now = time.monotonic()
                    if self._last_answer is not None:
                        self._note_gap(now)
                    self._last_answer = now
                    self._answered += 1
        except BlockingIOError:
            pass
        except OSError:
            self._refused += 1  # an ICMP error

    def _note_gap(self, now):
        gap = now - self._last_answer
        if gap > self._longest:
            self._longest, self._longest_from = gap, self._last_answer

    def run(self):
        due = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= due:
                self._late = max(self._late, now - due)
                self._send()
                due = max(due + self._interval, now)
                continue
            for key, events in self._selector.select(due - now):
                key.data.ready(events)

    def _send(self):
        self._number += 1
        try:
            self._sock.send(_ANSWER.pack(self._number))
            self._sent += 1
        except OSError:
            self._refused += 1


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", metavar="ADDRESS:PORT")
    parser.add_argument("--interval-ms", type=float, default=2)
    arguments = parser.parse_args()
    Prober(arguments.target, arguments.interval_ms / 1000).run()


if __name__ == "__main__":
    main()
