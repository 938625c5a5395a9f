"""Holds thousands of TCP connections to an echo server and reports which of them still work. Runs on a
client, driven by agent.Agent:

  python3 -m ballast_lab.survivors ADDRESS:PORT [--source ADDRESS]...

A connection sends numbered messages, one at a time, and compares every byte that comes back. It is
lost when it is closed or reset, gets other bytes, or gets no answer in time. Commands, each after
the answer to the one before:

  open count= [per_second=] [timeout_s=]        makes connections: {"open", "failed": {why: count}}
  exchange [size=] [per_second=] [timeout_s=]   one message on each connection, then a report
  live every_s= [size=]                         from now on a message on each connection, again and
                                                again; what is opened later takes part
  pause [timeout_s=]                            no further ones; waits for answers, then a report
  report [established_before=]                  {"established", "survived", "lost": {why: count},
                                                "messages", "slowest_ms"}: of those that were
                                                established before that time.monotonic(), which all
                                                processes of a machine share
  close                                         ends all: {}
"""

import argparse
import collections
import errno
import heapq
import itertools
import random
import selectors
import socket
import struct
import time

from ballast_lab import agent

_IP_BIND_ADDRESS_NO_PORT = 24  # Linux's, which the socket module lacks
_HEADER = struct.Struct("!II")  # connection, message
_NOISE = random.Random("survivors").randbytes(1 << 17)
_MAX_SIZE = 1 << 14
_SLICE = 256  # connections opened or messages sent between two looks at what came in


def message(connection, number, size):
    """Other bytes for every message of every connection."""
    start = (connection * 37 + number * 1009) % (len(_NOISE) - size)
    return _HEADER.pack(connection, number) + _NOISE[start:start + size - _HEADER.size]


class Connection:
    def __init__(self, holder, number, source):
        self._holder = holder
        self.number = number
        self.established = None  # when
        self.lost = None  # why
        self.waits_since = None  # for the answer to the last message
        self._messages = 0
        self._expected = b""
        self._received = 0
        self._sock = socket.socket()
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            self._sock.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            self._sock.bind((source, 0))

    def connect(self, target):
        result = self._sock.connect_ex(target)
        self._holder.selector.register(self._sock, selectors.EVENT_WRITE, self)
        if result not in (0, errno.EINPROGRESS):
            self.lose(errno.errorcode[result])

    def alive(self):
        return self.established is not None and self.lost is None

    def lose(self, why):
        if self.lost is None:
            self.lost = why
            self._holder.selector.unregister(self._sock)
            self._sock.close()
            self._holder.done_with(self)

    def send(self, size):
        self._expected = message(self.number, self._messages, size)
        self._messages += 1
        self._received = 0
        self.waits_since = time.monotonic()
        try:
            if self._sock.send(self._expected) != size:
                self.lose("sent in part")  # cannot be: the buffer is empty and larger
        except OSError as error:
            self.lose(_name(error))

    def ready(self, _):
        try:
            if self.established is None:
                self._finish_connect()
            else:
                self._receive()
        except BlockingIOError:
            pass
        except OSError as error:
            self.lose(_name(error))

    def _finish_connect(self):
        error = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.lose(errno.errorcode[error])
            return
        self.established = time.monotonic()
        self._holder.selector.modify(self._sock, selectors.EVENT_READ, self)
        self._holder.done_with(self)

    def _receive(self):
        data = self._sock.recv(_MAX_SIZE)
        if not data:
            self.lose("closed by the other side")
        elif self.waits_since is None or \
                data != self._expected[self._received:self._received + len(data)]:
            self.lose("other bytes")
        else:
            self._received += len(data)
            if self._received == len(self._expected):
                self._holder.answered(time.monotonic() - self.waits_since)
                self.waits_since = None
                self._holder.done_with(self)


def _name(error):
    return errno.errorcode.get(error.errno, str(error))


