#!/usr/bin/python3
"""Packets to real servers get the TOS of their service; the ECN bits stay as clients send them."""

import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP

PORT = 7000
TOS = 184
ECN = 2
PLAIN_PORT = 7001


class Tos(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        def service(name, address, mode, **more):
            return director.service(name, address, mode, [(1, 1)], protocol="udp",
                                    check=director.check("ping"), **more)

        return director.config(f"{lab.dir}/run", [
            service("nat", f"{NAT_VIP}:{PORT}", "nat", tos=TOS),
            service("dr", f"{DR_VIP}:{PORT}", "dr", tos=TOS),
            service("plain", f"{NAT_VIP}:{PLAIN_PORT}", "nat")])

    def tos_at_server(self, vip, port, sent):
        """What a datagram that a client sends with this TOS has when the real server gets it."""
        with self.host("s1").inside():
            server = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        with self.host("c1").inside():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with server, client:
            server.settimeout(10)
            client.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, sent)
            client.sendto(b"tos of this", (vip, port))
            while True:
                packet = server.recv(2048)
                if packet.endswith(b"tos of this"):
                    return packet[1]

    def test_set_in_each_mode(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                self.assertEqual(self.tos_at_server(vip, PORT, 40 | ECN), TOS | ECN)
                self.assertEqual(self.tos_at_server(vip, PORT, 0), TOS)

    def test_left_alone_without_it(self):
        self.assertEqual(self.tos_at_server(NAT_VIP, PLAIN_PORT, 40 | ECN), 40 | ECN)


harness.main(__name__)
