#!/usr/bin/python3
"""10,000 TCP connections in NAT mode and 10,000 in DR mode outlive whatever dies of a director, and
its return; UDP flows keep their real servers; new connections find the other one."""

import time

import ha_traffic
import harness
from ballast_lab import pair
from ballast_lab.errors import LabError
from ballast_lab.topology import DR_VIP, GATEWAY, NAT_VIP

CONNECTIONS = 10_000  # in each mode
LIVE_S = 10  # in which each of them says something
SYNCED_S = 0.1  # what was established so long before a failure goes on after it
FRESH = 300  # in each mode, opened while a director fails
# With that the table of 20,000 connections takes some seconds.
SLOW_SYNC = ("rate", "3mbit", "burst", "32kb", "limit", "1mb")


class Failover(harness.HaTest):
    CLIENTS = 2
    SERVERS = 2

    @classmethod
    def services(cls):
        return ha_traffic.services(cls.SERVERS)

    @classmethod
    def prepare(cls, lab):
        ha_traffic.start_servers(lab)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.traffic = ha_traffic.Traffic(cls.lab)
        try:
            cls.traffic.open_all(CONNECTIONS)
        except BaseException:
            cls.tearDownClass()
            raise
        cls.traffic.note_servers()
        cls.traffic.live(LIVE_S)

    @classmethod
    def tearDownClass(cls):
        cls.traffic.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        # What is under way to a director that is gone, or comes to one that begins, may be lost.
        self.allow_drops("next_hop_unresolved", "no_real_server", "punt_failed", "other_station")
        self.wait_role("lb1", "MASTER")
        self.wait(lambda: self.lab.directors["lb1"].show("sync")["peer_complete"],
                  "the standby's table to be complete")

    # ---- what must hold

    def assert_all_survived(self):
        """Each connection gets its own bytes back; each flow has the server that it had."""
        for mode, report in self.traffic.exchange().items():
            self.assertEqual((report["survived"], report["lost"]), (CONNECTIONS, {}), mode)
        self.assertEqual(self.traffic.moved_flows(), {})

    def survive(self, what, fail, new_master="lb2"):
        """Calls `fail` while connections are opened: those that were established in time go on, as
        all others do, and new ones work."""
        with self.traffic.newcomers() as newcomers:
            before = self.lab.directors["lb1"].connection_count()
            newcomers.send("open", count=FRESH, per_second=FRESH / 2)
            self.wait(lambda: self.lab.directors["lb1"].connection_count() > before + FRESH / 2,
                      "connections to be opened")
            self.traffic.begin_gap()
            failed_at = time.monotonic()
            fail()
            self.wait_role(new_master, "MASTER")
            self.traffic.comment_gap(what)
            ha_traffic.comment(f"{what}: opened meanwhile", newcomers.answers())
            newcomers.ask("exchange")
            reports = newcomers.ask("report", established_before=failed_at - SYNCED_S)
            for mode, report in reports.items():
                self.assertGreater(report["established"], 0, mode)
                self.assertEqual(report["lost"], {}, mode)
            for mode, opened in newcomers.ask("open", count=50).items():
                self.assertEqual((opened["open"], opened["failed"]), (50, {}), mode)
        self.assert_all_survived()

    def transitions(self, name, since_ms=0):
        """[(from, to, reason)] of the WAN instance on a director, oldest first."""
        return [(event["from"], event["to"], event["reason"])
                for event in self.lab.directors[name].show("ha")["events"]
                if event["instance"] == pair.WAN_INSTANCE and event["unix_ms"] >= since_ms]

    def watch_return(self, name):
        """What a director tells of itself until it is master: [(state, gate, complete, rows)]."""
        each = self.lab.directors[name]
        seen = []

        def look():
            try:
                complete = each.show("sync")["complete"]
                group = each.show("ha")["groups"][0]
                now = (group["state"], group["gate"], complete, each.connection_count())
            except LabError:
                return False  # it does not answer yet
            if not seen or seen[-1] != now:
                seen.append(now)
            return group["state"] == "MASTER"

        self.wait(look, f"{name} to be master", timeout=60)
        return seen

    def assert_waited_for_table(self, seen):
        """It was no master before it had everything."""
        gates = [gate for state, gate, _, _ in seen if state == "BACKUP" and gate]
        self.assertIn("the connection table is not complete yet", gates, seen)
        _, _, complete, rows = seen[-1]
        self.assertTrue(complete, seen)
        self.assertGreaterEqual(rows, 2 * CONNECTIONS, seen)

    def assert_one_owner(self, name):
        """The addresses are on one director's interfaces only."""
        for address in (NAT_VIP, DR_VIP, GATEWAY):
            self.wait(lambda address=address: self.owners(address) == [name],
                      f"{address} to be on {name} alone")

    def owners(self, address):
        return [name for name in pair.DIRECTORS
                if f"inet {address}/" in self.host(name).ip("-o", "address", "show")]

    def slow_sync(self):
        """The sync link carries as little as it takes to look at a table that is not complete."""
        for name in pair.DIRECTORS:
            self.host(name).run("tc", "qdisc", "replace", "dev", "sync0", "root", "tbf", *SLOW_SYNC)
            self.addCleanup(self.host(name).run, "tc", "qdisc", "del", "dev", "sync0", "root")

    # ---- tests

    def test_kill_master_and_return(self):
        """kill -9 of both daemons; the director comes back under load, with a slow sync link."""
        began_ms = time.time() * 1000
        self.survive("master killed", lambda: self.kill_director("lb1"))
        self.assert_one_owner("lb2")
        self.assertEqual(self.transitions("lb2", began_ms),
                         [("BACKUP", "MASTER", "no advert from a master")])

        self.slow_sync()
        self.traffic.begin_gap()
        returned_ms = time.time() * 1000
        self.lab.directors["lb1"].start()
        self.assert_waited_for_table(self.watch_return("lb1"))
        self.traffic.comment_gap("master returned")
        self.lab.directors["lb1"].wait_servers_up()
        self.assert_all_survived()
        self.assert_one_owner("lb1")
        self.assertEqual(self.transitions("lb1"), [
            ("INIT", "BACKUP", "start"),
            ("BACKUP", "MASTER", "the master has a lower priority")])
        ((*change, reason),) = self.transitions("lb2", returned_ms)
        self.assertEqual(change, ["MASTER", "BACKUP"])
        # By adverts, or when they come late by the sync link.
        self.assertRegex(reason, "^master (192.0.2.2|10.0.0.2) of|^the peer is master too and better")

    def test_kill_dataplane(self):
        """kill -9 of the data plane alone: its control plane gives the addresses away."""
        lb1 = self.lab.directors["lb1"]
        began_ms = time.time() * 1000
        self.survive("data plane killed", lb1.process("lb-dataplane").kill)
        ((*change, reason),) = self.transitions("lb1", began_ms)
        self.assertEqual(change, ["MASTER", "FAULT"])
        self.assertRegex(reason, "interface (wan|lan) (does not exist|has no link)")
        self.assertEqual(self.transitions("lb2", began_ms),
                         [("BACKUP", "MASTER", "the master resigned")])
        self.assert_one_owner("lb2")

        self.traffic.begin_gap()
        lb1.start_daemon("lb-dataplane")
        seen = self.watch_return("lb1")
        self.traffic.comment_gap("data plane returned")
        self.assertTrue(seen[-1][2], seen)
        self.assertGreaterEqual(seen[-1][3], 2 * CONNECTIONS, seen)
        lb1.wait_servers_up()
        self.assert_all_survived()
        self.assert_one_owner("lb1")

    def test_kill_controlplane(self):
        """kill -9 of the control plane alone: nobody is there who could take the addresses off the
        interfaces, until it is restarted."""
        lb1 = self.lab.directors["lb1"]
        self.survive("control plane killed", lb1.process("lb-controlplane").kill)
        self.traffic.begin_gap()
        lb1.start_daemon("lb-controlplane")
        seen = self.watch_return("lb1")
        self.traffic.comment_gap("control plane returned")
        self.assertTrue(seen[-1][2], seen)
        lb1.wait_servers_up()
        self.assert_one_owner("lb1")
        self.assert_all_survived()


harness.main(__name__)
