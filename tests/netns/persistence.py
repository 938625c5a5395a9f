#!/usr/bin/python3
"""Clients that stay with their real server: alone, in a group of services, until it dies or somebody
has them forgotten."""

import socket

import harness
from ballast_lab import director, pair
from ballast_lab.topology import NAT_VIP, server_address

# Of the real servers too, so that a client's source port is never taken by another service.
PORTS = WEB_PORT, TLS_PORT, PLAIN_PORT, SHORT_PORT = 9001, 9002, 9003, 9004


def services():
    """Two services of a group; one without persistence; one whose clients are soon forgotten."""
    persistence = {"persistence": "5m", "persistence_prefix": 32, "group": "shop"}
    tables = []
    for name, port, more in (("web", WEB_PORT, persistence), ("tls", TLS_PORT, persistence),
                             ("plain", PLAIN_PORT, {}), ("short", SHORT_PORT,
                                                         {"persistence": "2s"})):
        servers = [{"address": f"{server_address(number)}:{port}"} for number in (1, 2)]
        tables.append(director.service(name, f"{NAT_VIP}:{port}", "nat", [], scheduler="rr",
                                       real_server=servers, check=director.check("tcp"), **more))
    return tables


def hold(test, client, port):
    """A connection from a client: its socket, and the name of the server."""
    with test.host(client).inside():
        held = socket.create_connection((NAT_VIP, port), timeout=20)
    test.addCleanup(held.close)
    held.settimeout(20)
    return held, held.recv(10).decode().strip()


class Persistence(harness.LabTest):
    CLIENTS = 2

    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", services())

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            harness.start_peer(lab, name, "tcp-hold", *PORTS)

    def setUp(self):
        super().setUp()
        self.lab.wait_servers_up()
        self.lab.lbcli("flush", "conn", "--all")
        self.lab.lbcli("flush", "persistence")

    def servers_of(self, client, port, count):
        return [hold(self, client, port)[1] for _ in range(count)]

    def lbcli(self, *arguments):
        return self.lab.lbcli(*arguments).stdout

    def bonds(self, *filters):
        return self.lab.show("persistence", *filters)

    def test_a_client_stays_with_its_server(self):
        for client in ("c1", "c2"):
            self.assertEqual(len(set(self.servers_of(client, WEB_PORT, 6))), 1)
        self.assertEqual(set(self.servers_of("c1", PLAIN_PORT, 6)), {"s1", "s2"})
        self.assertEqual(len(self.bonds()), 2)

    def test_a_group_shares_its_clients(self):
        for client in ("c1", "c2"):
            names = [self.servers_of(client, port, 1)[0] for port in (WEB_PORT, TLS_PORT) * 3]
            self.assertEqual(len(set(names)), 1, names)
        rows = self.bonds("--group", "shop")
        self.assertEqual({row["real_server_port"] for row in rows}, {0})
        self.assertEqual({row["real_server_address"] for row in rows},
                         {server_address(1), server_address(2)})
        self.assertEqual(len(self.bonds("--service", "tls")), 2, "one and the same for all of it")

    def test_show_and_flush(self):
        name = self.servers_of("c1", WEB_PORT, 1)[0]
        row = self.bonds()[0]
        self.assertEqual((row["service"], row["group"], row["client_prefix"]), ("web", "shop", 32))
        self.assertEqual(row["real_server_address"], server_address(int(name[1:])))
        self.assertLessEqual(row["expires_ms"], 300_000)
        self.assertGreater(row["expires_ms"], 240_000)
        self.assertIn("of group shop", self.lbcli("show", "persistence"))
        self.assertEqual(self.bonds("--client", "203.0.113.0/24"), [])
        self.assertEqual(len(self.bonds("--client", row["client_address"])), 1)
        self.assertEqual(self.lbcli("flush", "persistence", "--client", "203.0.113.0/24"),
                         "0 clients forgotten\n")
        self.assertEqual(self.lbcli("flush", "persistence", "--service", "tls"),
                         "1 client forgotten\n")
        self.assertEqual(self.bonds(), [])
        self.assertNotEqual(self.servers_of("c1", WEB_PORT, 1)[0], name, "scheduled anew")

    def test_a_client_is_forgotten_in_time(self):
        held, name = hold(self, "c1", SHORT_PORT)
        held.close()
        self.wait(lambda: not self.bonds("--service", "short"), "the client to be forgotten")
        self.assertNotEqual(self.servers_of("c1", SHORT_PORT, 1)[0], name)

    def test_a_dead_server_is_left_for_good(self):
        self.allow_drops("real_server_down", "next_hop_unresolved")
        name = self.servers_of("c1", WEB_PORT, 1)[0]
        address = server_address(int(name[1:]))
        self.lab.processes[f"{name}-tcp-hold-{WEB_PORT}"].stop()
        for service, port in (("web", WEB_PORT), ("tls", TLS_PORT)):
            self.wait_server(service, f"{address}:{port}", up=False)
        other = self.servers_of("c1", WEB_PORT, 1)[0]
        self.assertNotEqual(other, name)
        harness.start_peer(self.lab, name, "tcp-hold", *PORTS)
        for service, port in (("web", WEB_PORT), ("tls", TLS_PORT)):
            self.wait_server(service, f"{address}:{port}", up=True)
        self.assertEqual(set(self.servers_of("c1", WEB_PORT, 3)), {other})
        self.assertEqual(set(self.servers_of("c1", TLS_PORT, 3)), {other})

    def test_counters(self):
        self.servers_of("c1", WEB_PORT, 1)
        stats = self.lab.show("stats")
        self.assertEqual((stats["persistence_entries"], stats["persistence_evicted"]), (1, 0))
        self.assertEqual(stats["max_persistence"], 250_000)

    def test_flush_conn(self):
        """Those who send and those who only wait learn of it; others go on."""
        waiting, server = hold(self, "c1", WEB_PORT)
        other, _ = hold(self, "c2", WEB_PORT)
        client = self.lab.connections("--client", waiting.getsockname()[0], "--service", "web",
                                      "--state", "established")
        mine = [row for row in client if row["client_port"] == waiting.getsockname()[1]]
        self.assertEqual(len(mine), 1)
        status = self.lab.lbcli("flush", "conn", check=False)
        self.assertEqual(status.returncode, 2)
        self.assertEqual(self.lbcli("flush", "conn", "--service", "short"), "0 connections ended\n")
        self.assertEqual(self.lbcli("flush", "conn", "--client", waiting.getsockname()[0],
                                    "--rs", mine[0]["real_server_address"], "--service", "web"),
                         f"{len(client)} connection{'s' if len(client) != 1 else ''} ended\n")
        with self.assertRaises(ConnectionResetError):
            waiting.recv(1)
        other.settimeout(0.5)
        with self.assertRaises(TimeoutError):
            other.recv(1)
        self.assertEqual(hold(self, "c1", WEB_PORT)[1], server, "the client is bound all the same")
        self.lbcli("flush", "conn", "--all")
        with self.assertRaises(ConnectionResetError):
            other.settimeout(20)
            other.recv(1)
        self.assertEqual(self.lab.connection_count(), 0)


