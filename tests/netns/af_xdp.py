#!/usr/bin/python3
"""The same traffic over AF_XDP ports: HTTP in both modes, DNS, the exception path, restart."""

import json
import signal
import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DIRECTOR_WAN, DR_VIP, NAT_VIP


class AfXdp(harness.LabTest):
    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", director.default_services("both", cls.SERVERS),
                               driver="af_xdp")

    def test_http(self):
        for vip in (NAT_VIP, DR_VIP):
            with self.subTest(vip=vip):
                output = self.host("c1").run(*harness.http_load(
                    f"{vip}:80", path="/1k", requests=5000, parallel=16, per_connection=5,
                    expect_file=f"{self.lab.payload_dir}/1k"), timeout=100)
                self.assertEqual(json.loads(output), {"good": 5000, "errors": {}, "bodies": {}})

    def test_dns_with_large_answers(self):
        for vip in (NAT_VIP, DR_VIP):
            output = self.host("c1").run("dig", f"@{vip}", "large.lab", "TXT", "+short",
                                         "+bufsize=8192", "+ignore", "+tries=1", "+time=3")
            self.assertEqual(len(output.split("\n")) - 1, 16)

    def test_exception_path(self):
        self.host("c1").run("ping", "-c", "3", "-i", "0.2", "-W", "5", DIRECTOR_WAN)
        self.host("c1").run("ping", "-c", "3", "-i", "0.2", "-W", "5", "-s", "8000", NAT_VIP)

    def test_restart_after_kill(self):
        self.allow_drops("next_hop_unresolved", "no_real_server")
        dataplane = self.lab.processes["lb-dataplane"]
        dataplane.signal(signal.SIGKILL)
        dataplane.wait(10)
        self.lab.start_dataplane()
        self.lab.wait_servers_up()
        self.fetch("c1", f"http://{NAT_VIP}/", timeout=20)


class Jumbo(harness.LabTest):
    """Segments of more than 1500 bytes through the director, in both directions."""

    SERVERS = 1
    MTU = 2790

    @classmethod
    def configure(cls, lab):
        tables = director.config(f"{lab.dir}/run", director.default_services("nat", cls.SERVERS),
                                 driver="af_xdp")
        for port in tables["port"]:
            port["mtu"] = cls.MTU
        return tables

    @classmethod
    def prepare(cls, lab):
        for name, links in {"switch": ["c1-clients", "router-clients", "router-wan", "router-lan",
                                       "lb1-wan", "lb1-lan", "s1-lan"],
                            "router": ["clients", "wan", "lan"], "c1": ["eth0"], "s1": ["eth0"],
                            "lb1": ["wan0", "lan0"]}.items():
            for link in links:
                lab.host(name).set_mtu(link, cls.MTU)

    def test_large_segments(self):
        with self.host("c1").inside():
            client = socket.create_connection((NAT_VIP, 80), timeout=20)
        with client:
            self.assertGreater(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG), 2700)
            client.sendall(b"GET /1m HTTP/1.0\r\nX-Long: " + b"x" * 7000 + b"\r\n\r\n")
            got = b"".join(iter(lambda: client.recv(1 << 16), b""))
        with open(f"{self.lab.payload_dir}/1m", "rb") as file:
            self.assertEqual(got.split(b"\r\n\r\n", 1)[1], file.read())

    def test_the_kernel_interface_has_the_ports_mtu(self):
        self.assertIn(f"mtu {self.MTU}", self.host("lb1").ip("link", "show", "dev", "wan"))
        self.host("c1").run("ping", "-c", "1", "-W", "5", "-M", "do", "-s", str(self.MTU - 28), NAT_VIP)


harness.main(__name__)
