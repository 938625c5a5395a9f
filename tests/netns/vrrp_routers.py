"""What the tests with keepalived as the other director share: every form of VRRP at once, each on a
virtual router of its own, and all that passes the wire read by tshark."""

import dataclasses
import itertools

import harness
from ballast_lab import director
from ballast_lab.processes import wait_until
from ballast_lab.topology import DR_VIP, NAT_VIP, own_addresses
from capture import VrrpCapture
from keepalived import Instance, Keepalived, take_ports

BALLAST, KEEPALIVED = own_addresses("lb1")["wan"], own_addresses("lb2")["wan"]
BALLAST_PRIORITY, LOWER, HIGHER = 150, 100, 200
# More than a virtual router waits for before it takes a master for silent.
ADVERTS_IN_PEACE = 6


@dataclasses.dataclass
class Router:
    """A virtual router that both directors have."""

    name: str
    router_id: int
    version: int
    vip: str
    unicast: bool = False
    password: str = ""

    def ballast(self, preempt):
        table = {"name": self.name, "port": "wan", "virtual_router_id": self.router_id,
                 "version": self.version, "priority": BALLAST_PRIORITY, "preempt": preempt,
                 "advert_interval": "100ms" if self.version == 3 else "1s",
                 "addresses": [f"{self.vip}/24"], "auth_pass": self.password}
        return table | ({"unicast_peers": [KEEPALIVED]} if self.unicast else {})

    def keepalived(self, priority, nopreempt):
        return Instance(self.name, "wan0", self.router_id, priority, [f"{self.vip}/24"],
                        version=self.version, advert_int=0.1 if self.version == 3 else 1,
                        nopreempt=nopreempt, auth_pass=self.password,
                        unicast_source=KEEPALIVED if self.unicast else "",
                        unicast_peers=[BALLAST] if self.unicast else [])


ROUTERS = [
    Router("V3", 61, 3, NAT_VIP),
    Router("V3_UNICAST", 62, 3, DR_VIP, unicast=True),
    Router("V2", 63, 2, "192.0.2.30"),
    Router("V2_UNICAST", 64, 2, "192.0.2.40", unicast=True),
    Router("V2_PASS", 65, 2, "192.0.2.50", password="s3cret"),
    Router("V2_UNICAST_PASS", 66, 2, "192.0.2.60", unicast=True, password="12345678"),
]

COMMON_FIELDS = {"vrrp.typever", "vrrp.virt_rtr_id", "vrrp.prio", "vrrp.addr_count", "vrrp.checksum",
                 "vrrp.checksum.status", "vrrp.ip_addr"}
FIELDS = {2: COMMON_FIELDS | {"vrrp.auth_type", "vrrp.adver_int"},
          3: COMMON_FIELDS | {"vrrp.reserved_mbz", "vrrp.short_adver_int"}}


