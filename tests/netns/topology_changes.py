#!/usr/bin/python3
"""The network changes under running traffic: MAC addresses move, and connections stay."""

import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, WAN_NET

ECHO_PORT = 9000


class TopologyChanges(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        services = director.default_services("both", 1)
        for mode, vip, suffix in (("nat", NAT_VIP, ""), ("dr", DR_VIP, "-dr")):
            services.append(director.service(f"echo{suffix}", f"{vip}:{ECHO_PORT}", mode, [(1, 1)],
                                             check=director.check("tcp"), on_server_down="keep"))
        return director.config(f"{lab.dir}/run", services)

    @classmethod
    def prepare(cls, lab):
        harness.start_peer(lab, "s1", "tcp-echo", ECHO_PORT)

    def connect(self, vip):
        with self.host("c1").inside():
            client = socket.create_connection((vip, ECHO_PORT), timeout=20)
        self.addCleanup(client.close)
        return client

    def assert_echo(self, client):
        client.sendall(b"still there?")
        self.assertEqual(client.recv(100), b"still there?")

    def test_real_servers_mac_changes(self):
        self.allow_drops("real_server_down", "next_hop_unresolved")
        connections = [self.connect(vip) for vip in (NAT_VIP, DR_VIP)]
        for client in connections:
            self.assert_echo(client)
        server = self.host("s1")
        mac = "02:00:00:00:5e:01"
        server.ip("link", "set", "eth0", "address", mac)
        self.wait(lambda: mac in self.host("lb1").ip("neigh", "show", "10.0.0.11"),
                  "the kernel to learn the new address", timeout=60)
        self.lab.wait_servers_up()
        for client in connections:
            self.assert_echo(client)
        for vip in (NAT_VIP, DR_VIP):
            self.assertEqual(self.fetch("c1", f"http://{vip}/"), b"s1\n")

    def test_gateway_moves(self):
        """The gateway's address is taken over by a machine with another MAC, which says so."""
        client = self.connect(NAT_VIP)
        self.assert_echo(client)
        router = self.host("router")
        router.ip("link", "set", "wan", "address", "02:00:00:00:5e:02")
        harness.announce(router, "wan", f"{WAN_NET}.1")
        self.assert_echo(client)
        self.assertEqual(self.fetch("c1", f"http://{NAT_VIP}/"), b"s1\n")
        self.host("c1").run("ping", "-c", "1", "-W", "5", NAT_VIP)


harness.main(__name__)
