#!/usr/bin/python3
"""The wall clock jumps by an hour and back, as after a bad start of NTP: nothing depends on it but
the time of day in the logs."""

import datetime
import glob
import os
import time

import harness
from ballast_lab import pair
from ha_cuts import PairTest

HOUR_S = 3600
NEAR_S = 600  # between the daemons' time of day and ours


class Clock(PairTest):
    @classmethod
    def prepare(cls, lab):
        """The daemons' clock is the machine's and what a file says more; the machine's is left
        alone."""
        super().prepare(lab)
        cls.offset_file = f"{lab.dir}/clock"
        cls.set_offset(0)
        library = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")[0]
        for each in lab.directors.values():
            each.wrapper = ["env", f"LD_PRELOAD={library}", "FAKETIME_NO_CACHE=1",
                            f"FAKETIME_TIMESTAMP_FILE={cls.offset_file}",
                            "FAKETIME_DONT_FAKE_MONOTONIC=1"]

    @classmethod
    def set_offset(cls, seconds):
        with open(f"{cls.offset_file}.new", "w", encoding="utf-8") as out:
            out.write(f"{seconds:+d}\n")
        os.replace(f"{cls.offset_file}.new", cls.offset_file)

    def assert_clock(self, name, offset):
        """A director writes logs, with its own time of day."""
        each = self.lab.directors[name]
        before = len(each.log_text("lb-controlplane"))
        for command in ("freeze", "thaw"):
            each.lbcli("ha", command)
        lines = self.wait(lambda: each.log_text("lb-controlplane")[before:].splitlines(),
                          "new lines")
        told = datetime.datetime.fromisoformat(lines[0][:23]).timestamp()
        self.assertLess(abs(told - time.time() - offset), NEAR_S, lines[0])

    def test_steps(self):
        """No transition, no lost session of the sync link, no lost connection; the logs go on with
        the new time of day."""
        sessions = self.lab.directors["lb1"].show("sync")["sessions"]
        for offset in (HOUR_S, 0, -HOUR_S, 0):
            with self.subTest(offset=offset):
                self.set_offset(offset)
                for name in pair.DIRECTORS:
                    self.assert_clock(name, offset)
                self.wait_adverts("lb1")
                self.assert_serves()
                self.assert_transitions()
        self.assertEqual(self.lab.directors["lb1"].show("sync")["sessions"], sessions)

    def test_failover_with_a_wrong_clock(self):
        """The dead master's clock was wrong, and steps on: the standby takes over as ever, with
        every connection, and gives back."""
        self.set_offset(-HOUR_S)
        self.kill_director("lb1")
        self.set_offset(HOUR_S)
        self.wait_role("lb2", "MASTER")
        self.assert_serves()
        self.start_director("lb1")
        self.set_offset(0)
        self.wait_as_before()
        self.assert_serves()


harness.main(__name__)