class AfterFailover(harness.HaTest):
    @classmethod
    def services(cls):
        return services()

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            harness.start_peer(lab, name, "tcp-hold", *PORTS)

    def setUp(self):
        super().setUp()
        self.wait_role("lb1", "MASTER")
        self.wait_role("lb2", "BACKUP")

    def bonds(self, name, *filters):
        return self.lab.directors[name].show("persistence", *filters)

    def test_flush_reaches_the_peer(self):
        hold(self, "c1", WEB_PORT)
        self.wait(lambda: self.bonds("lb2"), "the standby to know the client")
        row = self.bonds("lb2")[0]
        self.assertTrue(row["from_peer"])
        self.assertEqual(row["real_server_address"], self.bonds("lb1")[0]["real_server_address"])
        self.lab.directors["lb1"].lbcli("flush", "persistence")
        self.wait(lambda: not self.bonds("lb2"), "the standby to forget the client")

    def test_connections_that_are_flushed_end_on_both(self):
        hold(self, "c1", PLAIN_PORT)
        standby = self.lab.directors["lb2"]
        self.wait(lambda: standby.connections("--service", "plain"), "the standby to know it")
        self.lab.directors["lb1"].lbcli("flush", "conn", "--service", "plain")
        self.wait(lambda: not standby.connections("--service", "plain"), "the standby to forget it")

    def test_clients_stay_with_their_server_when_the_master_dies(self):
        # Not the server with which the new master's own turn begins.
        for _ in range(2):
            self.lab.directors["lb1"].lbcli("flush", "persistence")
            name = hold(self, "c1", WEB_PORT)[1]
            if name == "s2":
                break
        self.assertEqual(name, "s2")
        ours = self.bonds("lb1", "--service", "web")
        self.wait(lambda: self.bonds("lb2", "--service", "web"), "the standby to know the client")
        self.assertEqual(self.bonds("lb2", "--service", "web")[0]["real_server_address"],
                         ours[0]["real_server_address"])
        self.kill_director("lb1")
        self.wait_role("lb2", "MASTER")
        for _ in range(4):
            self.assertEqual(hold(self, "c1", WEB_PORT)[1], name)
            self.assertEqual(hold(self, "c1", TLS_PORT)[1], name)
        self.start_director("lb1")
        self.wait_role("lb1", "MASTER", timeout=60)
        self.assertEqual(hold(self, "c1", WEB_PORT)[1], name)


harness.main(__name__)
