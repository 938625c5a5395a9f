#!/usr/bin/python3
"""Directors that are killed, stopped and started again at bad moments: one master afterwards, the
right one, with every connection that one of the two still knew."""

import signal
import time

import harness
from ballast_lab import pair
from ballast_lab.topology import own_addresses
from capture import VrrpCapture
from ha_cuts import PairTest

NEWCOMERS = 50  # in each mode
LB1, LB2 = own_addresses("lb1")["wan"], own_addresses("lb2")["wan"]


class Disasters(PairTest):
    CONNECTIONS = 200

    def test_standby_killed_and_back(self):
        """Nobody notices. It receives every connection, and stays standby."""
        self.kill_director("lb2")
        self.assert_serves()
        self.start_director("lb2")
        self.wait_role("lb2", "BACKUP")
        self.wait_synced()
        lb2 = self.lab.directors["lb2"]
        self.assertGreaterEqual(lb2.connection_count(), 2 * self.CONNECTIONS,
                                f"complete, with {lb2.show('sync')}")
        self.assertEqual(self.transitions.of("lb1"), [])
        self.assert_serves()

    def test_standby_restarted_again_and_again(self):
        """Ten times, as soon as the two have met. The master stays what it is, and serves."""
        lb1, lb2 = (self.lab.directors[name] for name in pair.DIRECTORS)
        for _ in range(10):
            sessions = lb1.show("sync")["sessions"]
            self.kill_director("lb2")
            lb2.start()
            self.wait(lambda: lb1.show("sync")["sessions"] > sessions, "the directors to meet")
        lb2.wait_servers_up()
        self.wait_synced()
        self.wait(lambda: lb2.connection_count() >= 2 * self.CONNECTIONS, "the whole table")
        self.assertEqual(self.transitions.of("lb1"), [])
        self.assert_serves()

    def test_master_stopped_for_a_moment(self):
        """Its control plane does not run for longer than the standby waits. The standby takes over.
        When it runs again it lets the other one be, and takes over in turn with what it has been
        told meanwhile."""
        self.stop_and_continue(lambda: self.role("lb2") == "MASTER")

    def test_master_stopped_for_long(self):
        """The same; meanwhile the sync link was given up, too, so the master's table is old when it
        runs again. It waits until it is complete."""
        self.stop_and_continue(lambda: not self.lab.directors["lb2"].show("sync")["connected"])

    def stop_and_continue(self, enough):
        process = self.lab.directors["lb1"].process("lb-controlplane")
        with VrrpCapture(self.lab, "lb2", "wan", kernel=True) as capture, \
                self.traffic.newcomers() as newcomers:
            self.wait_adverts("lb1")
            process.signal(signal.SIGSTOP)
            try:
                self.wait_role("lb2", "MASTER")
                self.assert_serves()
                for mode, report in newcomers.ask("open", count=NEWCOMERS).items():
                    self.assertEqual(report["failed"], {}, mode)
                newcomers.ask("exchange")
                self.wait(enough, "lb2 to have had enough")
            finally:
                process.signal(signal.SIGCONT)
            self.wait_as_before()
            self.wait_adverts("lb1")
            self.assert_reigns(capture.adverts(), [LB1, LB2, LB1])
            for mode, report in newcomers.ask("exchange").items():
                self.assertEqual((report["survived"], report["lost"]), (NEWCOMERS, {}), mode)
        self.assertEqual(self.transitions.of("lb1"), [
            ("MASTER", "BACKUP", f"{LB2} took over while this director was silent"),
            ("BACKUP", "MASTER", "the master has a lower priority")])
        self.assert_serves()

    def test_control_plane_of_the_master_restarted(self):
        """As systemd does after a crash, at once. It finds the addresses as it left them; when the
        standby was quicker it gives them away at its first advert, and takes them back."""
        lb1 = self.lab.directors["lb1"]
        with VrrpCapture(self.lab, "lb2", "wan", kernel=True) as capture:
            self.wait_adverts("lb1")
            lb1.process("lb-controlplane").kill()
            lb1.start_daemon("lb-controlplane")
            self.wait_as_before()
            self.wait_adverts("lb1")
            self.assert_reigns(capture.adverts(), [LB1, LB2, LB1], [LB1])
        self.assert_serves()

    def test_control_plane_of_a_lonely_master_restarted(self):
        """Without a standby the addresses never leave it."""
        lb1 = self.lab.directors["lb1"]
        self.kill_director("lb2")
        monitor = self.lab.spawn("lb1-addresses", "lb1", ["ip", "monitor", "address"])
        lb1.process("lb-controlplane").kill()
        lb1.start_daemon("lb-controlplane")
        self.wait_role("lb1", "MASTER")
        lb1.wait_servers_up()
        self.assert_serves()
        monitor.stop()
        self.assertNotIn("Deleted", self.lab.log_text("lb1-addresses"))
        self.start_director("lb2")
        self.wait_as_before()

    def test_control_plane_of_the_master_stopped_and_started(self):
        """As an operator does: it hands over, and takes over again when its table is complete."""
        lb1 = self.lab.directors["lb1"]
        with VrrpCapture(self.lab, "lb2", "wan", kernel=True) as capture:
            self.wait_adverts("lb1")
            lb1.process("lb-controlplane").stop()
            self.assertEqual(lb1.process("lb-controlplane").exit_status(), 0)
            self.wait_role("lb2", "MASTER")
            self.assert_serves()
            lb1.start_daemon("lb-controlplane")
            self.wait_as_before()
            self.wait_adverts("lb1")
            self.assert_reigns(capture.adverts(), [LB1, LB2, LB1])
        self.assertEqual(self.transitions.of("lb2")[0],
                         ("BACKUP", "MASTER", "the director that was master stops"))
        self.assert_serves()

    def test_both_killed_and_started_together(self):
        """As after a power cut: what both have forgotten is reset; there is one master in the end,
        the better one, and never two that hear each other."""
        with VrrpCapture(self.lab, "router", "wan") as capture:
            self.wait_adverts("lb1")
            for name in pair.DIRECTORS:
                self.kill_director(name)
            killed = time.time()
            for name in pair.DIRECTORS:
                self.lab.directors[name].start()
            self.wait_as_before()
            self.wait_adverts("lb1")
            self.assert_reigns([advert for advert in capture.adverts() if advert.time > killed],
                               [LB1], [LB2, LB1])
        for mode, report in self.traffic.exchange().items():
            self.assertEqual(set(report["lost"]), {"ECONNRESET"}, mode)
        self.assert_new_work()


harness.main(__name__)
