#!/usr/bin/python3
"""From keepalived with IPVS in NAT mode (wrr and wlc, persistence, sorry server, TCP_CHECK, mail): its own two files,
imported. What its author did to verify it is done here, and real keepalived goes the same way with the same files."""

import json
import os
import re
import socket

import harness
import imported
from ballast_lab import pair
from ballast_lab.topology import GATEWAY, NAT_VIP, server_address
from keepalived import take_ports

FILES = {"lb1": ["keepalived-nat/master.conf"], "lb2": ["keepalived-nat/backup.conf"]}
SORRY = b"s3\n"


class Story:
    """Who has the addresses, while directors die and return. The subclass knows how they do."""

    def story(self):
        self.wait_holder("lb1")
        self.kill("lb1")
        self.wait_holder("lb2")
        self.start("lb1")
        self.wait_holder("lb1")  # no nopreempt
        self.lab.network.set_cable("lb1", "lan", plugged=False)
        self.wait_holder("lb2")  # of both instances: they are a group
        self.lab.network.set_cable("lb1", "lan", plugged=True)
        self.wait_holder("lb1")

    def wait_holder(self, name):
        def holds(each, address):
            return f"inet {address}/24" in self.host(each).ip("-4", "addr", "show")

        def settled():
            return all(holds(each, address) == (each == name)
                       for each in pair.DIRECTORS for address in (NAT_VIP, GATEWAY))

        self.wait(settled, f"{name} to have both addresses", timeout=40)


class RealKeepalived(Story, harness.LabTest):
    HA = True
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        return None

    @classmethod
    def prepare(cls, lab):
        for name in pair.DIRECTORS:
            take_ports(lab, name)
            os.mkdir(f"{lab.dir}/{name}")
            with open(f"{imported.REFERENCE}/{FILES[name][0]}", encoding="utf-8") as file:
                text = re.sub(r"\beth([01])\b", lambda found: ("wan0", "lan0")[int(found[1])], file.read())
            with open(f"{lab.dir}/{name}/keepalived.conf", "w", encoding="utf-8") as out:
                out.write(text)
            cls.spawn(lab, name)

    @classmethod
    def spawn(cls, lab, name):
        """Its VRRP alone: this kernel need not have IPVS."""
        folder = f"{lab.dir}/{name}"
        for left in ("pid", "vrrp.pid"):  # of one that was killed
            if os.path.exists(f"{folder}/{left}"):
                os.remove(f"{folder}/{left}")
        lab.spawn(f"{name}-keepalived", name, [
            "keepalived", "--dont-fork", "--log-console", "--no-syslog", "--vrrp", "--use-file",
            f"{folder}/keepalived.conf", "--pid", f"{folder}/pid", "--vrrp_pid", f"{folder}/vrrp.pid"])

    def kill(self, name):
        self.lab.processes[f"{name}-keepalived"].kill()
        take_ports(self.lab, name)

    def start(self, name):
        self.spawn(self.lab, name)

    def test_story(self):
        self.story()


class Imported(Story, imported.ImportedPair):
    SERVERS = 3
    FORMAT, FILES = "keepalived", FILES

    def kill(self, name):
        self.kill_director(name)

    def start(self, name):
        self.start_director(name)

    def setUp(self):
        super().setUp()
        self.allow_drops("next_hop_unresolved", "no_real_server", "punt_failed", "real_server_down")

    def fetch_once(self):
        return self.fetch("c1", f"http://{NAT_VIP}/")

    def test_the_notes_name_the_mistake(self):
        for name in pair.DIRECTORS:
            note, = self.notes_about("lvs_sync_daemon_inteface", name)
            self.assertEqual((note["severity"], note["line"]), ("error", 25), note)
            self.assertIn("lvs_sync_daemon_interface", note["there"] + note["here"])

    def test_the_pair_is_consistent(self):
        files = [f"{imported.REFERENCE}/{FILES[name][0]}" for name in pair.DIRECTORS]
        report = json.loads(imported.lbcli_import(self.lab, "keepalived", files).stdout)
        self.assertEqual((len(report["directors"]), report["differences"]), (2, []))

    def test_story(self):
        self.story()

    def test_persistence(self):
        first = self.fetch_once()
        self.assertEqual({self.fetch_once() for _ in range(10)}, {first})
        self.wait(lambda: self.lab.directors["lb2"].show("persistence"), "the binding at the standby")
        self.kill("lb1")
        self.wait_holder("lb2")
        self.assertEqual({self.fetch_once() for _ in range(10)}, {first})
        self.start("lb1")
        self.wait_holder("lb1")

    def test_web_servers_stop_and_return(self):
        servers = [f"{server_address(number)}:80" for number in (1, 2)]
        for name, server in zip(("s1", "s2"), servers):
            self.lab.processes[f"{name}-nginx"].kill()
            self.wait_server(f"{NAT_VIP}:80", server, up=False, timeout=30)
            self.wait_mail("lb1", server, "down")
        self.assertEqual(self.fetch_once(), SORRY)
        for name, server in zip(("s1", "s2"), servers):
            self.lab.start_server(name)
            self.wait_server(f"{NAT_VIP}:80", server, up=True, timeout=30)
            self.wait_mail("lb1", server, "up")
        self.assertIn(self.fetch_once(), (b"s1\n", b"s2\n"))

    def test_a_session_survives_its_director(self):
        with self.host("c1").inside():
            client = socket.create_connection((NAT_VIP, 80), timeout=30)
        with client:
            self.wait(lambda: self.lab.directors["lb2"].show("conn", "--state", "ESTABLISHED"),
                      "the connection at the standby")
            self.kill("lb1")
            self.wait_holder("lb2")
            client.sendall(b"GET / HTTP/1.0\r\n\r\n")
            self.assertIn(b"200 OK", client.recv(65_536))
        self.start("lb1")
        self.wait_holder("lb1")


harness.main(__name__)
