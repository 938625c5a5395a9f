#!/usr/bin/python3
"""The interface below a port: it vanishes and returns; and the host has its settings back in the end."""

import json
import os
import signal

import harness
from ballast_lab.topology import DIRECTOR_LAN, DIRECTOR_WAN, NAT_VIP

SYSCTLS = ("ipv4/{}/rp_filter", "ipv4/{}/arp_ignore", "ipv4/{}/forwarding", "ipv6/{}/disable_ipv6")


class VanishedInterface(harness.HaTest):
    SERVERS = 1

    def port(self):
        return next(row for row in self.lab.show("port")["ports"] if row["name"] == "wan")

    def log(self):
        return self.lab.directors["lb1"].log_text("lb-dataplane")

    def test_the_peer_takes_over_and_a_restart_brings_it_back(self):
        self.allow_drops("next_hop_unresolved", "no_real_server")
        self.host("lb1").ip("link", "delete", "wan0")
        self.wait_role("lb2", "MASTER")
        self.wait_role("lb1", "FAULT")
        self.assertEqual(self.fetch("c1", f"http://{NAT_VIP}/", timeout=20), b"s1\n")
        self.assertEqual((self.port()["link_up"], self.port()["restart_needed"]), (False, True))
        self.wait_logged("interface wan0 is gone", "lb-dataplane")

        # The driver's sockets are bound to the old one.
        self.lab.network.attach("lb1", "wan0", "wan")
        self.wait_logged("interface wan0 was made anew", "lb-dataplane")
        self.assertIn("its interface is gone", self.lab.lbcli("show", "port").stdout)
        self.assertEqual((self.port()["link_up"], self.role("lb1")), (False, "FAULT"))

        lb1 = self.lab.directors["lb1"]
        lb1.process("lb-dataplane").stop()
        lb1.start_daemon("lb-dataplane")
        lb1.wait_servers_up()
        self.wait_role("lb1", "MASTER")
        self.assertEqual((self.port()["link_up"], self.port()["restart_needed"]), (True, False))
        self.assertEqual(self.fetch("c1", f"http://{NAT_VIP}/", timeout=20), b"s1\n")


class HostAsItWas(harness.LabTest):
    """wan0 has settings that are nobody's defaults; lan0 is promiscuous already."""

    SERVERS = 1

    @classmethod
    def prepare(cls, lab):
        host = lab.host("lb1")
        for name, value in zip(SYSCTLS, (2, 3, 1, 0)):
            cls.write(host, name.format("wan0"), value)
        host.ip("address", "add", "2001:db8::2/64", "dev", "wan0", "nodad")
        host.set_mtu("wan0", 1450)
        host.ip("link", "set", "lan0", "promisc", "on")
        cls.before = cls.settings(lab)

    @staticmethod
    def path(name):
        family, interface, key = name.split("/")
        return f"/proc/sys/net/{family}/conf/{interface}/{key}"

    @classmethod
    def write(cls, host, name, value):
        host.run("sh", "-c", f"echo {value} > {cls.path(name)}")

    @classmethod
    def settings(cls, lab):
        """{interface: what it has}."""
        host = lab.host("lb1")
        found = {}
        for interface in ("wan0", "lan0"):
            link = json.loads(host.ip("-j", "link", "show", "dev", interface))[0]
            addresses = json.loads(host.ip("-j", "-6", "address", "show", "dev", interface))
            found[interface] = {
                "promiscuous": "PROMISC" in link["flags"],
                "mtu": link["mtu"],
                "addresses": sorted(address["local"] for row in addresses
                                    for address in row.get("addr_info", [])
                                    if address["scope"] == "global"),
                "sysctls": [host.run("cat", cls.path(name.format(interface))).strip()
                            for name in SYSCTLS]}
        return found

    def setUp(self):
        super().setUp()
        self.allow_drops("next_hop_unresolved", "no_real_server")

    def assert_changed(self):
        now = self.settings(self.lab)
        for interface in ("wan0", "lan0"):
            self.assertEqual(now[interface]["sysctls"], ["1", "8", "0", "1"])
            self.assertTrue(now[interface]["promiscuous"])
            self.assertEqual((now[interface]["mtu"], now[interface]["addresses"]), (1500, []))

    def stop(self):
        dataplane = self.lab.processes["lb-dataplane"]
        dataplane.stop()
        self.assertEqual(dataplane.exit_status(), 0)

    def start(self):
        self.lab.start_dataplane()
        self.lab.wait_servers_up()
        self.assert_changed()

    def test_after_a_stop(self):
        self.assert_changed()
        self.stop()
        self.assertEqual(self.settings(self.lab), self.before)
        self.assertFalse(os.path.exists(f"{self.lab.run_dir()}/host-interfaces"))
        self.start()

    def test_after_a_kill_and_a_start(self):
        dataplane = self.lab.processes["lb-dataplane"]
        for _ in range(2):
            dataplane.signal(signal.SIGKILL)
            dataplane.wait(10)
            self.assert_changed()
            dataplane = self.lab.start_dataplane()
            self.lab.wait_servers_up()
        self.stop()
        self.assertEqual(self.settings(self.lab), self.before)
        self.start()

    def test_a_start_that_fails_restores_too(self):
        dataplane = self.lab.processes["lb-dataplane"]
        dataplane.signal(signal.SIGKILL)
        dataplane.wait(10)
        with open(self.lab.config_path, encoding="utf-8") as file:
            text = file.read()
        broken = f"{self.lab.dir}/broken.toml"
        with open(broken, "w", encoding="utf-8") as file:
            file.write(text.replace("iface=lan0", "iface=absent0"))
        argv = [f"{self.lab.build}/lb-dataplane", "--config", broken]
        self.assertEqual(harness.exit_status(self.host("lb1").argv(*argv)), 1)
        self.assertEqual(self.settings(self.lab), self.before)
        self.start()

    def test_what_others_have_set_since_stays(self):
        name = "ipv4/wan0/arp_ignore"
        self.write(self.host("lb1"), name, 5)
        self.stop()
        self.assertEqual(self.host("lb1").run("cat", self.path(name)).strip(), "5")
        self.write(self.host("lb1"), name, self.before["wan0"]["sysctls"][1])
        self.assertEqual(self.settings(self.lab), self.before)
        self.start()


class Rings(harness.LabTest):
    """Rings of other sizes, which lbcli check accepts: the driver and the kernel take them."""

    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        tables = super().configure(lab)
        for port, ring in zip(tables["port"], ("framesz=4096", "framesz=1600,blocksz=102400,framecnt=4096")):
            port["device"] = port["device"].split(",framecnt")[0] + "," + ring
        return tables

    def test_whole_frames_pass(self):
        self.allow_drops("next_hop_unresolved", "no_real_server")
        self.assertEqual(self.fetch("c1", f"http://{NAT_VIP}/", timeout=20), b"s1\n")
        for host, address in (("c1", DIRECTOR_WAN), ("s1", DIRECTOR_LAN)):
            self.host(host).run("ping", "-c", "1", "-W", "5", "-M", "do", "-s", "1472", address)


harness.main(__name__)
