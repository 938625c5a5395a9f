#!/usr/bin/python3
"""Alerts of a pair: who is master, late adverts, the sync link, a quorum; nothing bad at an ordinary start."""

import os
import re
import signal
import time

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, server_address

WARN_AFTER_MS = 350
# With what an advert may have been before it, at least WARN_AFTER_MS and less than the 1.08 s of a takeover.
SILENCE_S = 0.5
CHECK = director.check() | {"interval": "200ms", "rise": 1, "fall": 2}


class HaAlerts(harness.HaTest):
    ADVERT_INTERVAL = "300ms"
    QUORUM_VIP = f"{NAT_VIP}:81"

    @classmethod
    def services(cls):
        return super().services() + [director.service(
            "both", cls.QUORUM_VIP, "nat", [], quorum=2, check=CHECK,
            real_server=[{"address": f"{server_address(n)}:80"} for n in (1, 2)])]

    @classmethod
    def configure(cls, lab):
        cls.folder = f"{lab.dir}/alerts"
        configs = super().configure(lab)
        for name, tables in configs.items():
            tables["alert"] = {"script": [f"{cls.folder}/{name}"], "script_user": "root"}
            for instance in tables["ha"]["instance"]:
                instance["warn_after"] = f"{WARN_AFTER_MS}ms"
        return configs

    @classmethod
    def prepare(cls, lab):
        os.mkdir(cls.folder)
        for name in lab.configured:
            script = f"{cls.folder}/{name}"
            with open(script, "w", encoding="utf-8") as out:
                out.write('#!/bin/sh\necho "$BALLAST_EVENT $BALLAST_SEVERITY $BALLAST_TEXT" '
                          f'>> {script}.reported\n')
            os.chmod(script, 0o755)

    def lines(self, name):
        """[kind of the event, severity, text]"""
        path = f"{self.folder}/{name}.reported"
        if not os.path.exists(path):
            return []
        with open(path, encoding="utf-8") as file:
            return [line.rstrip("\n").split(" ", 2) for line in file]

    def reported(self, name, kind):
        """Without what is late, as on a busy machine."""
        return [text for event, _, text in self.lines(name) if event == kind and ": late" not in text]

    def wait_roles(self, name, count, change):
        """Until that many transitions were reported, the last ones of both instances `change`."""
        self.wait(lambda: len(self.reported(name, "ha")) == count, f"{count} transitions of {name}", 30)
        self.assertEqual({text.split(": ", 1)[1] for text in self.reported(name, "ha")[-2:]}, {change})

    def wait_reported(self, name, kind, expected, before):
        self.wait(lambda: self.reported(name, kind)[before:] == expected,
                  f"{name} to tell of {kind}: {expected}", 30)

    def test_an_ordinary_start_is_not_bad(self):
        self.wait_role("lb1", "MASTER")
        self.wait_role("lb2", "BACKUP")
        for name in self.lab.configured:
            self.wait(lambda: self.reported(name, "quorum"), f"{name} to report the quorum")
            self.assertLessEqual({severity for _, severity, _ in self.lines(name)}, {"good", "notice"})
            self.assertEqual({text.split(": ", 1)[1] for text in self.reported(name, "ha")[:2]},
                             {"INIT -> BACKUP"})

    def test_a_start_that_stays_in_fault_is_bad(self):
        self.allow_drops("next_hop_unresolved", "punt_failed", "other_station")
        lb2 = self.lab.directors["lb2"]
        roles = len(self.reported("lb2", "ha"))
        self.pull_cable("lb2", "wan")
        self.wait_roles("lb2", roles + 2, "BACKUP -> FAULT")
        lb2.process("lb-controlplane").stop()
        lb2.start_daemon("lb-controlplane")
        self.wait_role("lb2", "INIT")
        self.wait_roles("lb2", roles + 4, "INIT -> FAULT")
        self.assertEqual({severity for _, severity, text in self.lines("lb2")
                          if text.endswith("INIT -> FAULT")}, {"bad"})
        self.plug_cable("lb2", "wan")
        self.wait_roles("lb2", roles + 6, "FAULT -> BACKUP")
        lb2.wait_servers_up()

    def test_master_and_sync_link(self):
        self.allow_drops("next_hop_unresolved", "no_real_server", "punt_failed", "other_station")
        self.wait_role("lb1", "MASTER")
        self.wait(lambda: self.reported("lb2", "sync")[-1:] == ["sync link up"], "lb2 to tell of the link")
        before = len(self.reported("lb2", "sync"))
        roles = len(self.reported("lb2", "ha"))
        self.kill_director("lb1")
        self.wait_roles("lb2", roles + 2, "BACKUP -> MASTER")
        self.wait_reported("lb2", "sync", ["sync link down"], before)
        self.start_director("lb1")
        self.wait_role("lb1", "MASTER")
        self.wait_roles("lb2", roles + 4, "MASTER -> BACKUP")
        self.wait_reported("lb2", "sync", ["sync link down", "sync link up"], before)

    def test_late_adverts(self):
        """And heartbeats: the master's process gets no time for a moment that is too short for a takeover."""
        self.wait_role("lb1", "MASTER")
        self.wait_role("lb2", "BACKUP")
        received = self.of_instances("lb2", "received_adverts")
        self.wait(lambda: self.all_above("lb2", "received_adverts", received), "an advert of each instance")
        before = self.of_instances("lb2", "late_adverts")
        heartbeats = self.lab.directors["lb2"].show("ha")["peer"]["late_heartbeats"]
        controlplane = self.lab.directors["lb1"].process("lb-controlplane")
        controlplane.signal(signal.SIGSTOP)
        try:
            time.sleep(SILENCE_S)
        finally:
            controlplane.signal(signal.SIGCONT)
        self.wait(lambda: self.all_above("lb2", "late_adverts", before), "late adverts of both instances")
        for name, latest_ms in self.of_instances("lb2", "latest_ms").items():
            self.assertGreaterEqual(latest_ms, WARN_AFTER_MS, name)
            self.wait_logged(re.compile(rf"warning .*{name}: late advert of \S+: \d+ ms after the one before, which "
                                        rf"is more than warn_after \({WARN_AFTER_MS} ms\)"), name="lb2")
            self.wait(lambda name=name: ["vrrp", "notice", f"{name}: late advert"] in self.lines("lb2"),
                      f"an alert of lb2 that an advert of {name} was late")
        self.wait(lambda: self.lab.directors["lb2"].show("ha")["peer"]["late_heartbeats"] > heartbeats,
                  "a late heartbeat")
        self.wait_logged(re.compile(r"warning .*sync: late heartbeat of lb1: \d+ ms after the one before, which is "
                                    r"more than warn_after \(200 ms\)"), name="lb2")
        self.wait(lambda: ["sync", "notice", "sync link: late heartbeat"] in self.lines("lb2"),
                  "an alert of lb2 that a heartbeat was late")
        self.assertEqual(self.role("lb2"), "BACKUP")
        shown = self.lab.directors["lb2"].lbcli("show", "ha").stdout
        self.assertRegex(shown, r"VI_WAN: \d+ adverts? came late, at most")
        self.assertRegex(shown, r"\d+ heartbeats? came late, at most")

    def of_instances(self, name, key):
        """{instance: value}"""
        return {row["name"]: row[key] for row in self.lab.directors[name].show("ha")["instances"]}

    def all_above(self, name, key, before):
        return all(value > before[each] for each, value in self.of_instances(name, key).items())

    def test_quorum(self):
        self.wait(lambda: self.reported("lb1", "quorum")[-1:] == ["both: quorum reached"], "the quorum")
        before = len(self.reported("lb1", "quorum"))
        self.lab.processes["s1-nginx"].stop()
        self.addCleanup(self.lab.start_server, "s1")
        self.wait_reported("lb1", "quorum", ["both: quorum lost"], before)
        self.lab.start_server("s1")
        self.wait_reported("lb1", "quorum", ["both: quorum lost", "both: quorum reached"], before)


harness.main(__name__)
