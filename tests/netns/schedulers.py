#!/usr/bin/python3
"""The schedulers with real connections: turns, weights, fewest connections, weight 0."""

import collections
import socket

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, server_address

HOLD_PORT = 9000
# Service port -> scheduler and weights of s1, s2, s3. All lead to the same program.
SERVICES = {
    9001: ("rr", (1, 7, 1)),
    9002: ("wrr", (3, 2, 1)),
    9003: ("lc", (1, 5, 1)),
    9004: ("wlc", (2, 1, 1)),
    9005: ("wrr", (1, 0, 1)),
    9006: ("lc", (0, 1, 1)),
}


class Schedulers(harness.LabTest):
    SERVERS = 3

    @classmethod
    def configure(cls, lab):
        services = []
        for port, (scheduler, weights) in SERVICES.items():
            servers = [{"address": f"{server_address(number)}:{HOLD_PORT}", "weight": weight}
                       for number, weight in enumerate(weights, 1)]
            services.append(director.service(f"hold-{port}", f"{NAT_VIP}:{port}", "nat", [],
                                             scheduler=scheduler, real_server=servers,
                                             check=director.check("tcp")))
        return director.config(f"{lab.dir}/run", services)

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            harness.start_peer(lab, name, "tcp-hold", HOLD_PORT)

    def hold(self, port, count):
        """Opens connections one after the other and keeps them: [(server's name, socket)]."""
        held = []
        for _ in range(count):
            with self.host("c1").inside():
                client = socket.create_connection((NAT_VIP, port), timeout=20)
            self.addCleanup(client.close)
            held.append((client.recv(10).decode().strip(), client))
        return held

    def count(self, held):
        return dict(collections.Counter(name for name, _ in held))

    def active(self, port):
        return {rs["address"]: rs["active_connections"]
                for rs in self.lab.real_servers() if rs["service"] == f"hold-{port}"}

    def test_rr_ignores_weights(self):
        self.assertEqual(self.count(self.hold(9001, 12)), {"s1": 4, "s2": 4, "s3": 4})

    def test_wrr_is_interleaved(self):
        names = [name for name, _ in self.hold(9002, 12)]
        self.assertEqual(collections.Counter(names), {"s1": 6, "s2": 4, "s3": 2})
        # Smooth: the heavy one is never asked for its three turns in a row.
        self.assertNotIn("s1s1s1", "".join(names))

    def test_lc_fills_the_emptiest(self):
        held = self.hold(9003, 9)
        self.assertEqual(self.count(held), {"s1": 3, "s2": 3, "s3": 3})
        for name, client in held:
            if name == "s2":
                client.close()
        self.wait(lambda: self.active(9003)[server_address(2)] == 0, "s2's connections to end")
        self.assertEqual(self.count(self.hold(9003, 2)), {"s2": 2})

    def test_wlc_fills_by_weight(self):
        self.assertEqual(self.count(self.hold(9004, 12)), {"s1": 6, "s2": 3, "s3": 3})

    def test_weight_0_gets_no_new_connection(self):
        self.assertEqual(self.count(self.hold(9005, 8)), {"s1": 4, "s3": 4})
        self.assertEqual(self.count(self.hold(9006, 8)), {"s2": 4, "s3": 4})

    def test_active_connections_are_exact(self):
        self.wait(lambda: sum(self.active(9001).values()) == 0, "earlier connections to end")
        held = self.hold(9001, 6)
        self.assertEqual(sorted(self.active(9001).values()), [2, 2, 2])
        for _, client in held:
            client.close()
        self.wait(lambda: sum(self.active(9001).values()) == 0, "the connections to end")


harness.main(__name__)
