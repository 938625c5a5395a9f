#!/usr/bin/python3
"""Somebody on the real servers' network says that a real server is at his MAC address. With `mac` that has no effect;
without, the log and an alert say what has moved, with both addresses."""

import copy
import socket
import struct
import threading
import time

import attack
import harness
from ballast_lab import director
from ballast_lab.topology import DIRECTOR_LAN, NAT_VIP, server_address

FIXED, FREE = server_address(1), server_address(2)


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


class ForgedArp(attack.OnTime, harness.LabTest):
    CLIENTS = 2

    @classmethod
    def configure(cls, lab):
        check = director.check() | {"timeout": "4s"}
        cls.tables = director.config(f"{lab.dir}/run", [
            director.service(name, f"{NAT_VIP}:{port}", "nat", [(number, 1)], check=check)
            for name, port, number in (("fixed", 80, 1), ("free", 8080, 2))])
        cls.tables["service"][1]["real_server"][0]["address"] = f"{FREE}:80"
        cls.tables["alert"] = {"script": ["/bin/true"]}
        return attack.add_virtual_router(cls.tables)

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)

    def setUp(self):
        super().setUp()
        self.allow_drops("punt_limited", "other_station")
        self.director = self.lab.directors["lb1"]
        self.attacker_mac = self.host(attack.ATTACKER).mac("lan")

    def reload(self, mac):
        tables = copy.deepcopy(self.tables)
        if mac:
            tables["service"][0]["real_server"][0]["mac"] = mac
        self.director.write_config(tables)
        self.director.lbcli("reload")

    def neighbour(self, address):
        """As the director's kernel has it."""
        return self.host("lb1").run("ip", "neigh", "show", address, "dev", "lan")

    def is_fixed(self):
        return "PERMANENT" in self.neighbour(FIXED)

    def forge(self, over, *addresses):
        """Replies that nobody asked for, to the director."""
        to = self.host("lb1").mac("lan")
        with self.host(attack.ATTACKER).inside():
            out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with out:
            out.bind(("lan", 0))
            own = out.getsockname()[4]
            while not over.is_set():
                for address in addresses:
                    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + own + socket.inet_aton(address) \
                        + mac_bytes(to) + socket.inet_aton(DIRECTOR_LAN)
                    out.send(mac_bytes(to) + own + b"\x08\x06" + arp)
                time.sleep(0.02)

    def under_attack(self, *addresses):
        over = threading.Event()
        thread = threading.Thread(target=self.forge, args=(over, *addresses))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(over.set)
        return over

    def test_1_a_configured_mac_stays(self):
        self.reload(self.host("s1").mac("eth0"))
        self.wait(self.is_fixed, "the neighbour")
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80")
        self.under_attack(FIXED, FREE)
        # So the attack works, where it can.
        self.wait(lambda: f"is at {self.attacker_mac}, was at {self.host('s2').mac('eth0')}"
                  in self.director.log_text("lb-controlplane"), "the other server's move")
        self.assertGreaterEqual(self.lab.show("alert")["events"], 1)
        time.sleep(2)  # some checks
        self.assertIn(self.host("s1").mac("eth0"), self.neighbour(FIXED))
        report = load.stop()
        self.assertGreater(report["good"], 0)
        self.assertEqual(report["errors"], {}, report)
        log = self.director.log_text("lb-controlplane")
        self.assertNotIn(f"{FIXED}:80 down", log)
        self.assertNotIn(f"next hop {FIXED} on lan is at {self.attacker_mac}", log)

    def test_2_it_goes_with_the_configuration(self):
        self.reload(None)
        self.wait(lambda: not self.is_fixed(), "the neighbour to be an ordinary one")
        self.fetch("c1", f"http://{NAT_VIP}/")

    def test_3_and_what_a_killed_control_plane_left(self):
        self.reload(self.host("s1").mac("eth0"))
        self.wait(self.is_fixed, "the neighbour")
        self.assert_on_time(last=True)
        self.director.process("lb-controlplane").kill()
        self.assertTrue(self.is_fixed())
        self.director.write_config(self.tables)
        self.director.start_daemon("lb-controlplane")
        self.wait(lambda: not self.is_fixed(), "the neighbour to be an ordinary one")
        self.wait(lambda: all(rs["up"] for rs in self.lab.real_servers()), "the servers")
        self.fetch("c1", f"http://{NAT_VIP}/")


harness.main(__name__)
