#!/usr/bin/python3
"""A real server that dies is taken out in time and comes back; nothing fails in between. Clients
that meet it first bring its check forward."""

import os
import re
import time

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, server_address

INTERVAL_S, TIMEOUT_S, FALL = 1, 1, 2
CHECK = director.check() | {"interval": f"{INTERVAL_S}s", "timeout": f"{TIMEOUT_S}s", "fall": FALL}
# From the moment of death: the promised bound, and what a busy machine adds to it.
OUT_WITHIN_S = FALL * INTERVAL_S + TIMEOUT_S + 1.5


class Health(harness.LabTest):
    CLIENTS = 2
    SERVERS = 3

    @classmethod
    def configure(cls, lab):
        every = [(1, 1), (2, 1), (3, 1)]
        return director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", every, check=CHECK),
            director.service("web-dr", f"{DR_VIP}:80", "dr", every, check=CHECK)])

    def setUp(self):
        super().setUp()
        self.lab.wait_servers_up()

    def lose_server(self, name, break_it, restore_it):
        """Breaks a server under load; it must be out in time, the load be clean from then on, and
        the server come back."""
        self.allow_drops("real_server_down", "next_hop_unresolved")
        address = f"{server_address(int(name[1:]))}:80"
        died = time.monotonic()
        break_it()
        try:
            self.assert_out(name, address, died)
        finally:
            restore_it()
        for service in ("web", "web-dr"):
            self.wait_server(service, address, up=True)
        self.lab.wait_servers_up()
        for vip in (NAT_VIP, DR_VIP):
            names = {self.fetch("c1", f"http://{vip}/").decode().strip() for _ in range(12)}
            self.assertEqual(names, {"s1", "s2", "s3"})

    def assert_out(self, name, address, died):
        for service in ("web", "web-dr"):
            self.wait_server(service, address, up=False)
        self.assertLess(time.monotonic() - died, OUT_WITHIN_S)
        loads = [harness.BackgroundLoad(self.lab, client, f"{vip}:80", parallel=4)
                 for client, vip in (("c1", NAT_VIP), ("c2", DR_VIP))]
        time.sleep(1.5)  # the time that requests are given to fail
        for load in loads:
            report = load.stop()
            self.assertEqual(report["errors"], {})
            self.assertGreater(report["good"], 100)
            self.assertNotIn(name, report["bodies"])

    def test_program_dies(self):
        self.lose_server("s2", self.lab.processes["s2-nginx"].kill,
                         lambda: self.lab.start_server("s2"))

    def test_host_vanishes(self):
        server = self.host("s3")

        def come_back():
            server.ip("link", "set", "eth0", "up")
            server.ip("route", "add", "default", "via", "10.0.0.1")
            server.ip("route", "add", "default", "via", "10.0.0.254", "table", "100")

        self.lose_server("s3", lambda: server.ip("link", "set", "eth0", "down"), come_back)

    def test_server_says_no(self):
        flag = f"{self.lab.dir}/s1/maintenance"
        self.lose_server("s1", lambda: open(flag, "w", encoding="utf-8").close(),
                         lambda: os.remove(flag))

    def test_all_servers_down(self):
        """Clients are told at once; when a server is back, they are served."""
        self.allow_drops("no_real_server", "real_server_down")
        for name in self.lab.network.servers:
            open(f"{self.lab.dir}/{name}/maintenance", "w", encoding="utf-8").close()
        for number in (1, 2, 3):
            self.wait_server("web", f"{server_address(number)}:80", up=False)
        argv = self.host("c1").argv("curl", "--silent", "--max-time", "10", f"http://{NAT_VIP}/")
        started = time.monotonic()
        self.assertEqual(harness.exit_status(argv), 7)  # could not connect
        self.assertLess(time.monotonic() - started, 5)
        for name in self.lab.network.servers:
            os.remove(f"{self.lab.dir}/{name}/maintenance")
        self.lab.wait_servers_up()
        self.fetch("c1", f"http://{NAT_VIP}/")

    def test_transitions_are_logged_with_their_reason(self):
        self.wait_logged(re.compile(r"10\.0\.0\.12.*down"))
        self.wait_logged(re.compile(r"10\.0\.0\.11.*503"))


class Evidence(harness.LabTest):
    """Checks that come once a minute: without what clients meet, a dead server would stay in."""

    SERVERS = 3
    CHECK = director.check("tcp") | {"interval": "60s", "timeout": "1s", "fall": 1}
    SOON_S = 20  # a busy machine; a third of the interval

    @classmethod
    def configure(cls, lab):
        every = [(1, 1), (2, 1), (3, 1)]
        return director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", every, check=cls.CHECK),
            director.service("web-dr", f"{DR_VIP}:443", "dr", every, check=cls.CHECK)])

    def setUp(self):
        super().setUp()
        self.allow_drops("real_server_down")

    def connect_until_down(self, service, url, address):
        """A client comes to the servers in turn until the one that is dead is out."""
        argv = self.host("c1").argv("curl", "--silent", "--insecure", "--output", "/dev/null",
                                    "--max-time", "4", url)
        deadline = time.monotonic() + self.SOON_S
        while self.real_server(service, address)["up"]:
            self.assertLess(time.monotonic(), deadline, f"{address} is not taken out")
            harness.exit_status(argv)

    def test_reset_in_nat_mode(self):
        address = f"{server_address(1)}:80"
        self.lab.processes["s1-nginx"].kill()
        self.connect_until_down("web", f"http://{NAT_VIP}/", address)
        self.assertGreater(self.real_server("web", address)["syn_refused"], 0)
        self.assertEqual(self.real_server("web", f"{server_address(3)}:80")["syn_refused"], 0)
        self.wait_logged(re.compile(r"web: .*10\.0\.0\.11:80 down.*refused"))

    def test_no_answer_in_dr_mode(self):
        address = f"{server_address(2)}:443"
        self.host("s2").run("nft", "add table inet deaf; add chain inet deaf in { type filter hook "
                            "input priority 0; }; add rule inet deaf in tcp dport 443 drop")
        self.connect_until_down("web-dr", f"https://{DR_VIP}/", address)
        self.assertGreater(self.real_server("web-dr", address)["syn_unanswered"], 0)
        self.assertEqual(self.real_server("web-dr", address)["syn_refused"], 0)


harness.main(__name__)
