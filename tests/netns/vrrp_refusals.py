#!/usr/bin/python3
"""What a director refuses: adverts with one mistake each, that would make it leave if they
had none. They come from the router, made by hand."""

import dataclasses
import socket
import struct

import harness
from ballast_lab import director
from ballast_lab.topology import DIRECTOR_WAN, NAT_VIP, WAN_NET

FORGER = f"{WAN_NET}.9"
UNICAST_PEER = f"{WAN_NET}.8"
MULTICAST, MULTICAST_MAC = "224.0.0.18", "01:00:5e:00:00:12"
PASSWORD = "s3cret"
OWNER_PRIORITY = 255

VIPS = {"V3": NAT_VIP, "V2": f"{WAN_NET}.30", "UNICAST": f"{WAN_NET}.40", "OWNER": f"{WAN_NET}.50"}


def checksum(data):
    total = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


@dataclasses.dataclass
class Forged:
    """An advert that is good but for what a test changes. `flaw` is added to the checksum; `interval`
    is as on the wire."""

    version: int
    router_id: int
    addresses: list
    interval: int
    priority: int = 200
    kind: int = 1
    auth_type: int = 0
    password: str = ""
    source: str = FORGER
    destination: str = MULTICAST
    ttl: int = 255
    rest: bytes = b""
    flaw: int = 0

    def frame(self, source_mac, destination_mac):
        vrrp = self._vrrp()
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0xc0, 20 + len(vrrp), 0, 0, self.ttl, 112, 0,
                         socket.inet_aton(self.source), socket.inet_aton(self.destination))
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        macs = bytes.fromhex((destination_mac + source_mac).replace(":", ""))
        return macs + b"\x08\x00" + ip + vrrp

    def _vrrp(self):
        addresses = b"".join(socket.inet_aton(each) for each in self.addresses)
        head = struct.pack("!BBBB", self.version << 4 | self.kind, self.router_id, self.priority,
                           len(self.addresses))
        pseudo = b""
        if self.version == 2:
            timing = struct.pack("!BB", self.auth_type, self.interval)
            addresses += self.password.encode().ljust(8, b"\0")
        else:
            timing = struct.pack("!H", self.interval)
            length = len(head + timing + addresses + self.rest) + 2
            pseudo = (socket.inet_aton(self.source) + socket.inet_aton(self.destination)
                      + struct.pack("!HH", 112, length))
        rest = addresses + self.rest
        right = checksum(pseudo + head + timing + b"\0\0" + rest)
        return head + timing + struct.pack("!H", (right + self.flaw) & 0xffff) + rest


V3 = Forged(3, 61, [VIPS["V3"]], 10)
V2 = Forged(2, 62, [VIPS["V2"]], 1, auth_type=1, password=PASSWORD)
UNICAST = Forged(3, 63, [VIPS["UNICAST"]], 10, source=UNICAST_PEER, destination=DIRECTOR_WAN)
OWNER = Forged(3, 64, [VIPS["OWNER"]], 10)

# instance, advert, the name under which it is counted
MISTAKES = [
    ("V3", dataclasses.replace(V3, ttl=254), "bad_ttl"),
    ("V3", dataclasses.replace(V3, rest=b"\0\0\0\0"), "bad_length"),
    ("V3", dataclasses.replace(V3, flaw=1), "bad_checksum"),
    ("V3", dataclasses.replace(V3, version=2, interval=1), "bad_version"),
    ("V3", dataclasses.replace(V3, kind=2), "bad_type"),
    ("V3", dataclasses.replace(V3, router_id=99), "bad_vrid"),
    ("V3", dataclasses.replace(V3, addresses=[]), "bad_address_list"),
    ("V3", dataclasses.replace(V3, addresses=[VIPS["V3"], f"{WAN_NET}.77"]), "bad_address_list"),
    ("V3", dataclasses.replace(V3, interval=0), "bad_interval"),
    ("V2", dataclasses.replace(V2, ttl=1), "bad_ttl"),
    ("V2", dataclasses.replace(V2, rest=b"\0"), "bad_length"),
    ("V2", dataclasses.replace(V2, flaw=1), "bad_checksum"),
    ("V2", dataclasses.replace(V2, version=3, interval=100), "bad_version"),
    ("V2", dataclasses.replace(V2, password="S3cret"), "bad_auth"),
    ("V2", dataclasses.replace(V2, auth_type=0, password=""), "bad_auth"),
    ("V2", dataclasses.replace(V2, auth_type=2), "bad_auth"),
    ("V2", dataclasses.replace(V2, addresses=[f"{WAN_NET}.77"]), "bad_address_list"),
    ("V2", dataclasses.replace(V2, interval=2), "bad_interval"),
    ("UNICAST", dataclasses.replace(UNICAST, source=FORGER), "bad_sender"),
    ("OWNER", dataclasses.replace(OWNER, priority=OWNER_PRIORITY), "owner_conflict"),
]
# In each instance's own words: it is not an accident that the others are refused.
GOOD = {
    "V3": [V3, dataclasses.replace(V3, interval=20)],  # the master chooses its interval
    "V2": [V2],
    "UNICAST": [UNICAST],
}


