#!/usr/bin/python3
"""UDP datagrams that come in fragments: both ways, out of order, and too long for the way out."""

import random
import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, client_address

from scapy.layers.inet import IP, UDP, fragment
from scapy.packet import Raw

PORT = 7000


class Fragments(harness.LabTest):
    DRIVER = "af_packet"
    SERVERS = 2

    @classmethod
    def configure(cls, lab):
        both = [(1, 1), (2, 1)]
        return director.config(f"{lab.dir}/run", [
            director.service("echo", f"{NAT_VIP}:{PORT}", "nat", both, protocol="udp",
                             scheduler="rr", check=director.check("ping")),
            director.service("echo-dr", f"{DR_VIP}:{PORT}", "dr", both, protocol="udp",
                             scheduler="rr", check=director.check("ping"))],
            driver=cls.DRIVER)

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            harness.start_peer(lab, name, "udp-echo", PORT)

    def client(self):
        with self.host("c1").inside():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(5)
        self.addCleanup(sock.close)
        return sock

    def test_echo_of_large_datagrams(self):
        for vip in (NAT_VIP, DR_VIP):
            sock = self.client()
            for size in (1472, 1473, 8000, 40_000, 65_507):
                with self.subTest(vip=vip, size=size):
                    sent = random.Random(size).randbytes(size)
                    sock.sendto(sent, (vip, PORT))
                    got, sender = sock.recvfrom(65_535)
                    self.assertEqual(sender, (vip, PORT))
                    self.assertEqual(got, sent)

    def test_many_large_datagrams(self):
        """200 datagrams of 6 fragments, one after the other on 20 connections."""
        for _ in range(20):
            sock = self.client()
            for number in range(10):
                sent = number.to_bytes(4, "big") * 2000
                sock.sendto(sent, (NAT_VIP, PORT))
                self.assertEqual(sock.recv(65_535), sent)

    def send_fragments(self, vip, source_port, payload, order, source=client_address(1)):
        """Fragments of one datagram in the given order, as raw IP packets from c1."""
        packet = (IP(src=source, dst=vip, id=random.randrange(1, 65_535))
                  / UDP(sport=source_port, dport=PORT) / Raw(payload))
        pieces = fragment(packet, fragsize=1400)
        with self.host("c1").inside():
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        with raw:
            for index in order(len(pieces)):
                raw.sendto(bytes(pieces[index]), (vip, 0))

    def echo_of_fragments(self, vip, order):
        sock = self.client()
        sock.bind(("0.0.0.0", 0))
        payload = random.Random(1).randbytes(7000)
        self.send_fragments(vip, sock.getsockname()[1], payload, order)
        self.assertEqual(sock.recv(65_535), payload)

    def test_last_fragment_first(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                self.echo_of_fragments(vip, lambda n: range(n - 1, -1, -1))

    def test_first_fragment_in_the_middle(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                self.echo_of_fragments(vip, lambda n: [2, 4, 0, 1, *range(5, n), 3])

    def test_duplicate_fragments(self):
        self.echo_of_fragments(NAT_VIP, lambda n: [0, 0, *range(1, n)])

    def test_fragments_without_their_first_are_dropped_under_their_name(self):
        self.allow_drops("fragment_timeout")
        before = self.lab.drops()["fragment_timeout"]
        # From nobody else's address: no first fragment of an earlier datagram with the same
        # identification may decide for these.
        self.send_fragments(NAT_VIP, 45_000, bytes(7000), lambda n: range(1, n), client_address(9))
        self.wait(lambda: self.lab.drops()["fragment_timeout"] >= before + 5,
                  "the fragments to time out", timeout=60)


class FragmentsAfXdp(Fragments):
    """A driver that hands fragments over as they come, with no kernel in between."""

    DRIVER = "af_xdp"


class SmallWayOut(harness.LabTest):
    """The network of the real servers takes only 1400 bytes; datagrams without DF are fragmented."""

    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        config = director.config(f"{lab.dir}/run", [
            director.service("echo", f"{NAT_VIP}:{PORT}", "nat", [(1, 1)], protocol="udp",
                             check=director.check("ping"))])
        config["port"][1]["mtu"] = 1400
        return config

    @classmethod
    def prepare(cls, lab):
        harness.start_peer(lab, "s1", "udp-echo", PORT)
        harness.narrow_lan(lab, "s1", 1400)

    def test_datagrams_without_df_are_fragmented(self):
        with self.host("c1").inside():
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sock:
            sock.settimeout(5)
            sock.setsockopt(socket.IPPROTO_IP, harness.IP_MTU_DISCOVER, harness.IP_PMTUDISC_DONT)
            for size in (1300, 1450, 1472, 4000):
                with self.subTest(size=size):
                    sent = random.Random(size).randbytes(size)
                    sock.sendto(sent, (NAT_VIP, PORT))
                    self.assertEqual(sock.recv(65_535), sent)


harness.main(__name__)
