#!/usr/bin/python3
"""Somebody on the directors' networks sends adverts: as a router that nobody knows, as a real server, as the
other director, as the director itself. With a sync link no director changes its state, and adverts, checks and
the traffic of services go on; and when the master dies under that, the standby takes over."""

import dataclasses
import socket
import threading
import time

import attack
import harness
from ballast_lab import pair
from ballast_lab.topology import DR_VIP, GATEWAY, NAT_VIP, WAN_NET, own_addresses, server_address
from vrrp_refusals import MULTICAST, MULTICAST_MAC, Forged

STRANGER = {"wan": f"{WAN_NET}.66", "lan": server_address(1)}  # on the inside: a real server
VIPS = {"wan": sorted([NAT_VIP, DR_VIP]), "lan": [GATEWAY]}
INSTANCES = {"wan": pair.WAN_INSTANCE, "lan": pair.LAN_INSTANCE}
LONGEST_INTERVAL = 4095  # 1/100 s
PRIORITIES = (0, 1, 254, 255)
SECONDS = 1.5


class Wire(attack.Adverts):
    """A network, as the attacker sees it, who sends adverts himself."""

    def __init__(self, lab, network):
        super().__init__(lab, network, attack.ATTACKER)
        host = lab.host(attack.ATTACKER)
        self.mac = host.mac(network)
        with host.inside():
            self._out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._out.bind((network, 0))

    def close(self):
        super().close()
        self._out.close()

    def send(self, advert, mac=MULTICAST_MAC):
        self._out.send(advert.frame(self.mac, mac))


