#!/usr/bin/python3
"""Alerts of a pair: who is master, the sync link, a quorum; nothing bad at an ordinary start."""

import os

import harness
from ballast_lab import director
from ballast_lab.topology import NAT_VIP, server_address

CHECK = director.check() | {"interval": "200ms", "rise": 1, "fall": 2}


class HaAlerts(harness.HaTest):
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
        return [text for event, _, text in self.lines(name) if event == kind]

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

    def test_quorum(self):
        self.wait(lambda: self.reported("lb1", "quorum")[-1:] == ["both: quorum reached"], "the quorum")
        before = len(self.reported("lb1", "quorum"))
        self.lab.processes["s1-nginx"].stop()
        self.addCleanup(self.lab.start_server, "s1")
        self.wait_reported("lb1", "quorum", ["both: quorum lost"], before)
        self.lab.start_server("s1")
        self.wait_reported("lb1", "quorum", ["both: quorum lost", "both: quorum reached"], before)


harness.main(__name__)
