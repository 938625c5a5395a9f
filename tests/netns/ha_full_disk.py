#!/usr/bin/python3
"""The disk for the logs is full, of one director from the beginning, of the other one soon after
its start: both go on, and fail over."""

import os

import harness
from ballast_lab import pair
from ballast_lab.daemons import DAEMONS
from ha_cuts import PairTest

DISK_BYTES = 4096
FIRST_LINES_BYTES = 512
# A file system of a page, which only the daemon sees, takes its log after so many bytes.
ONTO_SMALL_DISK = ('mount -t tmpfs -o size=4k tmpfs "$1"; log=$1/log; '
                   'head -c "$2" /dev/zero > "$log"; shift 2; exec "$@" >> "$log" 2>&1')


class FullDisk(PairTest):
    @classmethod
    def prepare(cls, lab):
        super().prepare(lab)
        cls.log_dir = f"{lab.dir}/logs"
        os.mkdir(cls.log_dir)
        cls.give_disk(lab, "lb1", FIRST_LINES_BYTES)
        cls.give_disk(lab, "lb2", 0)

    @classmethod
    def give_disk(cls, lab, name, free):
        """To the daemons of a director when they start next."""
        lab.directors[name].wrapper = ["sh", "-e", "-c", ONTO_SMALL_DISK, "sh", cls.log_dir,
                                       str(DISK_BYTES - free)]

    def assert_full(self, name):
        """No byte more goes into the logs of a director, whose daemons run."""
        for daemon in DAEMONS:
            process = self.lab.directors[name].process(daemon)
            self.assertTrue(process.running())
            seen_by_it = f"/proc/{process.pid}/root{self.log_dir}"
            self.assertEqual(os.statvfs(seen_by_it).f_bavail, 0, daemon)
            self.assertEqual(os.stat(f"{seen_by_it}/log").st_size, DISK_BYTES, daemon)

    def test_full(self):
        """Nobody notices."""
        for name in pair.DIRECTORS:
            self.assert_full(name)
            for command in ("freeze", "thaw"):  # of which each writes a line
                self.lab.directors[name].lbcli("ha", command)
        self.wait_adverts("lb1")
        self.assert_transitions()
        self.assert_serves()

    def test_failover_with_full_disks(self):
        """The standby takes over. The other one starts although its disk is full from the
        beginning, and takes over again."""
        self.kill_director("lb1")
        self.wait_role("lb2", "MASTER")
        self.assert_serves()
        self.give_disk(self.lab, "lb1", 0)
        self.start_director("lb1")
        self.wait_as_before()
        self.assert_full("lb1")
        self.assert_serves()


harness.main(__name__)
