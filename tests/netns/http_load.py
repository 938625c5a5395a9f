#!/usr/bin/python3
"""An HTTP client that keeps many connections busy and compares every byte that it gets.

Runs on a client of the lab. Prints one JSON object: requests that succeeded, errors by kind, and,
when no expected body is given, how often each body came (the real servers answer "/" with their
name). With --requests 0 it goes on until SIGTERM.
"""

import argparse
import collections
import errno
import json
import selectors
import signal
import socket
import time

_STALL_S = 8.0


class Connection:
    """One TCP connection at a time, opened anew after `per_connection` requests or an error."""

    def __init__(self, load):
        self.load = load
        self.sock = None

    def open(self):
        self.sock = socket.socket()
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.left = self.load.per_connection
        self.progress = time.monotonic()
        self.connected = False
        self.received = bytearray()
        result = self.sock.connect_ex(self.load.target)
        self.load.selector.register(self.sock, selectors.EVENT_WRITE, self)
        if result not in (0, errno.EINPROGRESS):
            self.fail(errno.errorcode[result])

    def close(self):
        if self.sock is not None:
            self.load.selector.unregister(self.sock)
            self.sock.close()
            self.sock = None

    def fail(self, kind):
        self.load.errors[kind] += 1
        self.close()

    def ready(self):
        self.progress = time.monotonic()
        try:
            if not self.connected:
                self._finish_connect()
            else:
                self._receive()
        except OSError as error:
            self.fail(errno.errorcode.get(error.errno, str(error)))

    def _finish_connect(self):
        error = self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            self.fail(errno.errorcode[error])
            return
        self.connected = True
        self.load.selector.modify(self.sock, selectors.EVENT_READ, self)
        self.sock.send(self.load.request(self.left == 1))

    def _receive(self):
        data = self.sock.recv(262_144)
        if not data:
            self.fail("closed early")
            return
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = self._content_length(end)
        if length is None or len(self.received) < end + 4 + length:
            return
        if not self.load.check(bytes(self.received[:end]), bytes(self.received[end + 4:])):
            self.fail("wrong answer")
            return
        self.received.clear()
        self.left -= 1
        if self.left == 0 or self.load.enough():
            self.close()
        else:
            self.load.started += 1
            self.sock.send(self.load.request(self.left == 1))

    def _content_length(self, end):
        for line in self.received[:end].split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                return int(line.split(b":")[1])
        self.fail("no content length")
        return None


class Load:
    def __init__(self, arguments):
        host, port = arguments.target.split(":")
        self.target = (host, int(port))
        self.path = arguments.path
        self.requests = arguments.requests
        self.per_connection = arguments.per_connection
        self.expected = None
        if arguments.expect_file:
            with open(arguments.expect_file, "rb") as file:
                self.expected = file.read()
        self.selector = selectors.DefaultSelector()
        self.errors = collections.Counter()
        self.bodies = collections.Counter()
        self.good = 0
        self.started = 0
        self.stopping = False

    def request(self, last):
        close = "Connection: close\r\n" if last else ""
        return f"GET {self.path} HTTP/1.1\r\nHost: {self.target[0]}\r\n{close}\r\n".encode()

    def enough(self):
        return self.stopping or (self.requests and self.started >= self.requests)

    def check(self, head, body):
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            return False
        if self.expected is None:
            self.bodies[body.decode().strip()] += 1
        elif body != self.expected:
            return False
        self.good += 1
        return True

    def run(self, parallel):
        connections = [Connection(self) for _ in range(parallel)]
        next_stall_check = time.monotonic() + 1
        while True:
            for connection in connections:
                if connection.sock is None and not self.enough():
                    self.started += 1
                    connection.open()
            if all(connection.sock is None for connection in connections) and self.enough():
                return
            for key, _ in self.selector.select(timeout=0.2):
                key.data.ready()
            now = time.monotonic()
            if now > next_stall_check:
                next_stall_check = now + 1
                for connection in connections:
                    if connection.sock is not None and now - connection.progress > _STALL_S:
                        connection.fail("stalled")

    def report(self):
        return {"good": self.good, "errors": dict(self.errors), "bodies": dict(self.bodies)}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--path", default="/")
    parser.add_argument("--requests", type=int, default=0)
    parser.add_argument("--parallel", type=int, default=1)
    parser.add_argument("--per-connection", type=int, default=1)
    parser.add_argument("--expect-file")
    arguments = parser.parse_args()
    load = Load(arguments)
    signal.signal(signal.SIGTERM, lambda number, frame: setattr(load, "stopping", True))
    load.run(arguments.parallel)
    print(json.dumps(load.report()))


if __name__ == "__main__":
    main()
