#!/usr/bin/python3
"""Floods of what the kernel has to deal with, ten times as much as it is given: health checks, sessions to the
director, VRRP and the traffic of services go on as if there were none."""

import socket
import time

import attack
import harness
from ballast_lab import director, pair
from ballast_lab.topology import DIRECTOR_LAN, DIRECTOR_WAN, NAT_VIP, own_addresses
from flood import KINDS, LISTENING_PORT

LIMIT, LIMIT_PER_SOURCE, RATE = 500, 300, 8000  # packets per second; the rate is of both ports together
SECONDS = 2
LIMITS = {"punt_limit_pps": LIMIT, "punt_limit_pps_per_source": LIMIT_PER_SOURCE}


def services(servers):
    """Whose servers are down at the first check that fails."""
    tables = director.default_services("both", servers)
    for table in tables:
        table["check"] |= {"timeout": "4s", "rise": 1, "fall": 1}
    return tables


class Flooded:
    """The lab's directors with these limits; a flood of one kind at a time."""

    def setUp(self):
        super().setUp()
        # The attacker invents neighbours; what it sends to one director reaches the other while the switch learns.
        self.allow_drops("punt_limited", "other_station", "fragment_table_full", "fragment_timeout")

    def flood(self, kind, directors, seconds, meanwhile, pause=0.05):
        """Asserts that more came than passed, and that no other class than the flood's lost anything."""
        flooded = "neighbours" if kind == "arp" else "other"
        before = {name: attack.punts(self.lab.directors[name]) for name in directors}
        flood = attack.Flood(self.lab, kind, directors, RATE * len(directors), seconds)
        while flood.running():
            meanwhile()
            time.sleep(pause)  # not a flood of its own
        flood.sent()  # its exit is awaited
        for name in directors:
            after = attack.punts(self.lab.directors[name])
            dropped = {key: after[key][1] - before[name][key][1] for key in after}
            for network in attack.NETWORKS:
                self.assertGreater(dropped.pop((network, flooded)), 0, f"{flooded} of {network}")
                if kind == "arp" and len(directors) > 1:
                    dropped.pop((network, "other"))  # requests for the other director, being broadcast
            self.assertEqual({key: count for key, count in dropped.items() if count}, {}, f"{name}, {kind}")


class Floods(Flooded, attack.OnTime, harness.LabTest):
    CLIENTS = 2

    @classmethod
    def configure(cls, lab):
        tables = director.config(f"{lab.dir}/run", services(cls.SERVERS))
        tables["dataplane"] |= LIMITS
        tables["alert"] = {"script": ["/bin/true"], "script_user": "root"}
        return attack.add_virtual_router(tables)

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)
        harness.start_peer(lab, "lb1", "tcp-echo", LISTENING_PORT)

    def session(self, host, address):
        """A connection to a program on the director, in the place of ssh; returns a function that uses it."""
        with self.host(host).inside():
            sock = socket.create_connection((address, LISTENING_PORT), timeout=20)
        self.addCleanup(sock.close)

        def use():
            sock.sendall(b"hello")
            self.assertEqual(sock.recv(5, socket.MSG_WAITALL), b"hello")

        use()
        return use

    def test_each_flood(self):
        uses = [self.session("c1", DIRECTOR_WAN), self.session("s1", DIRECTOR_LAN)]
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80")

        def use_all():
            for use in uses:
                use()

        for kind in KINDS:
            with self.subTest(kind=kind):
                self.flood(kind, {"lb1": {"wan": DIRECTOR_WAN, "lan": DIRECTOR_LAN}}, SECONDS, use_all)
                self.assertTrue(all(rs["up"] for rs in self.lab.real_servers()), "all servers are up")
        report = load.stop()
        self.assertGreater(report["good"], 0)
        self.assertEqual(report["errors"], {}, report)
        for line in self.lab.log_text("lb-controlplane").splitlines():
            self.assertNotRegex(line, "real server .* down")

    def test_it_is_in_the_log_and_an_alert(self):
        """After the floods: begin and end, once for each port and class."""
        for port in attack.NETWORKS:
            for kind in ("neighbours", "other"):
                self.wait_logged(f'port {port}: too many packets for the kernel of class "{kind}"')
                self.wait_logged(f'port {port}: packets for the kernel of class "{kind}" all pass again', timeout=30)
        self.assertGreaterEqual(self.lab.show("alert")["events"], 8)


class PairFloods(Flooded, attack.OnTime, harness.HaTest):
    """Without a sync link the adverts alone say who is master."""

    CLIENTS = 2
    SERVERS = 1
    ADVERT_INTERVAL = "1s"  # a busy machine delays an advert by more than three short ones take
    MOST_GAP_S = 2  # a lost one would be seen

    @classmethod
    def configure(cls, lab):
        configs = pair.configs(lab.dir, services(cls.SERVERS), cls.ADVERT_INTERVAL)
        for tables in configs.values():
            tables["dataplane"] |= LIMITS
            del tables["ha"]["sync"]
        return configs

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)

    def transitions(self):
        return {name: self.lab.directors[name].show("ha")["events"] for name in pair.DIRECTORS}

    def test_no_transition(self):
        self.wait_role("lb1", "MASTER")
        before = self.transitions()
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80")
        both = {name: own_addresses(name) for name in pair.DIRECTORS}
        for kind in ("echo-own", "arp"):
            self.flood(kind, both, 3, lambda: self.assertEqual(self.transitions(), before), pause=1)
        self.assertEqual(self.transitions(), before)
        report = load.stop()
        self.assertEqual(report["errors"], {}, report)


harness.main(__name__)
