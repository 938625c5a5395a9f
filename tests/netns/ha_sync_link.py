#!/usr/bin/python3
"""What becomes of the sync link: pulled, slow, a standby that is restarted, services that differ. The
master forwards as ever, within its memory; afterwards the two tables are equal again."""

import signal

import harness
from ha_tables import REFRESH_MS, VIPS, SyncTest, send_udp_flows, start_answering
from ballast_lab import director, pair
from ballast_lab.agent import module_argv
from ballast_lab.topology import NAT_VIP

ECHO_PORT, UDP_PORT = 7000, 7010
FLOWS = 10_000
# What a daemon may grow by while the peer does not listen: some rings and one window, not a table.
MOST_GROWTH_KB = 48 * 1024


def services():
    both = [(1, 1), (2, 1)]
    tables = []
    for mode, vip in VIPS.items():
        tables += [director.service(f"web-{mode}", f"{vip}:80", mode, both),
                   director.service(f"echo-{mode}", f"{vip}:{ECHO_PORT}", mode, both, scheduler="rr",
                                    check=director.check("tcp")),
                   director.service(f"udp-{mode}", f"{vip}:{UDP_PORT}", mode, both,
                                    protocol="udp", scheduler="rr", check=director.check("ping"))]
    return tables


class LinkTest(SyncTest):
    @classmethod
    def services(cls):
        return services()

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            lab.spawn(f"{name}-echo", name, module_argv("echo", "--tcp", ECHO_PORT))
            lab.wait_listening(f"{name}-echo", name, ECHO_PORT)
        start_answering(lab, UDP_PORT)

    def sync(self):
        return self.master.show("sync")


class Link(LinkTest):
    # What ends is gone soon.
    TIMEOUTS = {f"tcp_{state}": "2s" for state in ("fin_wait", "close_wait", "last_ack", "time_wait",
                                                   "closed")}

    def setUp(self):
        super().setUp()
        self.wait(self.settled, "the peer to have acknowledged everything")
        self.events_before = len(self.standby_events())
        self.holders = [self.holder(client, vip, ECHO_PORT)
                        for client, vip in zip(("c1", "c2"), VIPS.values())]
        for holder in self.holders:
            self.assertEqual(holder.ask("open", count=500)["failed"], {})
        self.wait(self.settled, "the peer to have acknowledged everything")
        # From here on there is always something that is not acknowledged yet.
        self.loads = [harness.BackgroundLoad(self.lab, client, f"{vip}:80", path="/1k", parallel=2,
                                             expect_file=f"{self.lab.payload_dir}/1k")
                      for client, vip in zip(("c1", "c2"), VIPS.values())]
        self.addCleanup(self.stop_load)

    def stop_load(self):
        reports = [load.stop() for load in self.loads]
        self.loads = []
        return reports

    def standby_events(self):
        return self.standby.show("ha")["events"]

    def churn(self, first):
        """New connections; of those that were there some are used, some end."""
        for client, vip in zip(("c1", "c2"), VIPS.values()):
            send_udp_flows(self.lab, client, vip, UDP_PORT, flows=FLOWS, first=first)
        for holder in self.holders:
            self.assertEqual(holder.ask("exchange")["lost"], {})
        self.holders.pop().ask("close")

    def memory_kb(self):
        """{daemon: resident} of the master."""
        resident = {}
        for daemon in ("lb-dataplane", "lb-controlplane"):
            with open(f"/proc/{self.master.process(daemon).pid}/status", encoding="utf-8") as status:
                resident[daemon] = next(int(line.split()[1]) for line in status
                                        if line.startswith("VmRSS:"))
        return resident

    def assert_forwarded_as_ever(self, before_kb):
        """Nobody who uses the services has noticed anything, and the memory is what it was."""
        after_kb = self.memory_kb()
        growth = {daemon: after_kb[daemon] - before_kb[daemon] for daemon in after_kb}
        print(f"# resident: {after_kb} kB, grown by {growth}", flush=True)
        for daemon, grown in growth.items():
            self.assertLess(grown, MOST_GROWTH_KB, daemon)
        for report in self.stop_load():
            self.assertEqual(report["errors"], {})
            self.assertGreater(report["good"], 0)
        for holder in self.holders:
            self.assertEqual(holder.ask("exchange")["lost"], {})
        self.assertEqual(self.role("lb1"), "MASTER")

    def test_pulled(self):
        """The cable is out while connections come and go: found again by a walk of the whole table,
        and what has ended is swept."""
        before_kb, before = self.memory_kb(), self.sync()
        swept = self.imported("swept")
        self.pull_cable("lb1", "sync")
        self.churn(0)
        self.wait(lambda: not self.sync()["connected"], "the link to be given up")
        self.churn_more_while_down(self.sync())
        self.wait(lambda: all(row["state"] == "ESTABLISHED" for row in self.rows(self.master).values()
                              if row["vip_port"] == ECHO_PORT), "what was closed to be gone")
        self.assert_forwarded_as_ever(before_kb)
        self.plug_cable("lb1", "sync")
        self.wait(lambda: self.sync()["connected"], "the link to be up again")
        self.assert_tables_equal(REFRESH_MS)
        after = self.sync()
        self.assertEqual((after["sessions"], after["walks"]),
                         (before["sessions"] + 1, before["walks"] + 1))
        # The TCP connections that were closed meanwhile.
        self.assertGreater(self.imported("swept"), swept)
        self.assertEqual(len(self.standby_events()), self.events_before)

    def churn_more_while_down(self, down):
        """The watermark does not move while nobody acknowledges."""
        send_udp_flows(self.lab, "c1", NAT_VIP, UDP_PORT, flows=FLOWS, first=100_000)
        now = self.sync()
        for key in ("watermark", "batches_sent", "sessions"):
            self.assertEqual(now[key], down[key], key)

    def imported(self, outcome):
        return next(row["count"] for row in self.standby.show("sync")["imports"]
                    if row["name"] == outcome)

    def pause(self, daemon):
        """Stops a daemon of the standby, until the test ends at the latest."""
        process = self.standby.process(daemon)
        self.addCleanup(process.signal, signal.SIGCONT)
        process.signal(signal.SIGSTOP)
        return process

    def test_slow_peer(self):
        """Its control plane does not get the processor for some seconds: first for less than it takes
        to give it up, then for more."""
        before_kb, sessions = self.memory_kb(), self.sync()["sessions"]
        process = self.pause("lb-controlplane")
        send_udp_flows(self.lab, "c1", NAT_VIP, UDP_PORT, flows=2000, first=200_000)
        self.wait(lambda: self.sync()["lag_ms"] >= 300, "the peer to lag")
        process.signal(signal.SIGCONT)
        self.wait(lambda: self.sync()["lag_ms"] < 300, "the peer to catch up")

        process = self.pause("lb-controlplane")
        self.churn(210_000)
        self.wait(lambda: not self.sync()["connected"], "the peer to be given up")
        process.signal(signal.SIGCONT)
        self.assert_forwarded_as_ever(before_kb)
        self.wait(lambda: self.sync()["connected"], "the peer to be back")
        self.assert_tables_equal(REFRESH_MS)
        self.assertGreater(self.sync()["sessions"], sessions)
        self.assertEqual(len(self.standby_events()), self.events_before, "it became no master")

    def test_slow_dataplane_of_the_peer(self):
        """The control planes talk on, but nothing is acknowledged: no more is sent than a window."""
        before_kb, sessions = self.memory_kb(), self.sync()["sessions"]
        process = self.pause("lb-dataplane")
        self.churn(300_000)
        self.wait(lambda: self.sync()["lag_ms"] >= 1000, "the peer to lag")
        behind = self.sync()
        self.assertTrue(behind["connected"])
        self.assertLess(behind["watermark"], behind["last_batch"])
        self.assertLess(behind["lag_bytes"], 8 << 20)
        process.signal(signal.SIGCONT)
        self.assert_forwarded_as_ever(before_kb)
        self.assert_tables_equal(REFRESH_MS)
        self.assertEqual(self.sync()["sessions"], sessions)

    def test_standby_restarted(self):
        before_kb = self.memory_kb()
        self.kill_director("lb2")
        self.churn(400_000)
        self.start_director("lb2")
        self.wait_role("lb2", "BACKUP")
        self.assert_forwarded_as_ever(before_kb)
        self.assert_tables_equal(REFRESH_MS)