class Holder:
    """`_waiting` are the connections that the current command waits for; when none is left, or time
    is up, `_finish` answers it."""

    def __init__(self, target, sources):
        host, port = target.split(":")
        self._target = (host, int(port))
        self._sources = itertools.cycle(sources or [None])
        self.selector = selectors.EpollSelector()
        agent.Commands(self, self.selector)
        self._connections = []
        self._waiting = set()
        self._to_do = []  # heap of (when, tie-breaker, call): opens, sends
        self._order = itertools.count()
        self._finish = None
        self._deadline = 0.0
        self._every = None  # seconds between two messages of a connection; None: only when asked
        self._size = 64
        self._messages = 0
        self._slowest = 0.0

    # ---- commands

    def do_open(self, count, per_second=4000, timeout_s=30):
        fresh = [Connection(self, len(self._connections) + i, next(self._sources))
                 for i in range(count)]
        self._connections += fresh
        self._schedule(fresh, lambda each: each.connect(self._target), per_second)
        self._await(fresh, timeout_s + count / per_second, lambda: self._reply_open(fresh))

    def do_exchange(self, size=64, per_second=8000, timeout_s=20):
        self._size = min(size, _MAX_SIZE)
        living = [each for each in self._connections if each.alive()]
        self._schedule(living, self._send, per_second)
        self._await(living, timeout_s + len(living) / per_second, self.do_report)

    def do_live(self, every_s, size=64):
        self._every, self._size = every_s, min(size, _MAX_SIZE)
        living = [each for each in self._connections if each.alive()]
        self._schedule(living, self._send, max(1, len(living)) / every_s)
        agent.reply(connections=len(living))

    def do_pause(self, timeout_s=20):
        self._every = None
        self._to_do.clear()
        busy = [each for each in self._connections
                if each.alive() and each.waits_since is not None]
        self._await(busy, timeout_s, self.do_report)

    def do_report(self, established_before=None):
        counted = [each for each in self._connections if each.established is not None and
                   (established_before is None or each.established < established_before)]
        lost = collections.Counter(each.lost for each in counted if each.lost is not None)
        agent.reply(established=len(counted), survived=len(counted) - lost.total(), lost=lost,
                    messages=self._messages, slowest_ms=round(self._slowest * 1000, 1))
        self._messages, self._slowest = 0, 0.0

    def do_close(self):
        for each in self._connections:
            each.lose("closed here")
        self._connections.clear()
        self._to_do.clear()
        agent.reply()

    # ---- events

    def answered(self, took):
        self._messages += 1
        self._slowest = max(self._slowest, took)

    def done_with(self, connection):
        """It is established, lost, or has its answer."""
        self._waiting.discard(connection)
        if self._every is not None and connection.alive():
            self._at(time.monotonic() + self._every, lambda: self._send(connection))

    # ---- work

    def _send(self, connection):
        if connection.alive() and connection.waits_since is None:
            connection.send(self._size)

    def _schedule(self, connections, call, per_second):
        start = time.monotonic()
        for i, each in enumerate(connections):
            self._at(start + i / per_second, lambda each=each: call(each))

    def _at(self, when, call):
        heapq.heappush(self._to_do, (when, next(self._order), call))

    def _await(self, connections, timeout_s, finish):
        self._waiting = set(connections)
        self._deadline = time.monotonic() + timeout_s
        self._finish = finish

    def _reply_open(self, fresh):
        failed = collections.Counter(each.lost for each in fresh if each.established is None)
        agent.reply(open=len(fresh) - failed.total(), failed=failed)

    def _do_what_is_due(self):
        now = time.monotonic()
        for _ in range(_SLICE):
            if not self._to_do or self._to_do[0][0] > now:
                return
            heapq.heappop(self._to_do)[2]()

    def _finish_when_done(self):
        if self._finish is None:
            return
        if self._waiting and time.monotonic() > self._deadline:
            for each in list(self._waiting):
                each.lose("no answer")
        if not self._waiting:
            finish, self._finish = self._finish, None
            finish()

    def run(self):
        while True:
            self._do_what_is_due()
            self._finish_when_done()
            wait = 0.1
            if self._to_do:
                wait = min(wait, max(0.0, self._to_do[0][0] - time.monotonic()))
            for key, events in self.selector.select(wait):
                key.data.ready(events)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", metavar="ADDRESS:PORT")
    parser.add_argument("--source", action="append", metavar="ADDRESS",
                        help="the connections' own addresses, in turn")
    arguments = parser.parse_args()
    agent.raise_file_limit()
    Holder(arguments.target, arguments.source).run()


if __name__ == "__main__":
    main()
