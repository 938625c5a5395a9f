#!/usr/bin/python3
"""The guest itself: it boots, runs commands, shares a folder, and is gone afterwards."""

import os
import shutil
import signal
import unittest

import pci_test
from ballast_lab.errors import LabError
from ballast_lab.netns import Namespace
from ballast_lab.processes import wait_until
from guest import Guest, GuestProcess


@unittest.skipIf(pci_test.MISSING, pci_test.MISSING)
class Rig(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        name = f"ballast-t{os.getpid()}rig"
        cls.folder = f"/run/{name}"
        os.makedirs(cls.folder)
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.host = Namespace(name)
        cls.host.create()
        cls.addClassCleanup(cls.host.delete)
        cls.guest = Guest(cls.folder, pci_test.AGENT, [])
        cls.addClassCleanup(cls.guest.stop)
        cls.guest.start(cls.host)
        cls.guest.wait_ready()

    def test_runs_a_command(self):
        self.assertIn("amd64", self.guest.run("uname -r"))
        self.assertNotEqual(self.guest.run("uname -r").strip(), "")

    def test_reports_a_failed_command(self):
        self.assertEqual(self.guest.finish("echo said; exit 3"), (3, "said\n"))
        with self.assertRaisesRegex(LabError, "exit 3: said"):
            self.guest.run("echo said; exit 3")
        self.assertEqual(self.guest.finish("kill -9 $$")[0], -signal.SIGKILL)

    def test_sees_the_machines_files_and_changes_none(self):
        program = os.path.abspath(__file__)
        with open(program, encoding="utf-8") as file:
            self.assertEqual(self.guest.run(f"cat {program}"), file.read())
        self.guest.run(f"touch {program}.touched; test -e {program}.touched")
        self.assertFalse(os.path.exists(f"{program}.touched"))

    def test_shares_the_labs_folder(self):
        self.guest.run(f"echo of the guest > {self.folder}/note")
        with open(f"{self.folder}/note", "r+", encoding="utf-8") as note:
            self.assertEqual(note.read(), "of the guest\n")
            note.write("of the host\n")
        self.assertEqual(self.guest.run(f"cat {self.folder}/note"), "of the guest\nof the host\n")

    def test_a_daemon_runs_until_it_is_stopped(self):
        daemon = GuestProcess("daemon", self.guest, ["sleep", "1000"], f"{self.folder}/daemon.log")
        self.assertTrue(daemon.running())
        self.assertEqual(self.guest.finish("true")[0], 0)
        self.assertTrue(daemon.running())
        daemon.stop()
        self.assertEqual(daemon.exit_status(), -signal.SIGTERM)

    def test_has_hugepages_an_iommu_and_drivers(self):
        self.assertRegex(self.guest.run("cat /proc/meminfo"), r"HugePages_Free: +[1-9]")
        self.assertNotEqual(self.guest.run("ls /sys/kernel/iommu_groups"), "")
        self.guest.run("test -d /sys/bus/pci/drivers/vfio-pci -a -d /sys/bus/pci/drivers/uio_pci_generic")

    def test_the_monitor_answers(self):
        self.assertTrue(self.guest.monitor("query-status")["running"])
        with self.assertRaisesRegex(LabError, "set_link"):
            self.guest.monitor("set_link", name="none", up=False)

    def test_the_end_of_the_guest_is_an_error_at_once(self):
        self.guest.start_command("echo o > /proc/sysrq-trigger")
        wait_until(lambda: not self.guest.running(), 60, "the guest to end")
        with self.assertRaisesRegex(LabError, "the guest ended"):
            self.guest.run("true")


pci_test.main(__name__)
