#!/usr/bin/python3
"""ICMP errors find the right side: path-MTU discovery in both directions, TTL expiry, closed ports."""

import hashlib
import random
import socket
import struct

import harness
from ballast_lab import director
from ballast_lab.topology import (CLIENT_NET, DIRECTOR_WAN, DR_VIP, NAT_VIP, client_address,
                                  server_address)

HASH_PORT = 9000
UDP_PORT = 7000
TIME_EXCEEDED, DEST_UNREACHABLE = 11, 3


def services():
    both = [(1, 1)]
    tables = director.default_services("both", 1)
    for mode, vip, suffix in (("nat", NAT_VIP, ""), ("dr", DR_VIP, "-dr")):
        tables.append(director.service(f"hash{suffix}", f"{vip}:{HASH_PORT}", mode, both,
                                       check=director.check("tcp")))
        tables.append(director.service(f"udp{suffix}", f"{vip}:{UDP_PORT}", mode, both,
                                       protocol="udp", check=director.check("ping")))
    return tables


def upload(test, vip):
    """Sends 3 MB from c1 to the hashing server, which must have got the same bytes."""
    data = random.Random(vip).randbytes(3_000_000)
    with test.host("c1").inside():
        client = socket.create_connection((vip, HASH_PORT), timeout=30)
    with client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        test.assertEqual(client.recv(100).decode(), hashlib.sha256(data).hexdigest())


def path_mtu(host, destination):
    """What the host has learnt by ICMP about the way to `destination`; None when nothing."""
    words = host.ip("route", "get", destination).split()
    return int(words[words.index("mtu") + 1]) if "mtu" in words else None


class TowardsTheClient(harness.LabTest):
    """The router's link to the clients takes 1300 bytes only. It sends the error to the VIP, and the director
    forwards it to the real server."""

    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", services())

    @classmethod
    def prepare(cls, lab):
        harness.start_peer(lab, "s1", "tcp-hash", HASH_PORT)
        lab.host("router").set_mtu("clients", 1300)

    def download(self, vip):
        with open(f"{self.lab.payload_dir}/1m", "rb") as expected:
            self.assertEqual(self.fetch("c1", f"http://{vip}/1m"), expected.read())
        return self.host("s1")

    def test_nat(self):
        server = self.download(NAT_VIP)
        self.assertEqual(path_mtu(server, client_address(1)), 1300)

    def test_dr(self):
        self.host("s1").ip("route", "flush", "cache")
        self.download(DR_VIP)
        words = self.host("s1").ip("route", "get", client_address(1), "from", DR_VIP).split()
        self.assertIn("1300", words)


class TowardsTheServer(harness.LabTest):
    """The director's port to the real servers takes 1400 bytes only: it sends the error itself."""

    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        config = director.config(f"{lab.dir}/run", services())
        config["port"][1]["mtu"] = 1400
        return config

    @classmethod
    def prepare(cls, lab):
        harness.start_peer(lab, "s1", "tcp-hash", HASH_PORT)
        harness.narrow_lan(lab, "s1", 1400)

    def test_nat(self):
        self.allow_drops("mtu_exceeded")
        upload(self, NAT_VIP)
        self.assertEqual(path_mtu(self.host("c1"), NAT_VIP), 1400)
        self.assertGreater(self.lab.drops()["mtu_exceeded"], 0)

    def test_sender_of_the_error(self):
        self.allow_drops("mtu_exceeded")
        self.host("c1").ip("route", "flush", "cache")
        with self.host("c1").inside():
            sniffer = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sniffer, sock:
            sniffer.settimeout(5)
            sock.setsockopt(socket.IPPROTO_IP, harness.IP_MTU_DISCOVER, harness.IP_PMTUDISC_DO)
            sock.sendto(bytes(1440), (NAT_VIP, UDP_PORT))
            packet, sender = sniffer.recvfrom(2048)
        kind, code, mtu = struct.unpack("!BB4xH", packet[20:28])
        self.assertEqual((sender[0], kind, code, mtu), (DIRECTOR_WAN, DEST_UNREACHABLE, 4, 1400))


class Errors(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", services())

    @classmethod
    def prepare(cls, lab):
        harness.start_peer(lab, "s1", "tcp-hash", HASH_PORT)

    def hop(self, ttl, kind, destination):
        """Who answers a probe with this TTL, as traceroute does it: the sender of the ICMP error and
        the destination that it quotes; None when none comes before the probe succeeds."""
        with self.host("c1").inside():
            sniffer = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
            probe = socket.socket(socket.AF_INET, kind)
        with sniffer, probe:
            sniffer.settimeout(3)
            probe.settimeout(3)
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
            if kind == socket.SOCK_DGRAM:
                probe.sendto(b"who", destination)
            else:
                probe.setblocking(False)
                probe.connect_ex(destination)
            packet, sender = sniffer.recvfrom(2048)
        quoted = socket.inet_ntoa(packet[28 + 16:28 + 20])
        return sender[0], packet[20], quoted

    def test_traceroute(self):
        self.allow_drops("ttl_expired")
        for kind, port in ((socket.SOCK_STREAM, 80), (socket.SOCK_DGRAM, UDP_PORT)):
            with self.subTest(kind=kind.name):
                self.assertEqual(self.hop(1, kind, (NAT_VIP, port)),
                                 (f"{CLIENT_NET}.1", TIME_EXCEEDED, NAT_VIP))
                self.assertEqual(self.hop(2, kind, (NAT_VIP, port)),
                                 (DIRECTOR_WAN, TIME_EXCEEDED, NAT_VIP))

    def test_ttl_3_reaches_the_server(self):
        with self.host("c1").inside():
            probe = socket.socket()
        with probe:
            probe.settimeout(3)
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 3)
            probe.connect((NAT_VIP, 80))

    def test_dr_leaves_the_ttl_alone(self):
        with self.host("c1").inside():
            probe = socket.socket()
        with probe:
            probe.settimeout(3)
            probe.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 2)  # the router, then the server
            probe.connect((DR_VIP, 80))

    def test_closed_udp_port_of_the_server(self):
        """The server's error is about its own address; the client's socket sees it as the VIP's."""
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                with self.host("c1").inside():
                    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                with sock:
                    sock.settimeout(5)
                    sock.connect((vip, UDP_PORT))  # nothing listens on the server
                    sock.send(b"hello")
                    with self.assertRaises(ConnectionRefusedError):
                        sock.recv(100)

    def test_server_gets_the_clients_unreachable(self):
        """The client's socket is gone when the answer comes: its kernel's error reaches the server
        as one about the server's own packet."""
        with self.host("s1").inside():
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with self.host("c1").inside():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with server:
            server.settimeout(5)
            server.bind((server_address(1), UDP_PORT))
            with client:
                client.sendto(b"hello", (NAT_VIP, UDP_PORT))
                _, source = server.recvfrom(100)
            server.connect(source)
            server.send(b"answer")
            with self.assertRaises(ConnectionRefusedError):
                server.recv(100)


harness.main(__name__)
