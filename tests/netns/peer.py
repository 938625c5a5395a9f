#!/usr/bin/python3
"""Small servers for what nginx and dnsmasq do not do. Runs on a host of the lab.

  peer.py tcp-echo PORT   sends back what it gets
  peer.py tcp-hash PORT   reads to the end, answers with the SHA-256 of it in hexadecimal
  peer.py tcp-hold PORT... accepts, says its host's name, and keeps the connection open
  peer.py tcp-file PORT   says what stands in the file --name, and closes
  peer.py udp-echo PORT   sends each datagram back; b"who" is answered with the host's name
  peer.py udp-sink PORT   takes datagrams and says nothing
The host's name is the last part of --name.
"""

import argparse
import hashlib
import socket
import struct
import threading

_IP_PKTINFO = 8  # Linux's, which the socket module lacks


def tcp_echo(connection, _):
    while data := connection.recv(262_144):
        connection.sendall(data)


def tcp_hash(connection, _):
    digest = hashlib.sha256()
    while data := connection.recv(262_144):
        digest.update(data)
    connection.sendall(digest.hexdigest().encode())


def tcp_hold(connection, name):
    connection.sendall(name.encode() + b"\n")
    connection.recv(1)  # until the client closes


def tcp_file(connection, path):
    with open(path, "rb") as file:
        connection.sendall(file.read())


def serve_tcp(port, name, handle):
    def run(connection):
        with connection:
            try:
                handle(connection, name)
            except OSError:
                pass  # the test ended the connection

    listener = socket.create_server(("", port), backlog=1024)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=run, args=(connection,), daemon=True).start()


def serve_udp(port, name):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
    # Answers come from the address that was asked, which may be a VIP.
    sock.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
    sock.bind(("", port))
    while True:
        data, control, _, client = sock.recvmsg(65_535, 1024)
        asked = control[0][2][8:12]
        source = struct.pack("=I4s4s", 0, asked, bytes(4))
        sock.sendmsg([name.encode() if data == b"who" else data],
                     [(socket.IPPROTO_IP, _IP_PKTINFO, source)], 0, client)


def sink_udp(port):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("", port))
    while True:
        sock.recv(65_535)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=["tcp-echo", "tcp-hash", "tcp-hold", "tcp-file",
                                         "udp-echo", "udp-sink"])
    parser.add_argument("ports", metavar="port", type=int, nargs="+")
    parser.add_argument("--name", default="")
    arguments = parser.parse_args()
    if arguments.kind == "udp-echo":
        serve_udp(arguments.ports[0], arguments.name)
    elif arguments.kind == "udp-sink":
        sink_udp(arguments.ports[0])
    else:
        handlers = {"tcp-echo": tcp_echo, "tcp-hash": tcp_hash, "tcp-hold": tcp_hold,
                    "tcp-file": tcp_file}
        for port in arguments.ports[1:]:
            threading.Thread(target=serve_tcp, args=(port, arguments.name, handlers[arguments.kind]),
                             daemon=True).start()
        serve_tcp(arguments.ports[0], arguments.name, handlers[arguments.kind])


if __name__ == "__main__":
    main()
