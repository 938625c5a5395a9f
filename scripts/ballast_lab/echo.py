"""An echo server for thousands of connections: one process, TCP and UDP. Runs on a real server.

  python3 -m ballast_lab.echo [--tcp PORT] [--udp PORT]
"""

import argparse
import selectors
import socket
import struct

from ballast_lab import agent

_IP_PKTINFO = 8  # Linux's, which the socket module lacks
_BACKLOG = 16_384
_CHUNK = 65_536


class Listener:
    def __init__(self, selector, port):
        self._selector = selector
        self._sock = socket.create_server(("", port), backlog=_BACKLOG)
        self._sock.setblocking(False)
        selector.register(self._sock, selectors.EVENT_READ, self)

    def ready(self, _):
        try:
            while True:
                sock, _ = self._sock.accept()
                sock.setblocking(False)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._selector.register(sock, selectors.EVENT_READ, Connection(self._selector, sock))
        except BlockingIOError:
            pass


class Connection:
    """Reads no further while what it read cannot be sent."""

    def __init__(self, selector, sock):
        self._selector = selector
        self._sock = sock
        self._unsent = b""
        self._events = selectors.EVENT_READ

    def ready(self, _):
        try:
            if not self._unsent:
                self._unsent = self._sock.recv(_CHUNK)
                if not self._unsent:
                    self._close()
                    return
            self._send()
        except BlockingIOError:
            pass  # nothing to read after all
        except OSError:
            self._close()

    def _send(self):
        try:
            sent = self._sock.send(self._unsent)
        except BlockingIOError:
            sent = 0
        self._unsent = self._unsent[sent:]
        wanted = selectors.EVENT_WRITE if self._unsent else selectors.EVENT_READ
        if wanted != self._events:
            self._events = wanted
            self._selector.modify(self._sock, wanted, self)

    def _close(self):
        self._selector.unregister(self._sock)
        self._sock.close()


class Datagrams:
    """Answers come from the address that was asked, which may be a VIP."""

    def __init__(self, selector, port):
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.setblocking(False)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self._sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
        self._sock.bind(("", port))
        selector.register(self._sock, selectors.EVENT_READ, self)

    def ready(self, _):
        try:
            while True:
                data, control, _, client = self._sock.recvmsg(_CHUNK, 256)
                source = struct.pack("=I4s4s", 0, control[0][2][8:12], bytes(4))
                self._sock.sendmsg([data], [(socket.IPPROTO_IP, _IP_PKTINFO, source)], 0, client)
        except BlockingIOError:
            pass
        except OSError:
            pass  # no way to this client now: its datagram is lost, as on any network


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tcp", type=int, metavar="PORT")
    parser.add_argument("--udp", type=int, metavar="PORT")
    arguments = parser.parse_args()
    agent.raise_file_limit()
    selector = selectors.EpollSelector()
    if arguments.tcp:
        Listener(selector, arguments.tcp)
    if arguments.udp:
        Datagrams(selector, arguments.udp)
    while True:
        for key, events in selector.select():
            key.data.ready(events)


if __name__ == "__main__":
    main()