class Life:
    """keepalived's runs during one test, and what passed Ballast's cable. Who is master when, all
    routers alike, is what each test is about."""

    def __init__(self, test):
        self.test = test
        self.lab = test.lab
        self.keepalived = None
        self.capture = VrrpCapture(self.lab, "lb1", "wan")
        test.addCleanup(self.end)

    def start_keepalived(self, priority, nopreempt=False):
        self.keepalived = Keepalived(self.lab, "lb2", [router.keepalived(priority, nopreempt)
                                                       for router in ROUTERS])
        self.keepalived.start()

    def stop_keepalived(self):
        self.keepalived.stop()
        self.keepalived = None

    def kill_keepalived(self):
        self.keepalived.kill()
        self.keepalived = None

    def end(self):
        if self.keepalived is not None:
            self.stop_keepalived()
        self.capture.stop()

    def wait_ballast(self, state):
        lb1 = self.lab.directors["lb1"]
        lb1.wait_for(lambda: lb1.controlplane_answers() and set(lb1.roles().values()) == {state}, 20,
                     f"every virtual router to be {state}")

    def wait_keepalived(self, state):
        for router in ROUTERS:
            self.keepalived.wait_state(router.name, state)

    def wait_keepalived_master(self, ballast_runs=True):
        """Until one of the two is master of everything and the other one of nothing."""
        self.wait_keepalived("MASTER")
        if ballast_runs:
            self.wait_ballast("BACKUP")
        self.wait_holder(KEEPALIVED)

    def wait_ballast_master(self):
        self.wait_ballast("MASTER")
        if self.keepalived is not None:
            self.wait_keepalived("BACKUP")
        self.wait_holder(BALLAST)

    def wait_holder(self, holder):
        """Until the VIPs are on this one, and on this one alone."""
        for host, port, own in (("lb1", "wan", BALLAST), ("lb2", "wan0", KEEPALIVED)):
            wanted = {router.vip for router in ROUTERS} if own == holder else set()
            self.test.wait(lambda: self._vips(host, port) == wanted, f"{host} to hold {wanted}")

    def _vips(self, host, port):
        if port == "wan" and not self.lab.directors["lb1"].running():
            return set()
        there = self.lab.host(host).ip("-o", "-4", "address", "show", "dev", port)
        return {router.vip for router in ROUTERS if f" {router.vip}/24 " in there}

    # ---- what passed the wire

    def wait_turns(self, *turns):
        """Until the adverts of every router came from these in turn, and of the last one more than
        once: who is master twice in the list was it again. Returns all adverts."""
        def seen():
            adverts = self.capture.adverts()
            return adverts if all(self._settled(adverts, router, turns) for router in ROUTERS) else None

        try:
            return wait_until(seen, 15, f"adverts of {' then '.join(turns)}", every=0.3)
        except TimeoutError:
            adverts = self.capture.adverts()
            found = {router.name: self._turns(adverts, router) for router in ROUTERS}
            raise AssertionError(f"adverts came from {found}, not from {turns}") from None

    def _turns(self, adverts, router):
        of_router = [each for each in adverts
                     if each.router_id == router.router_id and each.priority != 0]
        turns = []
        for source, group in itertools.groupby(each.source for each in of_router):
            count = len(list(group))
            if len(turns) > 1 and turns[-2][0] == source and turns[-1] == (BALLAST, 1):
                turns.pop()  # its last advert, in answer to a better master
                count += turns.pop()[1]
            turns.append((source, count))
        return turns

    def _settled(self, adverts, router, turns):
        found = self._turns(adverts, router)
        return tuple(source for source, _ in found) == turns and found[-1][1] >= 2

    def assert_sound(self, adverts):
        """Nothing malformed and nothing unexpected in any advert of Ballast; and, so that the test is
        known to look at the right things, of keepalived."""
        macs = {BALLAST: self.test.port_mac, KEEPALIVED: self.lab.host("lb2").mac("wan0")}
        peers = {BALLAST: KEEPALIVED, KEEPALIVED: BALLAST}
        routers = {router.router_id: router for router in ROUTERS}
        for advert in adverts:
            router = routers[advert.router_id]
            with self.test.subTest(advert=advert):
                self.test.assertEqual(advert.remarks, [])
                self.test.assertEqual(advert.fields - {"vrrp.auth_string"}, FIELDS[router.version])
                self.test.assertEqual(
                    (advert.version, advert.ttl, advert.interval, advert.addresses),
                    (router.version, 255, 10 if router.version == 3 else 1, [router.vip]))
                self.test.assertEqual((advert.auth_type, advert.auth_string),
                                      (1 if router.password else 0, router.password))
                self.test.assertEqual(advert.mac, macs[advert.source])
                to, to_mac = ((peers[advert.source], macs[peers[advert.source]]) if router.unicast
                              else ("224.0.0.18", "01:00:5e:00:00:12"))
                self.test.assertEqual((advert.destination, advert.destination_mac), (to, to_mac))
                self.test.assertIn(advert.priority, {0, BALLAST_PRIORITY} if advert.source == BALLAST
                                   else {0, LOWER, HIGHER})

    def assert_resigned(self, adverts, *sources):
        """Who sent adverts of priority 0, in order, on every router; each was its last word as master."""
        for router in ROUTERS:
            of_router = [each for each in adverts if each.router_id == router.router_id]
            resigned = [each for each in of_router if each.priority == 0]
            self.test.assertEqual([each.source for each in resigned], list(sources), router.name)
            for each in resigned:
                after = [other for other in of_router if other.time > each.time]
                self.test.assertNotEqual(after[0].source, each.source, router.name)

    def wait_announced(self, since):
        """Until gratuitous ARP of Ballast has told of every VIP since that time, in both forms."""
        wanted = {(router.vip, form) for router in ROUTERS for form in ("request", "reply")}
        wait_until(lambda: wanted <= {(each.address, each.form)
                                      for each in self.capture.announcements()
                                      if each.mac == self.test.port_mac and each.time > since},
                   15, "gratuitous ARP for every VIP", every=0.3)


