#!/usr/bin/python3
"""Sync groups: what is one director's only together, with another director of Ballast and with
keepalived as the peer; and when the better one takes over again."""

import harness
from ballast_lab import director, pair
from ballast_lab.pair import LAN_INSTANCE, SYNC_GROUP, WAN_INSTANCE
from ballast_lab.topology import GATEWAY, NAT_VIP, own_addresses
from capture import VrrpCapture
from keepalived import Instance, Keepalived, take_ports

INSTANCES = (WAN_INSTANCE, LAN_INSTANCE)
DELAY_MS = 2500
# More than a backup waits for before it takes a master for silent.
ADVERTS_IN_PEACE = 6


class Pair(harness.HaTest):
    SERVERS = 1

    @classmethod
    def services(cls):
        return director.default_services("nat", cls.SERVERS)

    def setUp(self):
        super().setUp()
        # What comes to a director that has just lost a port, or is not yet known to be another's.
        self.allow_drops("other_station", "next_hop_unresolved", "no_real_server", "punt_failed")
        self.wait_all("lb1", "MASTER")
        self.wait_all("lb2", "BACKUP")

    def wait_all(self, name, state):
        for instance in INSTANCES:
            self.wait_role(name, state, instance, timeout=30)

    def instance(self, name, instance):
        return next(row for row in self.lab.directors[name].show("ha")["instances"]
                    if row["name"] == instance)

    def events(self, name, instance=WAN_INSTANCE):
        return [row for row in self.lab.directors[name].show("ha")["events"]
                if row["instance"] == instance]

    def assert_serves(self):
        self.wait(lambda: self.fetch("c1", f"http://{NAT_VIP}/").strip() == b"s1", "an answer")

    def restart_lb1(self, **options):
        """Its control plane, with other options in both instances. It hands over to lb2 first."""
        lb1 = self.lab.directors["lb1"]
        tables = pair.configs(self.lab.dir, self.services(), self.ADVERT_INTERVAL)["lb1"]
        for instance in tables["ha"]["instance"]:
            instance.update(options)
        lb1.write_config(tables)
        lb1.process("lb-controlplane").stop()
        self.wait_all("lb2", "MASTER")
        lb1.start_daemon("lb-controlplane")
        lb1.wait_for(lb1.controlplane_answers, 15, "the control plane's socket")

    def test_one_members_port_fails_and_both_leave(self):
        for network in ("lan", "wan"):
            with self.subTest(network=network):
                self.pull_cable("lb1", network)
                self.wait_all("lb2", "MASTER")
                self.wait_all("lb1", "FAULT")
                faults = {name: self.instance("lb1", name)["fault"] for name in INSTANCES}
                failed, works = INSTANCES if network == "wan" else reversed(INSTANCES)
                self.assertEqual(faults, {failed: f"interface {network} has no link", works: ""})
                for name in INSTANCES:
                    self.assertEqual(self.events("lb1", name)[-1]["reason"], faults[failed])
                self.assert_serves()
                self.plug_cable("lb1", network)
                self.wait_all("lb1", "MASTER")
                self.wait_all("lb2", "BACKUP")
                self.assert_serves()

    def test_the_better_one_waits_before_it_takes_over(self):
        self.restart_lb1(preempt_delay=f"{DELAY_MS}ms")
        self.wait_all("lb1", "MASTER")
        self.assert_delayed("INIT")
        self.pull_cable("lb1", "lan")
        self.wait_all("lb1", "FAULT")
        self.wait_all("lb2", "MASTER")
        self.plug_cable("lb1", "lan")
        self.wait_all("lb1", "MASTER")
        self.assert_delayed("FAULT")
        self.restart_lb1()
        self.wait_all("lb1", "MASTER")

    def assert_delayed(self, out_of):
        waits, takes = self.events("lb1")[-2:]
        self.assertEqual((waits["from"], waits["to"], takes["from"], takes["to"]),
                         (out_of, "BACKUP", "BACKUP", "MASTER"))
        self.assertGreaterEqual(takes["unix_ms"] - waits["unix_ms"], DELAY_MS)
        # lb2 was master for all that time, whatever came out of a cable that was plugged in again.
        self.assertEqual(takes["reason"], "the master has a lower priority")

    def test_the_better_one_lets_be_who_is_master(self):
        self.restart_lb1(preempt=False)
        for instance in INSTANCES:
            self.wait(lambda: self.instance("lb1", instance)["received_adverts"] > ADVERTS_IN_PEACE,
                      "adverts of lb2")
        self.wait_all("lb1", "BACKUP")
        self.assertEqual([row["to"] for row in self.events("lb1")], ["BACKUP"])
        self.pull_cable("lb2", "wan")
        self.wait_all("lb1", "MASTER")
        self.plug_cable("lb2", "wan")
        self.wait_all("lb2", "BACKUP")
        self.restart_lb1()


