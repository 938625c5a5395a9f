#!/usr/bin/python3
"""The disk of a master hangs: adverts and health checks go on, operators are served, and their changes are in
force."""

import os
import subprocess

import attack
import harness
from ballast_lab import pair
from ha_cuts import ADVERTS_IN_PEACE, sent_adverts
from hung_disk import hang_disk


class SlowFiles(attack.OnTime, harness.HaTest):
    SERVERS = 2

    @classmethod
    def configure(cls, lab):
        """State and audit log are on that disk."""
        configs = super().configure(lab)
        cls.folder = f"{lab.dir}/lb1-state"
        configs["lb1"]["director"] |= {"state_dir": cls.folder, "audit_file": f"{cls.folder}/audit.log"}
        return configs

    @classmethod
    def prepare(cls, lab):
        os.makedirs(cls.folder)

    def setUp(self):
        super().setUp()
        self.allow_drops("no_real_server", "server_down")
        self.wait_role("lb1", "MASTER")
        self.master = self.lab.directors["lb1"]

    def events(self):
        return {name: self.lab.directors[name].show("ha")["events"] for name in pair.DIRECTORS}

    def up(self):
        return sum(rs["up"] for rs in self.master.real_servers())

    def test_the_disk_of_the_master(self):
        before, all_up = self.events(), self.up()
        hang_disk(self, self.folder, self.master.process("lb-controlplane"))
        for number in range(3):  # who reads the last line of each has no answer
            change = subprocess.Popen(
                self.master.lbcli_argv("set", "rs", "web", "10.0.0.11:80", "weight", str(5 + number)),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.addCleanup(change.wait, 20)
        self.master.wait_for(lambda: any(rs["weight"] in (5, 6, 7) for rs in self.master.real_servers()), 15,
                             "the change")
        self.lab.processes["s2-nginx"].stop()
        self.master.wait_for(lambda: self.up() < all_up, 15, "its servers to be down")
        # The history of the checks is written some seconds after a change.
        begun = sent_adverts(self.lab, "lb1")
        self.wait(lambda: sent_adverts(self.lab, "lb1") > begun + 3 * ADVERTS_IN_PEACE, "adverts")
        self.assertTrue(self.master.show("check")["checks"])
        self.assertEqual(self.events(), before)


harness.main(__name__)
