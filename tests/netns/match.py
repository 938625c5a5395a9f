#!/usr/bin/python3
"""Services with several addresses, ranges of ports and all ports; real servers that keep the port."""

import collections
import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, WAN_NET, server_address

SECOND_VIP = f"{WAN_NET}.12"
THIRD_VIP = f"{WAN_NET}.13"
SPOT = 8005  # in the midst of the range, a service of its own


def portless(numbers):
    return [{"address": server_address(number)} for number in numbers]


class Match(harness.LabTest):
    SERVERS = 3

    @classmethod
    def configure(cls, lab):
        check = director.check("tcp") | {"port": 80}
        ranges = director.service("range", f"{NAT_VIP}:0", "nat", [], check=check,
                                  real_server=portless([1, 2]))
        ranges["addresses"] = [f"{NAT_VIP}:8000-8100", f"{NAT_VIP}:80", f"{SECOND_VIP}:80"]
        whole = director.service("all", f"{THIRD_VIP}:0", "nat", [], check=check,
                                 real_server=portless([1, 3]), scheduler="rr")
        whole["addresses"] = [f"{THIRD_VIP}:*"]
        direct = director.service("direct", f"{DR_VIP}:0", "dr", [], check=check,
                                  real_server=portless([1, 2]))
        direct["addresses"] = [f"{DR_VIP}:80", f"{DR_VIP}:8000-8010"]
        spot = director.service("spot", f"{NAT_VIP}:{SPOT}", "nat", [(3, 1)],
                                check=director.check("tcp"))
        udp = director.service("names", f"{NAT_VIP}:0", "nat", [], check=director.check("ping"),
                               real_server=portless([1, 2]), protocol="udp")
        udp["addresses"] = [f"{NAT_VIP}:50-60", f"{SECOND_VIP}:*"]
        for service in (ranges, whole, direct, udp):
            del service["address"]
        return director.config(f"{lab.dir}/run", [ranges, whole, direct, spot, udp])

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            for port in (8000, SPOT, 8010, 8100, 40_000):
                harness.start_peer(lab, name, "tcp-hold", port)

    def greeting(self, vip, port):
        """The name that a tcp-hold server says."""
        return self.greetings(vip, port, 1)[0]

    def greetings(self, vip, port, count):
        names = []
        for _ in range(count):
            client = self.connect(vip, port)
            names.append(client.recv(10).decode().strip())
            client.close()
        return names

    def connect(self, vip, port):
        with self.host("c1").inside():
            client = socket.create_connection((vip, port), timeout=20)
        self.addCleanup(client.close)
        return client

    def test_every_address_of_the_list(self):
        for vip in (NAT_VIP, SECOND_VIP):
            names = {self.fetch("c1", f"http://{vip}/").decode().strip() for _ in range(4)}
            self.assertEqual(names, {"s1", "s2"})

    def test_a_range_keeps_the_port(self):
        for port in (8000, 8010, 8100):
            self.assertEqual(set(self.greetings(NAT_VIP, port, 4)), {"s1", "s2"})

    def test_a_single_port_wins_over_the_range(self):
        self.assertEqual(set(self.greetings(NAT_VIP, SPOT, 4)), {"s3"})

    def test_outside_of_the_range_nobody_listens(self):
        with self.assertRaises(ConnectionRefusedError):
            self.connect(NAT_VIP, 8101)

    def test_all_ports(self):
        body = self.fetch("c1", f"http://{THIRD_VIP}/").decode().strip()
        self.assertIn(body, ("s1", "s3"))
        counts = collections.Counter(self.greetings(THIRD_VIP, 8010, 8)
                                     + self.greetings(THIRD_VIP, 40_000, 8))
        self.assertEqual(counts, {"s1": 8, "s3": 8})

    def test_direct_return(self):
        self.assertIn(self.fetch("c1", f"http://{DR_VIP}/").decode().strip(), ("s1", "s2"))
        self.assertIn(self.greeting(DR_VIP, 8010), ("s1", "s2"))

    def test_udp(self):
        for vip in (NAT_VIP, SECOND_VIP):
            answer = self.host("c1").run("dig", f"@{vip}", "server.lab", "TXT", "+short", "+tries=2")
            self.assertIn(answer.strip(), ('"s1"', '"s2"'))

    def test_lbcli_shows_addresses_and_the_port_of_a_connection(self):
        client = self.connect(THIRD_VIP, 40_000)
        name = client.recv(10).decode().strip()
        rows = [row for row in self.lab.connections("--service", "all")
                if row["client_port"] == client.getsockname()[1]]
        self.assertEqual([(row["vip_address"], row["vip_port"], row["real_server_port"])
                          for row in rows], [(THIRD_VIP, 40_000, 40_000)])
        self.assertEqual(rows[0]["real_server_address"], server_address(int(name[1:])))
        text = self.lab.lbcli("show", "service").stdout
        self.assertIn(f"{NAT_VIP}:8000-8100,{NAT_VIP}:80,{SECOND_VIP}:80", text)
        self.assertIn(f"{THIRD_VIP}:*", text)
        self.assertIn(f"  -> {server_address(1)} ", text)
        shown = {row["name"]: row["addresses"] for row in self.lab.show("service")["services"]}
        self.assertEqual(shown["all"], [f"{THIRD_VIP}:*"])
        self.assertEqual(shown["spot"], [f"{NAT_VIP}:{SPOT}"])


harness.main(__name__)
