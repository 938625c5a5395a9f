#!/usr/bin/python3
"""The same traffic over AF_XDP ports: HTTP in both modes, DNS, the exception path, restart."""

import json
import signal

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


harness.main(__name__)
