#!/usr/bin/python3
"""kill -9 of the data plane: it starts again on what it left, and traffic flows by itself."""

import signal

import harness
from ballast_lab.topology import DIRECTOR_WAN, DR_VIP, NAT_VIP


class KillDataplane(harness.LabTest):
    def kill_and_start(self):
        dataplane = self.lab.processes["lb-dataplane"]
        dataplane.signal(signal.SIGKILL)
        dataplane.wait(10)
        self.lab.start_dataplane()
        self.lab.wait_servers_up()

    def assert_works(self):
        # The first packets after the start may find ARP entries that are still being made.
        for vip in (NAT_VIP, DR_VIP):
            self.fetch("c1", f"http://{vip}/", timeout=20)
        self.host("c1").run("ping", "-c", "3", "-i", "0.2", "-W", "5", DIRECTOR_WAN)
        self.host("c1").run("ping", "-c", "3", "-i", "0.2", "-W", "5", NAT_VIP)

    def test_starts_again(self):
        self.allow_drops("next_hop_unresolved", "no_real_server")
        self.assert_works()
        for _ in range(3):
            self.kill_and_start()
            self.assert_works()
        self.assertTrue(self.lab.processes["lb-controlplane"].running())

    def test_kill_under_load(self):
        self.allow_drops("next_hop_unresolved", "no_real_server")
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80", parallel=4)
        self.kill_and_start()
        load.stop()  # its connections died with the data plane
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80", parallel=4)
        self.wait(lambda: self.lab.service("web")["connections"] > 200, "new connections")
        self.assertEqual(load.stop()["errors"], {})

    def test_both_die(self):
        self.allow_drops("next_hop_unresolved", "no_real_server")
        for name in ("lb-controlplane", "lb-dataplane"):
            self.lab.processes[name].signal(signal.SIGKILL)
        for name in ("lb-controlplane", "lb-dataplane"):
            self.lab.processes[name].wait(10)
        self.lab.start_director()
        self.assert_works()


harness.main(__name__)
