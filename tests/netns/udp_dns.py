#!/usr/bin/python3
"""DNS over UDP through NAT and DR: dig against dnsmasq, distribution, large answers; the same
one packet at a time."""

import collections
import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, server_address

CLOSED_PORT = 5399


class Dns(harness.LabTest):
    SERVERS = 3

    def dig(self, vip, name, kind, *options):
        return self.host("c1").run("dig", f"@{vip}", name, kind, "+short", "+tries=1", "+time=3",
                                   *options).split("\n")

    def check_answer_in_fragments(self):
        """Nearly 4 kB in one datagram, with EDNS and no TCP to fall back on."""
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                lines = self.dig(vip, "large.lab", "TXT", "+bufsize=8192", "+ignore")
                self.assertEqual(sorted(line[1:3] for line in lines if line),
                                 [f"{i:02d}" for i in range(16)])


class UdpDns(Dns):
    def test_queries_go_round_the_servers(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                names = collections.Counter(self.dig(vip, "server.lab", "TXT")[0]
                                            for _ in range(30))
                # Each query comes from a port of its own: a connection of its own. A port that
                # comes again soon stays with its server.
                self.assertEqual(set(names), {'"s1"', '"s2"', '"s3"'})
                for count in names.values():
                    self.assertAlmostEqual(count, 10, delta=2, msg=str(names))

    def test_one_port_stays_with_its_server(self):
        answers = {self.dig(NAT_VIP, "own.lab", "A", "-b", "0.0.0.0#40053")[0] for _ in range(10)}
        self.assertEqual(len(answers), 1)

    def test_answer_in_fragments(self):
        self.check_answer_in_fragments()

    def test_connections_are_shown(self):
        self.dig(NAT_VIP, "server.lab", "TXT", "-b", "0.0.0.0#40054")
        rows = [row for row in self.lab.connections("--service", "dns")
                if row["client_port"] == 40054]
        self.assertEqual(len(rows), 1)
        self.assertEqual((rows[0]["protocol"], rows[0]["vip_address"], rows[0]["vip_port"]),
                         ("udp", NAT_VIP, 53))


class OnePacket(Dns):
    """The same services with one_packet."""

    @classmethod
    def configure(cls, lab):
        servers = [{"address": f"{server_address(number)}:53"}
                   for number in range(1, cls.SERVERS + 1)]
        # Its answers must find the way to the director's own address.
        check = {"type": "dns", "query": "own.lab", "interval": "500ms", "timeout": "2s"}
        services = [director.service(name, f"{vip}:53", mode, [], protocol="udp", scheduler="rr",
                                     one_packet=True, check=check, real_server=servers)
                    for name, vip, mode in (("dns", NAT_VIP, "nat"), ("dns-dr", DR_VIP, "dr"))]
        closed = [{"address": f"{server_address(1)}:{CLOSED_PORT}"}]
        services.append(director.service("closed", f"{NAT_VIP}:{CLOSED_PORT}", "nat", [],
                                         protocol="udp", one_packet=True, real_server=closed,
                                         check=director.check("ping")))
        return director.config(f"{lab.dir}/run", services)

    def datagrams(self, service):
        """{server's address: datagrams of clients}"""
        return {rs["address"]: rs["connections"] for rs in self.lab.real_servers()
                if rs["service"] == service}

    def test_one_port_goes_round_the_servers(self):
        for service, vip in (("dns", NAT_VIP), ("dns-dr", DR_VIP)):
            with self.subTest(vip=vip):
                before = self.datagrams(service)
                names = collections.Counter(
                    self.dig(vip, "server.lab", "TXT", "-b", "0.0.0.0#40053")[0]
                    for _ in range(9))
                self.assertEqual(set(names), {'"s1"', '"s2"', '"s3"'})
                self.wait(lambda before=before, service=service:
                          sum(self.datagrams(service).values()) >= sum(before.values()) + 9,
                          "the datagrams to be counted")
        self.assertEqual(self.lab.connections(), [])

    def test_answer_in_fragments(self):
        self.check_answer_in_fragments()

    def test_a_closed_port_is_reported_to_the_client(self):
        with self.host("c1").inside():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with client:
            client.settimeout(20)
            client.connect((NAT_VIP, CLOSED_PORT))
            client.send(b"is there anybody")
            with self.assertRaises(ConnectionRefusedError):
                client.recv(100)

    def test_it_is_shown(self):
        self.assertIn(f"UDP  {NAT_VIP}:53 rr dns one_packet\n",
                      self.lab.lbcli("show", "service").stdout)
        shown = self.lab.show("service")["services"]
        self.assertTrue(all(service["one_packet"] for service in shown))


harness.main(__name__)
