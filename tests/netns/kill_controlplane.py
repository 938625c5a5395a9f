#!/usr/bin/python3
"""kill -9 of the control plane under load: nothing is lost, and its restart changes nothing."""

import json
import os
import signal
import socket
import subprocess
import time

import harness
from ballast_lab import servers
from ballast_lab.topology import DR_VIP, NAT_VIP

SIZE_BYTES = 100_000_000


class KillControlplane(harness.LabTest):
    CLIENTS = 3

    @classmethod
    def prepare(cls, lab):
        servers.make_big_payload(lab.payload_dir, "big", SIZE_BYTES)

    def test_traffic_goes_on(self):
        loads = [harness.BackgroundLoad(self.lab, client, f"{vip}:80", parallel=4,
                                        per_connection=5)
                 for client, vip in (("c1", NAT_VIP), ("c2", DR_VIP))]
        download = subprocess.Popen(
            self.host("c3").argv("curl", "--silent", "--fail", "--limit-rate", "20M", "--output",
                                 "/dev/null", "--write-out", "%{size_download}", "--max-time",
                                 "100", f"http://{NAT_VIP}/big"),
            stdout=subprocess.PIPE)
        control = self.lab.processes["lb-controlplane"]
        control.signal(signal.SIGKILL)
        control.wait(10)
        time.sleep(1)  # traffic without a control plane
        generation = self.lab.generation()
        self.assertEqual([rs["up"] for rs in self.lab.real_servers()], [True] * 8)

        self.lab.start_controlplane()
        states = set()

        def ready():
            states.update(rs["up"] for rs in self.lab.real_servers())
            return self.lab.controlplane_answers()

        self.wait(ready, "the control plane to answer")
        deadline = time.monotonic() + 2  # longer than any check takes to fail
        while time.monotonic() < deadline:
            ready()
        self.assertEqual(states, {True}, "a server flapped")
        self.assertGreaterEqual(self.lab.generation(), generation)
        for load in loads:
            report = load.stop()
            self.assertEqual(report["errors"], {})
            self.assertGreater(report["good"], 200)
        self.assertEqual(download.communicate(timeout=100)[0], str(SIZE_BYTES).encode())

    def test_connection_outlives_it(self):
        with self.host("c1").inside():
            client = socket.create_connection((NAT_VIP, 80), timeout=20)
        with client:
            for _ in range(2):
                client.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                self.assertIn(b" 200 ", client.recv(1000))
                control = self.lab.processes["lb-controlplane"]
                control.signal(signal.SIGKILL)
                control.wait(10)
                self.lab.start_controlplane()
                self.lab.wait_servers_up()

    def test_statistics_without_it(self):
        control = self.lab.processes["lb-controlplane"]
        control.signal(signal.SIGKILL)
        control.wait(10)
        try:
            for what in ("service", "conn", "stats", "drops", "port", "lcore", "rs"):
                with self.subTest(what=what):
                    self.lab.lbcli("show", what)
        finally:
            self.lab.start_controlplane()
            self.wait(self.lab.controlplane_answers, "the control plane to answer")

    def test_changes_are_seen_again_after_it(self):
        self.allow_drops("real_server_down")
        self.lab.processes["s2-nginx"].kill()
        self.wait_server("web", "10.0.0.12:80", up=False)
        control = self.lab.processes["lb-controlplane"]
        control.signal(signal.SIGKILL)
        control.wait(10)
        self.lab.start_controlplane()
        self.wait(self.lab.controlplane_answers, "the control plane to answer")
        self.assertFalse(self.real_server("web", "10.0.0.12:80")["up"],
                         "a server that is down came back without a check")
        self.lab.start_server("s2")
        self.wait_server("web", "10.0.0.12:80", up=True)

    def history(self):
        """What `show check` tells of s2's check for "web"; None while it is not asked."""
        for check in self.lab.show("check")["checks"]:
            for target in check["targets"]:
                if target["service"] == "web" and target["address"] == "10.0.0.12":
                    return target
        return None

    def restart(self, number):
        control = self.lab.processes["lb-controlplane"]
        control.signal(number)
        control.wait(20)
        self.lab.start_controlplane()
        self.wait(lambda: self.lab.controlplane_answers() and self.history(), "s2 to be checked")

    def test_history_of_checks_goes_on(self):
        self.allow_drops("real_server_down")
        self.lab.processes["s2-nginx"].kill()
        self.wait_server("web", "10.0.0.12:80", up=False)
        self.lab.start_server("s2")
        self.wait_server("web", "10.0.0.12:80", up=True)
        before = self.history()
        self.assertGreaterEqual(before["transitions"], 2)
        path = f"{self.lab.dir}/state/health.json"

        def written():
            if not os.path.exists(path):
                return False
            with open(path, encoding="utf-8") as file:
                return any(each["service"] == "web" and each["address"] == "10.0.0.12:80"
                           and each["up"] and each["transitions"] == before["transitions"]
                           for each in json.load(file)["targets"])

        self.wait(written, "the history to be written")
        for number in (signal.SIGKILL, signal.SIGTERM):
            self.restart(number)
            after = self.history()
            self.assertEqual(after["transitions"], before["transitions"])
            for key in ("since_ms", "known_ms", "up_ms"):
                self.assertGreaterEqual(after[key], before[key], key)
            before = after

        with open(path, "w", encoding="utf-8") as file:
            file.write("{")
        self.restart(signal.SIGKILL)
        self.assertEqual(self.history()["transitions"], 0)
        self.wait_logged("history of the checks starts over")


harness.main(__name__)
