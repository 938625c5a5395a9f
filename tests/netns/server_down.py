#!/usr/bin/python3
"""Connections whose real server died are never silently stuck: TCP is reset, UDP moves on."""

import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, LAN_NET, NAT_VIP, ROUTER_LAN, server_address

HOLD_PORT = 9000
UDP_PORT = 7000


class ServerDown(harness.LabTest):
    SERVERS = 2

    @classmethod
    def configure(cls, lab):
        both = [(1, 1), (2, 1)]
        services = []
        for mode, vip, suffix in (("nat", NAT_VIP, ""), ("dr", DR_VIP, "-dr")):
            services.append(director.service(f"hold{suffix}", f"{vip}:{HOLD_PORT}", mode, both,
                                             scheduler="rr", check=director.check("tcp")))
            services.append(director.service(f"udp{suffix}", f"{vip}:{UDP_PORT}", mode, both,
                                             protocol="udp", scheduler="rr",
                                             check=director.check("ping")))
        return director.config(f"{lab.dir}/run", services)

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            harness.start_peer(lab, name, "tcp-hold", HOLD_PORT)
            harness.start_peer(lab, name, "udp-echo", UDP_PORT)

    def setUp(self):
        super().setUp()
        self.allow_drops("real_server_down", "next_hop_unresolved")
        self.lab.wait_servers_up()

    def vanish(self, name):
        """The host falls silent: no RST and no FIN of its own."""
        server = self.host(name)
        server.ip("link", "set", "eth0", "down")

        def come_back():
            server.ip("link", "set", "eth0", "up")
            server.ip("route", "add", "default", "via", f"{LAN_NET}.1")
            server.ip("route", "add", "default", "via", ROUTER_LAN, "table", "100")

        self.addCleanup(come_back)
        for service in ("hold", "hold-dr"):
            self.wait_server(service, f"{server_address(int(name[1:]))}:{HOLD_PORT}", up=False)

    def held_connections(self, vip):
        """One connection to each server: {name: socket}."""
        held = {}
        for _ in range(2):
            with self.host("c1").inside():
                client = socket.create_connection((vip, HOLD_PORT), timeout=20)
            self.addCleanup(client.close)
            held[client.recv(10).decode().strip()] = client
        self.assertEqual(set(held), {"s1", "s2"})
        return held

    def test_established_connections_are_reset(self):
        """A client that only waits in a read learns of it, too; the other server's clients do not."""
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                self.lab.wait_servers_up()
                held = self.held_connections(vip)
                self.vanish("s1")
                held["s1"].settimeout(5)
                with self.assertRaises(ConnectionResetError):
                    held["s1"].recv(1)
                held["s2"].settimeout(0.5)
                with self.assertRaises(TimeoutError):
                    held["s2"].recv(1)
                self.doCleanups()

    def test_udp_moves_on(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                self.lab.wait_servers_up()
                clients = [self.udp_client(vip) for _ in range(4)]
                on_first = [client for client in clients if self.ask(client) == b"s1"]
                self.assertEqual(len(on_first), 2)
                self.vanish("s1")
                for client in clients:
                    self.assertEqual(self.ask(client), b"s2")
                self.doCleanups()

    def udp_client(self, vip):
        with self.host("c1").inside():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.settimeout(2)
        client.connect((vip, UDP_PORT))
        self.addCleanup(client.close)
        return client

    def ask(self, client):
        """The name of the server that answers; a datagram may be lost while the change is made."""
        for _ in range(5):
            client.send(b"who")
            try:
                return client.recv(10)
            except TimeoutError:
                continue
        return self.fail("no answer")


harness.main(__name__)