class VrrpRefusals(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        common = {"port": "wan", "priority": 150, "advert_interval": "100ms"}
        instances = [
            common | {"name": "V3", "virtual_router_id": 61},
            common | {"name": "V2", "virtual_router_id": 62, "version": 2, "advert_interval": "1s",
                      "auth_pass": PASSWORD},
            common | {"name": "UNICAST", "virtual_router_id": 63, "unicast_peers": [UNICAST_PEER]},
            common | {"name": "OWNER", "virtual_router_id": 64, "priority": OWNER_PRIORITY},
        ]
        for instance in instances:
            instance["addresses"] = [f"{VIPS[instance['name']]}/24"]
        tables = director.config(f"{lab.dir}/run",
                                 [director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1)])])
        return tables | {"ha": {"instance": instances}}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with cls.lab.host("router").inside():
            cls.sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        cls.sender.bind(("wan", 0))

    @classmethod
    def tearDownClass(cls):
        cls.sender.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.wait(lambda: set(self.lab.roles().values()) == {"MASTER"}, "everything to be MASTER")

    def send(self, advert):
        to = MULTICAST_MAC if advert.destination == MULTICAST else self.host("lb1").mac("wan")
        self.sender.send(advert.frame(self.host("router").mac("wan"), to))

    def instance(self, name):
        return next(row for row in self.lab.show("ha")["instances"] if row["name"] == name)

    def refused(self, name):
        return {row["name"]: row["count"] for row in self.instance(name)["rejected_adverts"]}

    def transitions(self):
        return [(row["instance"], row["to"]) for row in self.lab.show("ha")["events"]]

    def test_one_mistake_is_one_too_many(self):
        before = self.transitions()
        for name, advert, reason in MISTAKES:
            with self.subTest(instance=name, reason=reason, advert=advert):
                counts = self.refused(name)
                counts[reason] = counts.get(reason, 0) + 1
                self.send(advert)
                self.wait(lambda: self.refused(name) == counts, f"{reason} to be counted, it alone")
        self.assertEqual(self.transitions(), before)
        self.assertEqual({row["received_adverts"] for row in self.lab.show("ha")["instances"]}, {0})

    def test_what_is_refused_is_logged_once_a_minute_though_good_ones_come(self):
        advert = dataclasses.replace(V2, password="guessed")
        lines = self.log_lines()
        count = self.refused("V2").get("bad_auth", 0)
        for _ in range(5):
            self.send(advert)
        self.wait(lambda: self.refused("V2")["bad_auth"] == count + 5, "5 more refusals")
        self.assertEqual(self.log_lines(), lines)  # reported by the test before
        for number in range(1, 6):
            self.send(dataclasses.replace(V2, priority=1))
            self.wait(lambda: self.instance("V2")["received_adverts"] == number, "a good advert")
            self.send(advert)
            self.wait(lambda: self.refused("V2")["bad_auth"] == count + 5 + number, "a bad one")
        self.assertEqual(self.log_lines(), lines)
        self.assertNotIn(PASSWORD, self.lab.directors["lb1"].log_text("lb-controlplane"))

    def log_lines(self):
        return [line for line in self.lab.directors["lb1"].log_text("lb-controlplane").splitlines()
                if "V2: ignored an advert from" in line and "password" in line]

    def test_without_a_mistake_it_leaves(self):
        for name, adverts in GOOD.items():
            for advert in adverts:
                with self.subTest(instance=name, advert=advert):
                    left = self.transitions().count((name, "BACKUP"))
                    received = self.instance(name)["received_adverts"]
                    self.send(advert)
                    self.wait(lambda: self.transitions().count((name, "BACKUP")) == left + 1,
                              f"{name} to leave")
                    row = self.instance(name)
                    self.assertEqual(row["received_adverts"], received + 1)
                    self.assertEqual(row["master"], advert.source)
                    # The master is not heard of again.
                    self.wait(lambda: self.lab.roles()[name] == "MASTER", f"{name} to return")


harness.main(__name__)
