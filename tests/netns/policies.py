#!/usr/bin/python3
"""What stands between health and traffic: quorum and sorry server, slow start, quiesce, and what
operators change at run time: weights, maintenance, drains, schedulers."""

import collections
import os
import signal
import socket

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, server_address

# Of the real servers too. If two services shared the port of a server, a client that happened to use
# one source port for both would be given another server (reply_tuple_taken).
HOLD_PORT = 9000
RAMP_PORT = 9001
CALM_PORT = 9002
PORTS = {"web": 80, "hold": HOLD_PORT, "ramp": RAMP_PORT, "calm": CALM_PORT}


def held(port):
    """A real server's table for a service whose servers are tcp-hold peers."""
    return [{"address": f"{server_address(number)}:{port}"} for number in (1, 2)]


class Policies(harness.LabTest):
    SERVERS = 3

    @classmethod
    def configure(cls, lab):
        script = f'echo "$BALLAST_SERVICE $BALLAST_QUORUM" >> {lab.dir}/quorum'
        web = director.service(
            "web", f"{NAT_VIP}:80", "nat", [(1, 1), (2, 1)], quorum=2,
            quorum_up=["/bin/sh", "-c", script], quorum_down=["/bin/sh", "-c", script], quorum_user="root",
            sorry_server={"address": f"{server_address(3)}:80"})
        hold = director.service("hold", f"{NAT_VIP}:{HOLD_PORT}", "nat", [], scheduler="rr",
                                on_server_down="keep", real_server=held(HOLD_PORT),
                                check=director.check("tcp"))
        ramp = director.service("ramp", f"{NAT_VIP}:{RAMP_PORT}", "nat", [], slow_start="1h",
                                real_server=held(RAMP_PORT), check=director.check("tcp"))
        calm = director.service("calm", f"{NAT_VIP}:{CALM_PORT}", "nat", [],
                                on_server_down="quiesce",
                                real_server=held(CALM_PORT)[:1],
                                check=director.check() | {"port": 80})
        return director.config(f"{lab.dir}/run", [web, hold, ramp, calm])

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            harness.start_peer(lab, name, "tcp-hold", HOLD_PORT, RAMP_PORT, CALM_PORT)

    @staticmethod
    def ready(rs):
        return rs["next_hop_resolved"] and (rs["up"] or rs["endpoint"] == f"{server_address(3)}:80")

    def setUp(self):
        """What an earlier test changed is undone in the data plane too: the services share their
        servers, and a change that comes late is not this test's."""
        self.wait(self.is_as_configured, "what earlier tests changed to be as configured")
        super().setUp()

    def is_as_configured(self):
        return (all(self.ready(rs) for rs in self.lab.real_servers())
                and self.real_server("calm", f"{server_address(1)}:{CALM_PORT}")["weight"] == 1
                and not self.quorum()["web"]["sorry_server_in_use"])

    def set_rs(self, service, number, *words):
        self.lab.lbcli("set", "rs", service, f"{server_address(number)}:{PORTS[service]}", *words)

    def changes(self):
        return self.lab.show("changes")["changes"]

    def policy(self, service, number):
        return self.real_server(service, f"{server_address(number)}:{PORTS[service]}")["policy"]

    def fail_health(self, name):
        path = f"{self.lab.dir}/{name}/maintenance"
        with open(path, "w", encoding="utf-8"):
            pass
        self.addCleanup(lambda: os.path.exists(path) and os.remove(path))
        return path

    def quorum(self):
        return {each["name"]: each["quorum"] for each in self.lab.show("service")["services"]}

    def page(self):
        return self.fetch("c1", f"http://{NAT_VIP}/").decode().strip()

    def connect(self, port=HOLD_PORT):
        with self.host("c1").inside():
            client = socket.create_connection((NAT_VIP, port), timeout=20)
        self.addCleanup(client.close)
        return client.recv(10).decode().strip(), client

    def count(self, connections, port=HOLD_PORT):
        return dict(collections.Counter(self.connect(port)[0] for _ in range(connections)))

    def applied(self, change):
        """Runs `change` and waits for the data plane to run what came of it."""
        before = self.lab.generation()
        change()
        self.wait(lambda: self.lab.generation() > before, "the change to be applied")

    def test_sorry_server_stands_in_for_a_lost_quorum(self):
        self.allow_drops("real_server_down")
        told = f"{self.lab.dir}/quorum"

        def lines():
            with open(told, encoding="utf-8") as file:
                return file.read().split("\n")[:-1]

        self.wait(lambda: os.path.exists(told) and lines() == ["web up"], "the quorum's program")
        self.assertEqual(collections.Counter(self.page() for _ in range(4)), {"s1": 2, "s2": 2})
        with self.host("c1").inside():
            old = socket.create_connection((NAT_VIP, 80), timeout=20)
        self.addCleanup(old.close)
        maintenance = self.fail_health("s1")
        self.wait(lambda: self.quorum()["web"]["sorry_server_in_use"], "the sorry server")
        self.wait(lambda: self.page() == "s3", "its page")
        self.assertEqual({self.page() for _ in range(4)}, {"s3"})
        self.assertIn("quorum lost: 1 up of 2", self.lab.lbcli("show", "service").stdout)
        os.remove(maintenance)
        self.wait(lambda: self.page() != "s3", "the sorry server to be left")
        self.assertEqual(collections.Counter(self.page() for _ in range(4)), {"s1": 2, "s2": 2})
        self.wait(lambda: lines() == ["web up", "web down", "web up"], "the quorum's programs")

    def test_quiesced_server_keeps_its_connections(self):
        self.allow_drops("no_real_server")
        name, client = self.connect(CALM_PORT)
        self.assertEqual(name, "s1")
        maintenance = self.fail_health("s1")
        address = f"{server_address(1)}:{CALM_PORT}"
        self.wait(lambda: self.real_server("calm", address)["state"] == "quiesced", "quiesce")
        row = self.real_server("calm", address)
        self.assertEqual((row["up"], row["weight"], row["health"]["up"]), (True, 0, False))
        self.assertEqual(row["active_connections"], 1)
        client.sendall(b"x")
        self.assertEqual(client.recv(1), b"", "the server's answer to it: the end, no reset")
        os.remove(maintenance)
        self.wait(lambda: self.real_server("calm", address)["weight"] == 1, "its weight again")

    def test_saved_changes_outlive_a_reload(self):
        self.applied(lambda: self.set_rs("hold", 1, "drain", "--save"))
        self.applied(lambda: self.set_rs("hold", 2, "weight", "3"))
        name = f"service hold: real server {server_address(1)}:{HOLD_PORT}"
        self.assertEqual(self.changes()[0], f"{name}: drain, by lbcli set --save")
        self.applied(lambda: self.lab.lbcli("reload"))
        self.assertEqual(self.changes(), [f"{name}: drain, by lbcli set --save"])
        self.assertEqual(self.count(4), {"s2": 4})
        self.applied(lambda: self.set_rs("hold", 1, "ready"))
        self.lab.lbcli("reload")
        self.assertEqual(self.changes(), [])
        self.assertEqual(self.count(4), {"s1": 2, "s2": 2})

    def test_maintenance_and_back(self):
        self.applied(lambda: self.set_rs("hold", 1, "maint"))
        self.assertEqual(self.count(4), {"s2": 4})
        self.assertEqual(self.changes(), [
            f"service hold: real server {server_address(1)}:{HOLD_PORT}: maint, by lbcli set"])
        self.applied(lambda: self.set_rs("hold", 1, "ready"))
        self.assertEqual(self.count(4), {"s1": 2, "s2": 2})
        self.assertEqual(self.changes(), [])

    def test_drain_ends_what_remains_at_its_deadline(self):
        self.allow_drops("real_server_down")
        connections = dict(self.connect() for _ in range(2))
        self.assertEqual(set(connections), {"s1", "s2"})
        self.applied(lambda: self.set_rs("hold", 1, "drain", "--deadline", "4s"))
        policy = self.policy("hold", 1)
        self.assertEqual(policy["duty"], "drain")
        self.assertLessEqual(policy["drain_left_ms"], 4000)
        self.assertEqual(self.count(4), {"s2": 4})
        connections["s1"].settimeout(20)
        with self.assertRaises(ConnectionResetError):
            while connections["s1"].recv(10):
                pass
        self.assertEqual(self.policy("hold", 1)["duty"], "drained")
        connections["s2"].setblocking(False)
        self.assertRaises(BlockingIOError, connections["s2"].recv, 10)
        self.applied(lambda: self.set_rs("hold", 1, "ready"))
        self.assertEqual(self.count(4), {"s1": 2, "s2": 2})

    def test_changes_outlive_the_control_plane(self):
        self.applied(lambda: self.lab.lbcli("set", "service", "hold", "scheduler", "wrr"))
        self.applied(lambda: self.set_rs("hold", 1, "weight", "3"))
        self.applied(lambda: self.set_rs("web", 1, "drain"))
        self.assertEqual(self.count(8), {"s1": 6, "s2": 2})
        changes = self.changes()
        self.assertEqual(len(changes), 3)
        self.assertIn("3*", self.lab.lbcli("show", "rs").stdout)
        control = self.lab.processes["lb-controlplane"]
        control.signal(signal.SIGKILL)
        control.wait(10)
        self.lab.start_controlplane()
        self.wait(self.lab.controlplane_answers, "the control plane to answer")
        self.wait(lambda: self.changes() == changes, "the changes")
        self.assertEqual(self.count(8), {"s1": 6, "s2": 2})
        self.assertTrue(self.quorum()["web"]["sorry_server_in_use"])
        self.applied(lambda: self.lab.lbcli("set", "service", "hold", "scheduler", "rr"))
        self.applied(lambda: self.set_rs("hold", 1, "weight", "1"))
        self.applied(lambda: self.set_rs("web", 1, "ready"))
        self.assertEqual(self.changes(), [])

    def test_returning_server_starts_slowly(self):
        self.allow_drops("real_server_down")
        self.assertEqual(self.count(4, RAMP_PORT), {"s1": 2, "s2": 2})
        self.applied(lambda: self.set_rs("ramp", 1, "maint"))
        self.applied(lambda: self.set_rs("ramp", 1, "ready"))
        self.assertEqual(self.policy("ramp", 1)["slow_start_percent"], 0)
        self.assertGreaterEqual(self.count(30, RAMP_PORT)["s2"], 28)

    def test_mistakes_are_named(self):
        done = self.lab.lbcli("set", "rs", "hold", "10.9.9.9:1", "maint", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("service hold has no real server 10.9.9.9:1", done.stderr)
        done = self.lab.lbcli("set", "rs", "hold", "10.9.9.9:1", "weight", "x", check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("invalid weight \"x\"; write a number from 0 to 65535", done.stderr)


harness.main(__name__)
