#!/usr/bin/python3
"""The end of a director that is master and has connections: SIGTERM to both daemons at once ends both in time,
in whatever state peer, data plane, sync link, notify program and disk are. One that hangs ends by itself."""

import os
import re
import signal
import subprocess
import time

import harness
from ballast_lab.daemons import DAEMONS
from ballast_lab.topology import NAT_VIP
from hung_disk import hang_disk

LIMIT_S = 5
GAVE_UP = 3  # exit status


class UnluckyStop(harness.HaTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        """lb1's notify program hangs while there is a file."""
        cls.hang = f"{lab.dir}/hang"
        tables = super().configure(lab)
        tables["lb1"]["ha"]["notify"] = ["/bin/sh", "-c",
                                         f"test ! -e {cls.hang} || exec sleep 1000"]
        tables["lb1"]["ha"]["notify_user"] = "root"
        return tables

    def setUp(self):
        super().setUp()
        self.allow_drops("next_hop_unresolved", "no_real_server")
        self.load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80", parallel=8)
        self.addCleanup(self.load.stop)
        self.wait_connections("lb1")

    def wait_connections(self, name):
        each = self.lab.directors[name]
        each.wait_for(lambda: each.service("web")["connections"] > 20, 15, "connections")

    def vip_is_there(self, name):
        """Nobody owns it when the interface is gone."""
        try:
            return NAT_VIP in self.host(name).ip("-o", "address")
        except Exception:  # noqa: BLE001: ip fails while an interface goes
            return True

    def stop_both(self, statuses=(0, 0), daemons=DAEMONS):
        """SIGTERM to lb1's daemons at once; `statuses`: how they end."""
        lb1 = self.lab.directors["lb1"]
        processes = [lb1.process(daemon) for daemon in daemons]
        begun = time.monotonic()
        for process in processes:
            process.signal(signal.SIGTERM)
        for process in processes:
            process.wait(60)
        took = time.monotonic() - begun
        self.assertLess(took, LIMIT_S, lb1.logs())
        self.assertEqual(tuple(process.exit_status() for process in processes), tuple(statuses),
                         lb1.logs())
        self.assertFalse(self.vip_is_there("lb1"))

    def freeze(self, thread):
        """Of lb1's control plane, until it ends."""
        pid = self.lab.directors["lb1"].process("lb-controlplane").pid
        frozen = subprocess.Popen([harness.PYTHON, "-B", f"{harness.HERE}/freeze_thread.py", str(pid), thread],
                                  stdout=subprocess.PIPE)
        self.addCleanup(frozen.communicate, timeout=20)
        self.addCleanup(frozen.kill)
        self.assertEqual(frozen.stdout.readline(), b"frozen\n")

    def restart(self):
        self.start_director("lb1")
        self.wait_role("lb1", "MASTER")

    def test_both_at_once_and_without_sync_link(self):
        self.stop_both()
        self.wait_role("lb2", "MASTER")
        self.restart()
        self.wait_connections("lb1")
        self.pull_cable("lb1", "sync")
        self.stop_both()
        self.wait_role("lb2", "MASTER")
        self.plug_cable("lb1", "sync")
        self.restart()

    def test_a_peer_that_is_frozen(self):
        peer = [self.lab.directors["lb2"].process(daemon) for daemon in DAEMONS]
        try:
            for process in peer:
                process.signal(signal.SIGSTOP)
            self.stop_both()
        finally:
            for process in peer:
                process.signal(signal.SIGCONT)
        self.restart()

    def test_a_data_plane_that_is_frozen(self):
        """The control plane takes the VIPs away, and does not wait for it."""
        dataplane = self.lab.directors["lb1"].process("lb-dataplane")
        dataplane.signal(signal.SIGSTOP)
        try:
            self.stop_both(statuses=[0], daemons=["lb-controlplane"])
        finally:
            dataplane.signal(signal.SIGCONT)
        self.stop_both(statuses=[0], daemons=["lb-dataplane"])
        self.restart()

    def test_a_data_plane_that_was_killed(self):
        dataplane = self.lab.directors["lb1"].process("lb-dataplane")
        dataplane.signal(signal.SIGKILL)
        self.stop_both(statuses=[0], daemons=["lb-controlplane"])
        dataplane.wait(10)
        self.restart()

    def test_a_main_loop_that_hangs(self):
        """The VIPs go nevertheless, those of the failover thread, which lives, too."""
        lb1 = self.lab.directors["lb1"]
        self.assertTrue(self.vip_is_there("lb1"))
        self.freeze("lb-controlplane")
        self.stop_both(statuses=[GAVE_UP], daemons=["lb-controlplane"])
        self.wait_logged(re.compile("removed VIP .*, which was left"))
        self.wait_logged("still not stopped 4000 ms after the signal: gave up its event loop")
        self.wait_role("lb2", "MASTER")
        self.stop_both(statuses=[0], daemons=["lb-dataplane"])
        self.restart()

    def test_a_failover_loop_that_hangs(self):
        """Nobody has to stop it: it sends no adverts, so the peer takes over, and the VIPs must not be on both."""
        lb1 = self.lab.directors["lb1"]
        controlplane = lb1.process("lb-controlplane")
        self.freeze("failover")
        controlplane.wait(30)
        self.assertEqual(controlplane.exit_status(), GAVE_UP, lb1.logs())
        self.assertFalse(self.vip_is_there("lb1"))
        self.wait_logged("hangs: gave up the failover loop")
        self.wait_role("lb2", "MASTER")
        self.stop_both(statuses=[0], daemons=["lb-dataplane"])
        self.restart()

    def test_a_disk_that_hangs(self):
        """An operator's change is in force, and is not on disk when both end."""
        lb1 = self.lab.directors["lb1"]
        hang_disk(self, f"{os.path.dirname(lb1.config_path)}/state", lb1.process("lb-controlplane"))
        change = subprocess.Popen(lb1.lbcli_argv("set", "rs", "web", "10.0.0.11:80", "weight", "7"),
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(change.wait, 20)
        lb1.wait_for(lambda: any(rs["weight"] == 7 for rs in lb1.real_servers()), 15, "the change")
        self.stop_both(statuses=[0, GAVE_UP])
        self.wait_logged("stopping: gave up writing files: the disk hangs")
        self.wait_role("lb2", "MASTER")
        self.restart()

    def test_a_notify_program_that_hangs(self):
        with open(self.hang, "w", encoding="utf-8"):
            pass
        try:
            self.stop_both(statuses=(0, GAVE_UP))
        finally:
            os.remove(self.hang)
        self.wait_logged("stopping: gave up the notify program")
        self.wait_role("lb2", "MASTER")
        self.restart()


harness.main(__name__)