class RoutersTest(harness.LabTest):
    """Ballast is lb1 and, when a test begins and when it ends, master of all routers; keepalived takes
    lb2's place."""

    HA = True
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        return cls.tables(lab, preempt=True)

    @classmethod
    def tables(cls, lab, preempt):
        services = [director.service(router.name.lower(), f"{router.vip}:80",
                                     "dr" if router.vip == DR_VIP else "nat", [(1, 1)])
                    for router in ROUTERS]
        tables = director.config(f"{lab.dir}/run", services)
        return tables | {"ha": {"instance": [router.ballast(preempt) for router in ROUTERS]}}

    @classmethod
    def prepare(cls, lab):
        take_ports(lab, "lb2")

    def setUp(self):
        super().setUp()
        lb1 = self.lab.directors["lb1"]
        lb1.wait_for(lambda: set(lb1.roles().values()) == {"MASTER"}, 15,
                     "every virtual router to be MASTER")
        # The switch forgets whose port is where when a director dies, and floods.
        self.allow_drops("other_station")
        self.port_mac = self.host("lb1").mac("wan")

    def stop_ballast(self):
        """As an operator does; the data plane stays."""
        self.lab.processes["lb1-lb-controlplane"].stop()

    def start_ballast(self, preempt=True):
        self.lab.write_config(self.tables(self.lab, preempt))
        self.lab.start_controlplane()

    def assert_serves(self):
        """Ballast: the router has to have learnt from gratuitous ARP where the VIPs are now."""
        for router in ROUTERS:
            with self.subTest(vip=router.vip):
                self.host("c1").run("ping", "-c", "1", "-W", "5", router.vip)
                self.assertEqual(self.fetch("c1", f"http://{router.vip}/").strip(), b"s1")

    def assert_pings(self):
        """keepalived. Its host knows no way to the clients, so the router asks, and from now on holds
        its MAC address for the VIPs."""
        for router in ROUTERS:
            self.host("router").run("ping", "-c", "1", "-W", "5", router.vip)

    def reasons(self):
        return {row["reason"] for row in self.lab.show("ha")["groups"]}

    def instances(self):
        return self.lab.show("ha")["instances"]

    def sent_adverts(self):
        return {row["name"]: row["sent_adverts"] for row in self.instances()}

    def all_received_often(self):
        return self.lab.controlplane_answers() and all(row["received_adverts"] >= ADVERTS_IN_PEACE
                                                       for row in self.instances())

    def assert_received(self):
        for row in self.instances():
            with self.subTest(instance=row["name"]):
                self.assertEqual((row["master"], row["rejected_adverts"], row["send_errors"]),
                                 (KEEPALIVED, [], 0))
                self.assertGreater(row["received_adverts"], 0)
