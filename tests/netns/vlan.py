#!/usr/bin/python3
"""Real servers behind a VLAN on the director's lan port; skipped where the kernel has no VLANs."""

import json
import subprocess
import unittest

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, ROUTER_LAN

VLAN = 20
ADDRESS = "10.20.0.11"


def kernel_has_vlans():
    name = "ballast-vlan-probe"
    if subprocess.run(["ip", "link", "add", "link", "lo", "name", name[:15], "type", "vlan", "id", "1"],
                      capture_output=True, check=False).returncode != 0:
        return False
    subprocess.run(["ip", "link", "del", name[:15]], capture_output=True, check=False)
    return True


@unittest.skipUnless(kernel_has_vlans(), "this kernel has no VLAN interfaces (8021q)")
class Vlan(harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        server = [{"address": f"{ADDRESS}:80", "weight": 1}]
        config = director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", [], real_server=server),
            director.service("web-dr", f"{DR_VIP}:80", "dr", [], real_server=server)])
        config["port"][1]["vlan"] = [{"name": f"lan.{VLAN}", "id": VLAN,
                                      "addresses": ["10.20.0.1/24"]}]
        return config

    @classmethod
    def prepare(cls, lab):
        server = lab.host("s1")
        server.ip("link", "add", "link", "eth0", "name", f"eth0.{VLAN}", "type", "vlan", "id",
                  str(VLAN))
        server.ip("address", "add", f"{ADDRESS}/24", "dev", f"eth0.{VLAN}")
        server.ip("link", "set", f"eth0.{VLAN}", "up")
        server.run("ethtool", "-K", f"eth0.{VLAN}", "tx", "off")
        server.ip("route", "replace", "default", "via", "10.20.0.1")
        server.ip("route", "replace", "default", "via", ROUTER_LAN, "table", "100")

    def test_http(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                output = self.host("c1").run(*harness.http_load(
                    f"{vip}:80", path="/1k", requests=500, parallel=8, per_connection=5,
                    expect_file=f"{self.lab.payload_dir}/1k"), timeout=60)
                self.assertEqual(json.loads(output), {"good": 500, "errors": {}, "bodies": {}})

    def test_ping_through_the_vlan(self):
        self.host("s1").run("ping", "-c", "2", "-i", "0.2", "-W", "5", "-s", "4000", "10.20.0.1")


harness.main(__name__)
