#!/usr/bin/python3
"""Networks that are cut between two directors which both go on: none serves twice while one path
is left, each side serves its own when none is, and afterwards there is one master, announced."""

import contextlib
import json
import socket
import time

import ha_cuts
import harness
from ballast_lab import director, pair
from ballast_lab.topology import DR_VIP, GATEWAY, NAT_VIP, WAN_NET, own_addresses
from capture import VrrpCapture
from ha_cuts import Cuts, PairTest, Transitions, group

ISLAND = "c3"  # a client without a router between it and the directors
ISLAND_PORT = 7100
ADDRESSES = {"wan": {NAT_VIP, DR_VIP}, "lan": {GATEWAY}}


class Split(PairTest):
    CLIENTS = 3
    SERVERS = 3

    @classmethod
    def services(cls):
        # The third server takes part in what its side of a split network sees, and in nothing else.
        island = director.service("island", f"{NAT_VIP}:{ISLAND_PORT}", "nat", [(1, 1), (3, 1)],
                                  check=director.check("tcp"))
        return super().services() + [island]

    @classmethod
    def configure(cls, lab):
        """Each director has a port more, which is worth 10 of its priority."""
        configs = super().configure(lab)
        for number, tables in enumerate(configs.values(), 1):
            tables["port"].append({"name": "spare",
                                   "device": "net_af_packet2,iface=spare0,framecnt=4096",
                                   "addresses": [f"10.8.0.{number}/24"]})
            for instance in tables["ha"]["instance"]:
                instance["track"] = [{"interface": "spare", "weight": -10}]
        return configs

    @classmethod
    def prepare(cls, lab):
        super().prepare(lab)
        for server in ("s1", "s3"):
            harness.start_peer(lab, server, "tcp-echo", ISLAND_PORT)
        switch = lab.host("switch")
        switch.ip("link", "add", "spare", "type", "bridge", "stp_state", "0", "forward_delay", "0")
        switch.ip("link", "set", "spare", "up")
        for name in pair.DIRECTORS:
            lab.network.attach(name, "spare0", "spare")
        lab.network.attach(ISLAND, "wan0", "wan", f"{WAN_NET}.100/24")

    def setUp(self):
        super().setUp()
        self.cuts = Cuts(self.lab)
        self.addCleanup(self.cuts.heal)

    # ---- what is awaited

    def wait_announced(self, captures, name, since):
        """Until all addresses were announced by this director since that time."""
        for network, capture in captures.items():
            mac = self.host(name).mac(network)
            self.wait(lambda capture=capture, mac=mac, network=network: ADDRESSES[network] <= {
                each.address for each in capture.announcements()
                if each.mac == mac and each.time > since},
                f"{name} to announce {ADDRESSES[network]}")

    # ---- what must hold

    def island_connection(self):
        with self.host(ISLAND).inside():
            sock = socket.create_connection((NAT_VIP, ISLAND_PORT), 10)
        self.addCleanup(sock.close)
        return sock

    def assert_echoes(self, sock):
        sock.sendall(b"still there?")
        self.assertEqual(sock.recv(100), b"still there?")

    def island_neighbour(self, address):
        """The MAC address that the island client has for an address."""
        return json.loads(self.host(ISLAND).ip("-j", "neigh", "show", address))[0]["lladdr"]

    @contextlib.contextmanager
    def neighbours(self):
        """What the neighbours on both networks hear."""
        with VrrpCapture(self.lab, ISLAND, "wan") as wan, VrrpCapture(self.lab, "s3", "lan") as lan:
            yield {"wan": wan, "lan": lan}

    # ---- tests

    def test_adverts_lost_on_all_networks(self):
        """The sync link says that the master lives: the standby stays standby, and reports why.
        Nobody notices. When adverts are heard again the master announces its addresses."""
        self.cuts.lose_adverts("wan", "lan")
        self.wait(lambda: group(self.lab, "lb2")["peer_holds"], "lb2 to hold still for its peer")
        self.wait_adverts("lb1")
        shown = self.lab.lbcli("show", "ha", director="lb2").stdout
        self.assertIn("no adverts are received, but the peer reports over the sync link that it is "
                      "master", shown)
        self.assertEqual(group(self.lab, "lb2")["peer_state"], "MASTER")
        self.assert_serves()
        with self.neighbours() as captures:
            healed = time.time()
            self.cuts.heal()
            self.wait(lambda: not group(self.lab, "lb2")["peer_holds"], "lb2 to hear adverts")
            self.wait_announced(captures, "lb1", healed)
        self.assert_transitions()
        self.assert_serves()

    def test_adverts_lost_on_one_network(self):
        """The master is heard on the other one: nothing happens, whichever it is."""
        for network in ha_cuts.NETWORKS:
            with self.subTest(network=network):
                self.cuts.lose_adverts(network)
                self.wait(lambda: group(self.lab, "lb1")["peer_without_adverts"] == 1, "lb2 to hear less")
                self.wait_adverts("lb1")
                self.assertFalse(group(self.lab, "lb2")["peer_holds"])
                self.assert_transitions()
                self.assert_serves()
                self.cuts.heal()

    def test_master_dies_while_adverts_are_lost(self):
        """The sync link falls silent, too: the standby takes over at once, with every connection.
        The old master returns as if nothing had been cut, when nothing is any more."""
        self.cuts.lose_adverts("wan", "lan")
        self.wait(lambda: group(self.lab, "lb2")["peer_holds"], "lb2 to hold still for its peer")
        self.kill_director("lb1")
        self.wait_role("lb2", "MASTER")
        self.assert_serves()
        self.cuts.heal()
        self.start_director("lb1")
        self.wait_role("lb1", "MASTER")
        self.wait_role("lb2", "BACKUP")
        began, ended = self.transitions.of("lb2")
        self.assertEqual(began, ("BACKUP", "MASTER", "no advert from a master"))
        # The group goes by the advert that comes first, of either LAN.
        self.assertIn(ended, [("MASTER", "BACKUP", f"master {own_addresses('lb1')[lan]} of priority 150")
                              for lan in ("wan", "lan")])
        self.assert_serves()

    def test_the_better_side_is_master_while_adverts_are_lost(self):
        """The master loses a port that is worth 10 of its priority. As long as adverts are heard
        its priority of 140 is enough; without them the one with more working ports is master, and
        stays it until the other one is as good."""
        self.pull_cable("lb1", "spare")
        self.wait(lambda: group(self.lab, "lb1")["health"] < group(self.lab, "lb2")["health"],
                  "lb1 to lack a port")
        self.wait_adverts("lb1")
        self.assert_transitions()
        self.cuts.lose_adverts("wan", "lan")
        self.wait_role("lb2", "MASTER")
        self.wait_role("lb1", "BACKUP")
        self.wait(lambda: group(self.lab, "lb1")["peer_holds"], "lb1 to hold still for its peer")
        self.assert_serves()
        better = "the peer is master too and better (3 working ports, priority 100)"
        taken = ("BACKUP", "MASTER", "no advert from a master")
        self.assert_transitions(lb1=[("MASTER", "BACKUP", better)], lb2=[taken])
        with self.neighbours() as captures:
            healed = time.time()
            self.cuts.heal()
            self.wait_announced(captures, "lb2", healed)
        self.wait_adverts("lb2")
        self.assert_transitions(lb1=[("MASTER", "BACKUP", better)], lb2=[taken])
        self.plug_cable("lb1", "spare")
        self.wait_role("lb1", "MASTER")
        self.wait_role("lb2", "BACKUP")
        self.assert_serves()

    def test_ports_lose_their_cables(self):
        """Of the standby: nothing happens, and it does not take the servers behind the port for
        dead. Of the master, too: neither can serve, connections wait. The first one that is whole
        again serves, then the better one."""
        self.pull_cable("lb2", "lan")
        self.wait_role("lb2", "FAULT")
        self.wait(lambda: self.results("lb2") == {(True, "not checked: its port has no link")},
                  "lb2 to leave its servers alone")
        self.wait_adverts("lb1")
        self.assert_transitions(lb2=[("BACKUP", "FAULT", "interface lan has no link")])
        self.assert_serves()
        self.pull_cable("lb1", "wan")
        self.wait_role("lb1", "FAULT")
        self.plug_cable("lb2", "lan")
        self.wait_role("lb2", "MASTER")
        self.assert_serves()
        self.plug_cable("lb1", "wan")
        self.wait_role("lb1", "MASTER")
        self.wait_role("lb2", "BACKUP")
        self.assertEqual(self.transitions.of("lb1"), [
            ("MASTER", "FAULT", "interface wan has no link"),
            ("FAULT", "BACKUP", "all tracks OK"),
            ("BACKUP", "MASTER", "the master has a lower priority")])
        self.assert_serves()

    def results(self, name):
        """Of a director's health checks: {(up, last result)}."""
        return {(rs["up"], rs["health"]["last_result"])
                for rs in self.lab.directors[name].real_servers()}

    def test_master_loses_a_port(self):
        """It resigns on what is left of its networks and over the sync link: the other one takes
        over with every connection, until the cable is plugged in again."""
        for network in ha_cuts.NETWORKS:
            with self.subTest(network=network):
                self.transitions = Transitions(self.lab)
                self.pull_cable("lb1", network)
                self.wait_role("lb2", "MASTER")
                self.assert_serves()
                fault = ("MASTER", "FAULT", f"interface {network} has no link")
                self.assert_transitions(lb1=[fault],
                                        lb2=[("BACKUP", "MASTER", "the master resigned")])
                self.plug_cable("lb1", network)
                self.wait_role("lb1", "MASTER")
                self.wait_role("lb2", "BACKUP")
                self.assert_serves()

    def test_sync_link_lost(self):
        """Mastership does not move, while it is lost or when it is back; connections that were made
        meanwhile are synchronized then."""
        self.pull_cable("lb1", "sync")
        self.wait(lambda: not self.lab.directors["lb2"].show("sync")["connected"],
                  "the link to be lost")
        self.wait_adverts("lb1")
        connection = self.island_connection()
        self.assert_echoes(connection)
        self.assertEqual(self.synchronized(), [])
        self.plug_cable("lb1", "sync")
        self.wait(self.synchronized, "lb2 to have the connection")
        self.wait_synced()
        self.assert_echoes(connection)
        self.assert_transitions()
        self.assert_serves()

    def synchronized(self):
        """What lb2 knows of the island client's connections."""
        return [row for row in self.lab.directors["lb2"].connections("--service", "island")
                if row["client_address"] == f"{WAN_NET}.100"]

    def lose_every_path(self):
        """Each has to take the other one for dead: both are master, each serves the clients that it
        sees with the servers that it sees. Returns a connection of the island's."""
        lb2 = self.lab.directors["lb2"]
        self.cuts.split("wan", ["lb2", ISLAND])
        self.cuts.split("lan", ["lb2", "s3"])
        self.pull_cable("lb2", "sync")
        self.wait_role("lb2", "MASTER")
        self.wait(lambda: not self.real_server_at(lb2, "10.0.0.11")["up"], "s1 to be down for lb2")
        connection = self.island_connection()
        self.assert_echoes(connection)
        self.assertEqual(self.island_neighbour(NAT_VIP), self.host("lb2").mac("wan"))
        self.assert_serves()
        self.assert_transitions(lb2=[("BACKUP", "MASTER", "no advert from a master")])
        return connection

    def assert_one_again(self, connection):
        """lb1, for clients of both sides, and for connections of both."""
        self.wait_synced()
        self.wait(lambda: self.real_server_at(self.lab.directors["lb1"], "10.0.0.13")["up"],
                  "s3 to be up for lb1")
        self.assertEqual(self.island_neighbour(NAT_VIP), self.host("lb1").mac("wan"))
        self.assert_echoes(self.island_connection())
        self.assert_echoes(connection)
        self.assert_serves()

    def test_every_path_lost(self):
        """Both are master. When they hear each other again one advert ends it; the better one
        announces its addresses, and clients of both sides reach it."""
        connection = self.lose_every_path()
        with self.neighbours() as captures, \
                VrrpCapture(self.lab, "lb2", "wan", kernel=True) as heard:
            healed = time.time()
            self.cuts.heal()
            self.plug_cable("lb2", "sync")
            self.wait_role("lb2", "BACKUP")
            self.wait_announced(captures, "lb1", healed)
            self.wait_adverts("lb1")
            words = ha_cuts.words_after(heard.adverts(), own_addresses("lb1")["wan"],
                                        own_addresses("lb2")["wan"], healed)
        # Its last one, and another one if it was due in that moment.
        self.assertIn(words, (0, 1, 2))
        self.assertEqual(self.transitions.of("lb1"), [])
        self.assertEqual(len(self.transitions.of("lb2")), 2, self.transitions.of("lb2"))
        self.assert_one_again(connection)

    def test_every_path_lost_and_the_sync_link_back_first(self):
        """Both are master until they know of each other by the sync link; then the better one
        alone, which the other side does not reach. When the networks are whole again the master
        announces its addresses, although it never heard an advert of the other one."""
        connection = self.lose_every_path()
        self.plug_cable("lb2", "sync")
        self.wait_role("lb2", "BACKUP")
        self.wait(lambda: group(self.lab, "lb2")["peer_holds"], "lb2 to hold still for its peer")
        self.assertEqual(self.transitions.of("lb2")[1:], [
            ("MASTER", "BACKUP",
             "the peer is master too and better (3 working ports, priority 150)")])
        self.assert_serves()
        with self.neighbours() as captures:
            healed = time.time()
            self.cuts.heal()
            self.wait_announced(captures, "lb1", healed)
        self.assertEqual(self.transitions.of("lb1"), [])
        self.assert_one_again(connection)

    @staticmethod
    def real_server_at(each, address):
        return next(rs for rs in each.real_servers()
                    if rs["service"] == "island" and rs["address"] == address)


harness.main(__name__)
