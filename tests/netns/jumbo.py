#!/usr/bin/python3
"""Frames of 9000 bytes on all links: through NAT and DR, and to and from programs on the director."""

import hashlib
import random
import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DIRECTOR_LAN, DIRECTOR_WAN, DR_VIP, NAT_VIP

MTU = 9000
MSS = MTU - 20 - 20 - 12  # with timestamps
RING = "framesz=10240,blocksz=20480,framecnt=1024"
HASH_PORT = 9000
ECHO_PORT = 9001
BYTES = 20_000_000


class Jumbo(harness.LabTest):
    CLIENTS = 1
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        services = [director.service(f"hash-{mode}", f"{vip}:{HASH_PORT}", mode, [(1, 1)],
                                     check=director.check("tcp"))
                    for mode, vip in (("nat", NAT_VIP), ("dr", DR_VIP))]
        services.append(director.service("udp", f"{NAT_VIP}:{ECHO_PORT}", "nat", [(1, 1)], protocol="udp",
                                         check=director.check("ping")))
        tables = director.config(f"{lab.dir}/run", services)
        for port in tables["port"]:
            port["device"] = port["device"].split(",framecnt")[0] + "," + RING
            port["mtu"] = MTU
        return tables

    @classmethod
    def prepare(cls, lab):
        switch = lab.host("switch")
        for name, links in (("c1", ("clients",)), ("s1", ("lan",)), ("lb1", ("wan", "lan")),
                            ("router", ("clients", "wan", "lan"))):
            for link in links:
                switch.set_mtu(lab.network.cable(name, link), MTU)
                if name == "router":
                    lab.host(name).set_mtu(link, MTU)
                elif name != "lb1":  # whose data plane does it
                    lab.host(name).set_mtu("eth0", MTU)
        harness.start_peer(lab, "s1", "tcp-hash", HASH_PORT)
        harness.start_peer(lab, "s1", "udp-echo", ECHO_PORT)
        harness.start_peer(lab, "lb1", "tcp-hash", HASH_PORT)
        harness.start_peer(lab, "lb1", "udp-echo", ECHO_PORT)

    def upload(self, host, address):
        """Uploads to a server that answers with the hash; returns the size of its segments."""
        sent = random.Random(address).randbytes(BYTES)
        with self.host(host).inside():
            client = socket.create_connection((address, HASH_PORT), timeout=30)
        with client:
            segment = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(100).decode(), hashlib.sha256(sent).hexdigest())
        return segment

    def test_tcp_through_nat_and_dr(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                self.assertEqual(self.upload("c1", vip), MSS)

    def test_tcp_to_a_program_on_the_director(self):
        self.assertEqual(self.upload("c1", DIRECTOR_WAN), MSS)

    def test_tcp_from_the_director(self):
        self.assertEqual(self.upload("lb1", "10.0.0.11"), MSS)

    def test_datagrams_that_fill_a_frame(self):
        for address in (NAT_VIP, DIRECTOR_WAN):
            with self.subTest(address=address), self.host("c1").inside():
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                    client.setsockopt(socket.IPPROTO_IP, harness.IP_MTU_DISCOVER, harness.IP_PMTUDISC_DO)
                    client.settimeout(10)
                    client.connect((address, ECHO_PORT))
                    sent = random.Random(1).randbytes(MTU - 28)
                    client.send(sent)
                    self.assertEqual(client.recv(65_535), sent)

    def test_the_directors_interfaces_have_the_mtu(self):
        for address, host in ((DIRECTOR_WAN, "c1"), (DIRECTOR_LAN, "s1")):
            self.host(host).run("ping", "-c", "2", "-i", "0.2", "-W", "5", "-M", "do", "-s", str(MTU - 28), address)
        for name in ("wan", "lan"):
            self.assertIn(f" mtu {MTU} ", self.host("lb1").ip("link", "show", "dev", name))


harness.main(__name__)