class BesideKeepalived(harness.LabTest):
    """Without a sync link. Both instances' adverts are one second apart, so that a group that leaves
    does so by its word and not by its silence."""

    HA = True
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        tables = pair.configs(lab.dir, director.default_services("nat", cls.SERVERS), "1s")["lb1"]
        del tables["ha"]["sync"]
        return tables

    @classmethod
    def prepare(cls, lab):
        take_ports(lab, "lb2")

    def setUp(self):
        super().setUp()
        self.allow_drops("other_station", "next_hop_unresolved", "no_real_server", "punt_failed")
        self.wait_ballast("MASTER")

    def start_keepalived(self, priority):
        instances = [Instance(name, f"{port}0", pair.VIRTUAL_ROUTER_IDS[name], priority, [address])
                     for name, port, address in ((WAN_INSTANCE, "wan", f"{NAT_VIP}/24"),
                                                 (LAN_INSTANCE, "lan", f"{GATEWAY}/24"))]
        keepalived = Keepalived(self.lab, "lb2", instances, sync_group=True)
        keepalived.start()
        self.addCleanup(keepalived.stop)
        return keepalived

    def wait_ballast(self, state):
        self.wait(lambda: set(self.lab.roles().values()) == {state}, f"both to be {state}", 30)

    def wait_keepalived(self, keepalived, state):
        for name in INSTANCES:
            keepalived.wait_state(name, state, 30)

    def pull(self, host):
        self.addCleanup(self.plug, host)
        self.lab.network.set_cable(host, "lan", plugged=False)

    def plug(self, host):
        self.lab.network.set_cable(host, "lan", plugged=True)

    def resigned(self, capture, source):
        return any(each.priority == 0 and each.source == source for each in capture.adverts())

    def test_ballast_leaves_both(self):
        keepalived = self.start_keepalived(100)
        self.wait_keepalived(keepalived, "BACKUP")
        with VrrpCapture(self.lab, "lb1", "wan") as capture:
            self.pull("lb1")
            self.wait_ballast("FAULT")
            self.wait_keepalived(keepalived, "MASTER")
            self.assertTrue(all(keepalived.holds(name) for name in INSTANCES))
            self.wait(lambda: self.resigned(capture, own_addresses("lb1")["wan"]),
                      "its resignation")
        self.plug("lb1")
        self.wait_ballast("MASTER")
        self.wait_keepalived(keepalived, "BACKUP")

    def test_ballast_accepts_both(self):
        keepalived = self.start_keepalived(200)
        self.wait_keepalived(keepalived, "MASTER")
        self.wait_ballast("BACKUP")
        with VrrpCapture(self.lab, "lb1", "wan") as capture:
            self.pull("lb2")
            self.wait_keepalived(keepalived, "FAULT")
            self.wait_ballast("MASTER")
            self.wait(lambda: self.resigned(capture, own_addresses("lb2")["wan"]),
                      "its resignation")
        self.assertEqual(self.lab.show("ha")["groups"][0]["name"], SYNC_GROUP)
        self.assertEqual(self.lab.show("ha")["groups"][0]["reason"], "the master resigned")
        self.assertEqual(self.fetch("c1", f"http://{NAT_VIP}/").strip(), b"s1")
        self.plug("lb2")
        self.wait_keepalived(keepalived, "MASTER")
        self.wait_ballast("BACKUP")


harness.main(__name__)
