#!/usr/bin/python3
"""Two groups, each with a director of its own as master: both work, both synchronize their
connections, and each owns everything when the other one is dead."""

import ha_traffic
import harness
from ballast_lab import director, pair
from ballast_lab.agent import Agent
from ballast_lab.topology import LAN_NET, WAN_NET
from ha_cuts import Transitions

CONNECTIONS = 150  # of each VIP
LIVE_S = 1
NET = 24


class Half:
    """One group: VIPs in both modes, the gateway of its own real servers, its master."""

    def __init__(self, name, master, servers, number):
        self.name = name
        self.master = master
        self.servers = servers
        self.gateway = f"{LAN_NET}.{number}"
        self.router_id = number * 10
        self.vips = {"nat": f"{WAN_NET}.{self.router_id}", "dr": f"{WAN_NET}.{self.router_id + 1}"}

    def services(self):
        weighted = [(number, 1) for number in self.servers]
        return [director.service(f"{kind}-{mode}-{self.name}", f"{vip}:{port}", mode, weighted,
                                 scheduler="rr", check=director.check(kind))
                for mode, vip in self.vips.items()
                for kind, port in (("http", 80), ("tcp", ha_traffic.ECHO_PORT))]

    def instances(self, name):
        priority = 150 if name == self.master else 100
        common = {"priority": priority, "advert_interval": "100ms", "sync_group": self.name}
        vips = [f"{vip}/{NET}" for vip in self.vips.values()]
        return [common | {"name": f"WAN_{self.name}", "port": "wan", "addresses": vips,
                          "virtual_router_id": self.router_id},
                common | {"name": f"LAN_{self.name}", "port": "lan",
                          "addresses": [f"{self.gateway}/{NET}"],
                          "virtual_router_id": self.router_id + 1}]

    def addresses(self):
        return [*self.vips.values(), self.gateway]

    @property
    def instance(self):
        return f"WAN_{self.name}"


HALVES = [Half("A", "lb1", (1, 2), 4), Half("B", "lb2", (3, 4), 5)]


class ActiveActive(harness.HaTest):
    CLIENTS = 2
    SERVERS = 4

    @classmethod
    def services(cls):
        return [service for half in HALVES for service in half.services()]

    @classmethod
    def configure(cls, lab):
        configs = super().configure(lab)
        for name, tables in configs.items():
            tables["ha"]["instance"] = [each for half in HALVES for each in half.instances(name)]
        return configs

    @classmethod
    def prepare(cls, lab):
        lab.one_master = False
        ha_traffic.start_servers(lab)
        for half in HALVES:
            for number in half.servers:
                lab.host(f"s{number}").ip("route", "replace", "default", "via", half.gateway)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.holders = {}
        try:
            for client, half in zip(cls.lab.network.clients, HALVES):
                for mode, vip in half.vips.items():
                    holder = Agent(cls.lab, client, "survivors", f"{vip}:{ha_traffic.ECHO_PORT}")
                    cls.holders[half.name, mode] = holder
                    holder.ask("open", count=CONNECTIONS)
                    holder.ask("live", every_s=LIVE_S)
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def tearDownClass(cls):
        for holder in cls.holders.values():
            holder.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        # Some packets are under way to a director that is gone, or not master any more, or not yet.
        self.allow_drops("next_hop_unresolved", "no_real_server", "other_station", "punt_failed",
                         "taking_over", "tx_failed")
        self.wait_each_has_its_own()
        self.transitions = Transitions(self.lab)

    # ---- what is awaited

    def wait_each_has_its_own(self):
        for half in HALVES:
            self.wait_role(half.master, "MASTER", half.instance, 30)
            self.wait_role(pair.peer_of(half.master), "BACKUP", half.instance)
            self.wait_owner(half, half.master)
        self.wait_synced()

    def wait_owner(self, half, name):
        """The group's addresses are on this director, and on this one alone."""
        for address in half.addresses():
            self.wait(lambda address=address: self.owners(address) == [name],
                      f"{address} to be on {name} alone")

    def owners(self, address):
        return [name for name in pair.DIRECTORS
                if f"inet {address}/" in self.host(name).ip("-o", "address", "show")]

    def wait_synced(self):
        for name in pair.DIRECTORS:
            each = self.lab.directors[name]
            each.wait_for(lambda each=each: each.show("sync")["complete"], 15, "a complete table")

    # ---- what must hold

    def assert_serves(self):
        """Every connection of every VIP goes on, byte for byte, and new ones work."""
        for which, holder in self.holders.items():
            report = holder.ask("exchange")
            self.assertEqual((report["survived"], report["lost"]), (CONNECTIONS, {}), which)
        for half in HALVES:
            for vip in half.vips.values():
                self.assertIn(self.fetch("c1", f"http://{vip}/").strip().decode(),
                              [f"s{number}" for number in half.servers])

    def table_of(self, half):
        """How many of the group's connections a director knows: {director: number}."""
        services = [service["name"] for service in half.services() if "tcp-" in service["name"]]
        return {name: sum(len(self.lab.directors[name].connections("--service", service))
                          for service in services) for name in pair.DIRECTORS}

    # ---- tests

    def test_both_work_and_synchronize(self):
        """Each has the connections of its own group, and those of the other one's by the sync
        link."""
        self.assert_serves()
        for half in HALVES:
            self.wait(lambda half=half: set(self.table_of(half).values()) == {2 * CONNECTIONS},
                      f"both to know all connections of {half.name}")
        for name in pair.DIRECTORS:
            sync = self.lab.directors[name].show("sync")
            self.assertTrue(sync["complete"] and sync["peer_complete"], sync)
            for way in ("batches_sent", "batches_received"):
                self.assertGreater(sync[way], 0, sync)

    def test_either_dies_and_returns(self):
        """The other one owns both groups, with every connection; when the dead one is back it
        takes its own group again, and no more."""
        for half, other in (HALVES, HALVES[::-1]):
            with self.subTest(killed=half.master):
                dead, alive = half.master, other.master
                self.transitions = Transitions(self.lab)
                self.kill_director(dead)
                self.wait_role(alive, "MASTER", half.instance)
                self.wait_owner(half, alive)
                self.wait_owner(other, alive)
                self.assert_serves()
                self.start_director(dead)
                self.wait_each_has_its_own()
                self.assert_serves()
                self.assertEqual(self.transitions.of(alive, other.instance), [])
                self.assertNotIn("MASTER", [to for _, to, _ in
                                            self.transitions.of(dead, other.instance)])

    def test_planned_switchover_of_one_group(self):
        """The other director owns both; what it is asked to give back it gives back."""
        half, other = HALVES
        self.lab.lbcli("ha", "switchover", "--group", half.name, director=half.master)
        self.wait_role(other.master, "MASTER", half.instance)
        self.wait_owner(half, other.master)
        self.assert_serves()
        self.lab.lbcli("ha", "switchover", "--group", half.name, director=other.master)
        self.wait_each_has_its_own()
        self.assertEqual(self.transitions.of(other.master, other.instance), [])
        self.assert_serves()


harness.main(__name__)
