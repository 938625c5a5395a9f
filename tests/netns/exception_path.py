#!/usr/bin/python3
"""What no service claims goes to the kernel and back: ping, ARP, ssh-like TCP, closed ports."""

import random
import socket
import time

import harness
from ballast_lab.topology import DIRECTOR_LAN, DIRECTOR_WAN, DR_VIP, NAT_VIP

PORT = 2222


class ExceptionPath(harness.LabTest):
    @classmethod
    def prepare(cls, lab):
        harness.start_peer(lab, "lb1", "tcp-echo", PORT)
        harness.start_peer(lab, "lb1", "udp-echo", PORT)

    def ping(self, host, destination, *options):
        self.host(host).run("ping", "-c", "3", "-i", "0.2", "-W", "5", *options, destination)

    def test_ping_the_directors_addresses(self):
        for host, address in (("c1", DIRECTOR_WAN), ("c1", DIRECTOR_LAN), ("router", DIRECTOR_WAN),
                              ("s1", DIRECTOR_LAN)):
            with self.subTest(host=host, address=address):
                self.ping(host, address)

    def test_ping_the_vips(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                self.ping("c1", vip)

    def test_no_duplicate_answers(self):
        output = self.host("c1").run("ping", "-c", "5", "-i", "0.2", "-W", "5", DIRECTOR_WAN)
        self.assertNotIn("DUP!", output)
        self.assertIn("5 received", output)

    def test_ping_with_large_packets(self):
        for size in ("1472", "1473", "8000", "65000"):
            with self.subTest(size=size):
                self.ping("c1", DIRECTOR_WAN, "-s", size)
                self.ping("c1", NAT_VIP, "-s", size)

    def test_the_director_pings(self):
        self.ping("lb1", "198.51.100.11")
        self.ping("lb1", "10.0.0.11", "-s", "8000")

    def test_tcp_to_a_program_on_the_director(self):
        for address in (DIRECTOR_WAN, NAT_VIP):
            with self.subTest(address=address):
                with self.host("c1").inside():
                    client = socket.create_connection((address, PORT), timeout=20)
                with client:
                    sent = random.Random(address).randbytes(2_000_000)
                    self.assertEqual(echo(client, sent), sent)

    def test_udp_to_a_program_on_the_director(self):
        with self.host("c1").inside():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client:
            client.settimeout(5)
            for size in (100, 8000):
                client.sendto(bytes(size), (DIRECTOR_WAN, PORT))
                self.assertEqual(client.recv(65_535), bytes(size))

    def test_closed_tcp_port_is_refused_at_once(self):
        for address in (DIRECTOR_WAN, NAT_VIP, DR_VIP):
            with self.subTest(address=address):
                with self.host("c1").inside():
                    client = socket.socket()
                with client:
                    client.settimeout(10)
                    started = time.monotonic()
                    with self.assertRaises(ConnectionRefusedError):
                        client.connect((address, 81))
                    # Not after a lost SYN's repetition.
                    self.assertLess(time.monotonic() - started, 0.9)

    def test_closed_udp_port_is_unreachable(self):
        with self.host("c1").inside():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client:
            client.settimeout(5)
            client.connect((NAT_VIP, 5353))
            client.send(b"hello")
            with self.assertRaises(ConnectionRefusedError):
                client.recv(100)

    def test_arp_answers_with_the_ports_address(self):
        router = self.host("router")
        mac = self.lab.port("wan")["mac"]
        self.assertEqual(self.host("lb1").mac("wan"), mac)
        for address in (DIRECTOR_WAN, NAT_VIP, DR_VIP):
            with self.subTest(address=address):
                router.ip("neigh", "flush", "dev", "wan")
                router.run("ping", "-c", "1", "-W", "5", address)
                self.assertIn(mac, router.ip("neigh", "show", address))


def echo(client, sent):
    """Sends and receives at the same time, so that neither side's buffer blocks."""
    client.setblocking(False)
    received, offset = bytearray(), 0
    deadline = time.monotonic() + 30
    while len(received) < len(sent) and time.monotonic() < deadline:
        try:
            if offset < len(sent):
                offset += client.send(sent[offset:offset + 65_536])
        except BlockingIOError:
            pass
        try:
            received += client.recv(262_144)
        except BlockingIOError:
            pass
    return bytes(received)


harness.main(__name__)