class Differing(LinkTest):
    """What a reload of one director alone leaves: a weight, a scheduler, a service too few."""

    @classmethod
    def configure(cls, lab):
        configs = super().configure(lab)
        theirs = pair.configs(lab.dir, services())["lb2"]["service"]
        theirs[0]["scheduler"] = "lc"
        del theirs[1]
        configs["lb2"]["service"] = theirs
        return configs

    def test_differences_are_shown_and_logged(self):
        """Each once on each side; and connections of what the standby lacks are counted."""
        expected = {
            "lb1": [f"service echo-nat (tcp {NAT_VIP}:{ECHO_PORT}) exists only here",
                    f'service web-nat (tcp {NAT_VIP}:80): scheduler = "wrr" here, '
                    'scheduler = "lc" there'],
            "lb2": [f"service echo-nat (tcp {NAT_VIP}:{ECHO_PORT}) exists only on the peer",
                    f'service web-nat (tcp {NAT_VIP}:80): scheduler = "lc" here, '
                    'scheduler = "wrr" there']}
        for name, differences in expected.items():
            each = self.lab.directors[name]
            self.wait(lambda each=each: each.show("ha")["peer"]["compared"], "a comparison")
            self.assertEqual(sorted(each.show("ha")["peer"]["differences"]), differences)
            text = each.lbcli("show", "ha").stdout
            for line in differences:
                self.assertIn(f"configured differently: {line}", text)
                self.assertEqual(self.wait_logged(line, name=name).count(line), 1)

    def test_what_the_standby_lacks_is_counted(self):
        """And of the others it has every connection."""
        for client, vip in zip(("c1", "c2"), VIPS.values()):
            holder = self.holder(client, vip, ECHO_PORT)
            self.assertEqual(holder.ask("open", count=100)["failed"], {})
            self.assertEqual(holder.ask("exchange")["lost"], {})
        self.wait(self.settled, "the peer to have acknowledged everything")
        unknown = next(row["count"] for row in self.standby.show("sync")["imports"]
                       if row["name"] == "unknown_service")
        self.assertGreaterEqual(unknown, 100)
        rows = self.rows(self.standby).values()
        self.assertEqual({(row["vip_address"], row["vip_port"]) for row in rows},
                         {(VIPS["dr"], ECHO_PORT)})
        self.assertEqual(len(rows), 100)


harness.main(__name__)
