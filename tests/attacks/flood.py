#!/usr/bin/python3
"""Sends frames of one kind at a steady rate for some seconds, from the interfaces of an attacker on the
director's networks. Prints how many it sent.

  flood.py KIND --to INTERFACE,MAC,ADDRESS,VIP --rate N --seconds N

--to may be repeated: frames go out in turn. Of KIND all but arp come from addresses of one network that
nobody has.
"""

import argparse
import socket
import struct
import time

SOURCES = "203.0.113"
ELSEWHERE = f"{SOURCES}.251"  # no address of the director: it would have to be routed
CLOSED_PORT, LISTENING_PORT = 9, 2222
FRAMES = 128
BATCH_S = 0.005


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip_packet(source, destination, proto, payload, ttl=64, number=0, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), number, fragment, ttl, proto, 0,
                       socket.inet_aton(source), socket.inet_aton(destination))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def icmp_echo(number):
    def pack(sum_):
        return struct.pack("!BBHHH", 8, 0, sum_, 77, number) + bytes(48)
    return pack(checksum(pack(0)))


def udp(port, payload=bytes(18), sport=40_000):
    return struct.pack("!HHHH", sport, port, 8 + len(payload), 0) + payload


def tcp_syn(source, destination, sport, dport):
    return tcp(source, destination, sport, dport, 2, sport)


def tcp(source, destination, sport, dport, flags, seq, ack=0):
    def pack(sum_):
        return struct.pack("!HHIIBBHHH", sport, dport, seq, ack, 5 << 4, flags, 64_240, sum_, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!HH", 6, 20)
    return pack(checksum(pseudo + pack(0)))


def arp_request(mac, own, number):
    """As of one of many hosts of the director's network."""
    sender = own.rsplit(".", 1)[0] + f".{120 + number}"
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + socket.inet_aton(sender) + bytes(6) \
        + socket.inet_aton(own)


def packets(kind, own, vip):
    """IPv4 packets, one after the other."""
    for number in range(FRAMES):
        source = f"{SOURCES}.{number + 1}"
        if kind == "echo-vip":
            yield ip_packet(source, vip, 1, icmp_echo(number))
        elif kind == "echo-own":
            yield ip_packet(source, own, 1, icmp_echo(number))
        elif kind == "udp-closed":
            yield ip_packet(source, own, 17, udp(CLOSED_PORT))
        elif kind == "syn":
            yield ip_packet(source, own, 6, tcp_syn(source, own, 1024 + number, LISTENING_PORT))
        elif kind.startswith("syn-vip-"):
            yield ip_packet(source, vip, 6, tcp_syn(source, vip, 1024 + number, int(kind.rsplit("-", 1)[1])))
        elif kind == "ttl":
            yield ip_packet(source, ELSEWHERE, 17, udp(CLOSED_PORT), ttl=1)
        elif kind == "fragments":
            whole = udp(CLOSED_PORT, bytes(1000))
            yield ip_packet(source, own, 17, whole[:800], number=number, fragment=0x2000)
            yield ip_packet(source, own, 17, whole[800:], number=number, fragment=100)


def frames(kind, mac, to_mac, own, vip):
    if kind == "arp":
        return [b"\xff" * 6 + mac + b"\x08\x06" + arp_request(mac, own, number)
                for number in range(FRAMES)]
    return [to_mac + mac + b"\x08\x00" + packet for packet in packets(kind, own, vip)]


KINDS = ("echo-vip", "echo-own", "udp-closed", "arp", "syn", "ttl", "fragments")


def outlets(kind, targets):
    """[(socket, frames)] of each target."""
    for target in targets:
        interface, to_mac, own, vip = target.split(",")
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        out.bind((interface, 0))
        mac = out.getsockname()[4]
        yield out, frames(kind, mac, bytes.fromhex(to_mac.replace(":", "")), own, vip)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", help=f"{', '.join(KINDS)}, or syn-vip-PORT")
    parser.add_argument("--to", action="append", required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    to = list(outlets(arguments.kind, arguments.to))
    begun = time.monotonic()
    sent = 0
    while (elapsed := time.monotonic() - begun) < arguments.seconds:
        while sent < elapsed * arguments.rate:
            out, each = to[sent % len(to)]
            try:
                out.send(each[sent // len(to) % len(each)])
            except OSError:
                pass  # no room in the queue
            sent += 1
        time.sleep(BATCH_S)
    print(sent)


if __name__ == "__main__":
    main()