class StrangersTest(harness.HaTest):
    CLIENTS = 2
    SERVERS = 1
    VERSION = {"wan": 3, "lan": 3}

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)
        cls.known_stations = {}

    def setUp(self):
        super().setUp()
        self.allow_drops("spoofed_source", "land_packet", "punt_limited")
        self.master, self.standby = (self.lab.directors[name] for name in pair.DIRECTORS)
        self.wait_role("lb1", "MASTER")
        self.wait(lambda: self.standby.show("sync")["complete"], "the standby to have everything")
        self.wires = {network: Wire(self.lab, network) for network in attack.NETWORKS}
        for wire in self.wires.values():
            self.addCleanup(wire.close)

    def stations(self, network):
        """Address and MAC of each director; the kernel interface of a dead one is gone."""
        if network not in self.known_stations:
            self.known_stations[network] = [(own_addresses(name)[network], self.lab.host(name).mac(network))
                                            for name in pair.DIRECTORS]
        return self.known_stations[network]

    def transitions(self):
        return {name: self.lab.directors[name].show("ha")["events"] for name in pair.DIRECTORS}

    def refused(self, director, network):
        """{reason: adverts} of an instance."""
        row = next(each for each in director.show("ha")["instances"] if each["name"] == INSTANCES[network])
        return {each["name"]: each["count"] for each in row["rejected_adverts"]}

    def forged(self, network, source, priority):
        """As many-sided as an advert can be."""
        version = self.VERSION[network]
        advert = Forged(version, pair.VIRTUAL_ROUTER_IDS[INSTANCES[network]], VIPS[network],
                        LONGEST_INTERVAL if version == 3 else 1, priority=priority,
                        source=source)
        yield advert, MULTICAST_MAC
        for to, mac in self.stations(network):  # to one of them only
            yield dataclasses.replace(advert, destination=to), mac

    def sources(self, network):
        return [STRANGER[network], own_addresses("lb2")[network], own_addresses("lb1")[network]]

    def attack(self, seconds, priorities=PRIORITIES):
        """All of it, ten times a second."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for network, wire in self.wires.items():
                for source in self.sources(network):
                    for priority in priorities:
                        for advert, mac in self.forged(network, source, priority):
                            wire.send(advert, mac)
            time.sleep(0.1)

    def assert_nothing_happens(self, priorities=PRIORITIES):
        before = self.transitions()
        since = time.time()
        self.attack(SECONDS, priorities)
        gaps = {network: wire.longest_gap(own_addresses("lb1")[network], since)
                for network, wire in self.wires.items()}
        self.assertEqual(self.transitions(), before)
        print(f"# {priorities}: longest gaps {({name: round(gap * 1000) for name, gap in gaps.items()})} ms",
              flush=True)
        return gaps


class Strangers(StrangersTest):
    @classmethod
    def configure(cls, lab):
        configs = super().configure(lab)
        for tables in configs.values():
            tables["alert"] = {"script": ["/bin/true"]}
        return configs

    def test_1_nobody_yields(self):
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80")
        for priority in PRIORITIES:
            with self.subTest(priority=priority):
                # Adverts in the master's own name would hide a gap.
                for network, gap in self.assert_nothing_happens((priority,)).items():
                    self.assertLess(gap, attack.MOST_GAP_S, network)
        report = load.stop()
        self.assertGreater(report["good"], 0)
        self.assertEqual(report["errors"], {}, report)
        for director in (self.master, self.standby):
            for network in attack.NETWORKS:
                self.assertGreater(self.refused(director, network)["unknown_router"], 0)
        self.assertGreater(self.refused(self.master, "wan")["unconfirmed"], 0)

    def test_2_it_is_in_the_log_and_shown(self):
        mac = self.wires["wan"].mac
        line = f"unknown VRRP router {STRANGER['wan']} ({mac}) claims VRID " \
               f"{pair.VIRTUAL_ROUTER_IDS[pair.WAN_INSTANCE]} with priority"
        for name, director in self.lab.directors.items():
            self.assertIn(line, director.lbcli("show", "ha").stdout)
            self.assertLessEqual(self.wait_logged(line, name=name).count(line), 2, "it is limited")
            self.assertGreaterEqual(director.show("alert")["events"], 1)

    def test_3_the_standby_takes_over_all_the_same(self):
        """What is sent in the name of the dead one is another matter: see docs/high-availability.md."""
        over = threading.Event()

        def stranger():
            while not over.is_set():
                for network, wire in self.wires.items():
                    for priority in PRIORITIES:
                        for advert, mac in self.forged(network, STRANGER[network], priority):
                            wire.send(advert, mac)
                time.sleep(0.05)

        for network in attack.NETWORKS:
            self.stations(network)
        thread = threading.Thread(target=stranger)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(over.set)
        self.kill_director("lb1")
        self.wait_role("lb2", "MASTER")
        self.fetch("c1", f"http://{NAT_VIP}/")
        self.start_director("lb1")
        self.wait_role("lb1", "MASTER", timeout=30)
        self.wait_role("lb2", "BACKUP")
        self.fetch("c1", f"http://{NAT_VIP}/")


class Version2AndUnicast(StrangersTest):
    """Outside version 2 to all, inside version 3 to the other director alone."""

    ADVERT_INTERVAL = "1s"
    VERSION = {"wan": 2, "lan": 3}

    @classmethod
    def configure(cls, lab):
        configs = super().configure(lab)
        for name, tables in configs.items():
            wan, lan = tables["ha"]["instance"]
            wan["version"] = 2
            lan["unicast_peers"] = [own_addresses(pair.peer_of(name))["lan"]]
        return configs

    def test_nobody_yields(self):
        for _ in range(2):
            self.assert_nothing_happens()
        self.assertGreater(self.refused(self.master, "wan")["unknown_router"], 0)
        self.assertGreater(self.refused(self.master, "wan")["unconfirmed"], 0)
        self.assertGreater(self.refused(self.master, "lan")["bad_sender"], 0)
        self.assertGreater(self.refused(self.master, "lan")["unconfirmed"], 0)


class WithoutLink(StrangersTest):
    """Then an advert is all that a director has to go by; but `peers` says whose."""

    @classmethod
    def configure(cls, lab):
        configs = super().configure(lab)
        for name, tables in configs.items():
            del tables["ha"]["sync"]
            for instance in tables["ha"]["instance"]:
                instance["peers"] = [own_addresses(pair.peer_of(name))[instance["port"]]]
        return configs

    def setUp(self):
        harness.HaTest.setUp(self)
        self.allow_drops("spoofed_source", "land_packet", "punt_limited")
        self.master, self.standby = (self.lab.directors[name] for name in pair.DIRECTORS)
        self.wait_role("lb1", "MASTER")
        self.wires = {network: Wire(self.lab, network) for network in attack.NETWORKS}
        for wire in self.wires.values():
            self.addCleanup(wire.close)

    def sources(self, network):
        return [STRANGER[network]]  # an advert in a director's name is as good as the director's

    def test_unknown_routers_are_refused(self):
        for gap in self.assert_nothing_happens().values():
            self.assertLess(gap, attack.MOST_GAP_S)
        self.assertGreater(self.refused(self.master, "wan")["unknown_router"], 0)
        # The other director counts.
        self.kill_director("lb1")
        self.wait_role("lb2", "MASTER")
        self.start_director("lb1")
        self.wait_role("lb1", "MASTER", timeout=30)


harness.main(__name__)
