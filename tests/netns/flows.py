#!/usr/bin/python3
"""Sends the packets of very many flows, for which it has no sockets: the director makes a connection
of each. Runs on a client of the lab; the answers, if any, go to addresses that nobody has.

  flows.py --target ADDRESS:PORT --flows N [--first N] [--per-second N] [--datagrams N] [--segments S,A,FA]

Without --segments a flow is one datagram, or so many; else it is these TCP segments, by their flags, with
checksums that are wrong, so that the real server is silent and the client's side alone decides.
"""

import argparse
import socket
import struct
import time

_BASE = int.from_bytes(socket.inet_aton("198.18.0.0"), "big")  # of RFC 2544, for tests
_ADDRESSES, _FIRST_PORT = 250, 1024
_FLAGS = {"F": 0x01, "S": 0x02, "R": 0x04, "P": 0x08, "A": 0x10}
_AT_ONCE = 50  # flows between two looks at the clock


def ip_header(protocol, source, target, length):
    # The kernel fills in the length, the identification and the checksum.
    return struct.pack("!BBHHHBBHI4s", 0x45, 0, 20 + length, 0, 0, 64, protocol, 0, source, target)


def packets(flow, target, port, datagrams, segments):
    source = _BASE + 1 + flow % _ADDRESSES
    source_port = _FIRST_PORT + flow // _ADDRESSES
    for _ in range(0 if segments else datagrams):
        yield (ip_header(socket.IPPROTO_UDP, source, target, 12) +
               struct.pack("!HHHHI", source_port, port, 12, 0, flow))
    for flags in segments:
        yield (ip_header(socket.IPPROTO_TCP, source, target, 20) +
               struct.pack("!HHIIBBHHH", source_port, port, flow, 0, 0x50, flags, 8192, 1, 0))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True, metavar="ADDRESS:PORT")
    parser.add_argument("--flows", type=int, required=True)
    parser.add_argument("--first", type=int, default=0, help="number of the first flow")
    parser.add_argument("--per-second", type=int, default=20_000)
    parser.add_argument("--datagrams", type=int, default=1, help="of a flow")
    parser.add_argument("--segments", default="")
    arguments = parser.parse_args()
    address, port = arguments.target.split(":")
    target = socket.inet_aton(address)
    segments = [sum(_FLAGS[flag] for flag in segment)
                for segment in arguments.segments.split(",") if segment]
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    began = time.monotonic()
    for number in range(arguments.flows):
        if number % _AT_ONCE == 0:
            early = began + number / arguments.per_second - time.monotonic()
            if early > 0:
                time.sleep(early)
        for packet in packets(arguments.first + number, target, int(port), arguments.datagrams, segments):
            sock.sendto(packet, (address, 0))


if __name__ == "__main__":
    main()
