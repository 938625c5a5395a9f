#!/usr/bin/python3
"""DNS over UDP through NAT and DR: dig against dnsmasq, distribution, large answers."""

import collections

import harness
from ballast_lab.topology import DR_VIP, NAT_VIP


class UdpDns(harness.LabTest):
    SERVERS = 3

    def dig(self, vip, name, kind, *options):
        return self.host("c1").run("dig", f"@{vip}", name, kind, "+short", "+tries=1", "+time=3",
                                   *options).split("\n")

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
        """Nearly 4 kB in one datagram, with EDNS and no TCP to fall back on."""
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                lines = self.dig(vip, "large.lab", "TXT", "+bufsize=8192", "+ignore")
                self.assertEqual(sorted(line[1:3] for line in lines if line),
                                 [f"{i:02d}" for i in range(16)])

    def test_connections_are_shown(self):
        self.dig(NAT_VIP, "server.lab", "TXT", "-b", "0.0.0.0#40054")
        rows = [row for row in self.lab.connections("--service", "dns")
                if row["client_port"] == 40054]
        self.assertEqual(len(rows), 1)
        self.assertEqual((rows[0]["protocol"], rows[0]["vip_address"], rows[0]["vip_port"]),
                         ("udp", NAT_VIP, 53))


harness.main(__name__)
