#!/usr/bin/python3
"""Mastership that an operator moves, holds or gives away: no connection is lost, no request fails."""

import ha_traffic
import harness
from ballast_lab import pair
from ballast_lab.topology import DR_VIP, GATEWAY, NAT_VIP

CONNECTIONS = 2_000  # in each mode
LIVE_S = 2  # in which each of them says something


class Switchover(harness.HaTest):
    CLIENTS = 2
    SERVERS = 2

    @classmethod
    def services(cls):
        return ha_traffic.services(cls.SERVERS)

    @classmethod
    def prepare(cls, lab):
        ha_traffic.start_servers(lab)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.traffic = ha_traffic.Traffic(cls.lab)
        try:
            cls.traffic.open_all(CONNECTIONS)
        except BaseException:
            cls.tearDownClass()
            raise
        cls.traffic.note_servers()
        cls.traffic.live(LIVE_S)

    @classmethod
    def tearDownClass(cls):
        cls.traffic.close()
        super().tearDownClass()

    def setUp(self):
        super().setUp()
        self.wait_role("lb1", "MASTER")
        self.wait_role("lb2", "BACKUP")
        self.wait_complete()

    # ---- what is done

    def wait_complete(self):
        """Both have all connections: else a switchover is refused."""
        for name in pair.DIRECTORS:
            self.wait(lambda name=name: self.lab.directors[name].show("sync")["peer_complete"],
                      f"{name}'s peer to be complete")

    def switch(self, giver, taker):
        """lbcli ha switchover, which answers when it is over."""
        self.traffic.begin_gap()
        done = self.lab.directors[giver].lbcli("ha", "switchover")
        self.assertIn("done", done.stdout)
        self.assertEqual((self.role(giver), self.role(taker)), ("BACKUP", "MASTER"))
        self.traffic.comment_gap(f"switchover to {taker}")
        self.wait_complete()

    def back_to_lb1(self):
        self.switch("lb2", "lb1")
        self.assert_all_survived()

    def assert_all_survived(self):
        for mode, report in self.traffic.exchange().items():
            self.assertEqual((report["survived"], report["lost"]), (CONNECTIONS, {}), mode)
        self.assertEqual(self.traffic.moved_flows(), {})

    def last_transition(self, name):
        events = [event for event in self.lab.directors[name].show("ha")["events"]
                  if event["instance"] == pair.WAN_INSTANCE]
        return events[-1]["from"], events[-1]["to"], events[-1]["reason"]

    def owners(self, address):
        return [name for name in pair.DIRECTORS
                if f"inet {address}/" in self.host(name).ip("-o", "address", "show")]

    def assert_one_owner(self, name):
        for address in (NAT_VIP, DR_VIP, GATEWAY):
            self.assertEqual(self.owners(address), [name], address)

    # ---- tests

    def test_there_and_back_under_load(self):
        """HTTP in both modes, on connections that last and on new ones."""
        loads = [harness.BackgroundLoad(self.lab, client, f"{vip}:80", path="/1k", parallel=4,
                                        per_connection=per_connection,
                                        expect_file=f"{self.lab.payload_dir}/1k")
                 for client, vip in (("c1", NAT_VIP), ("c2", DR_VIP)) for per_connection in (1, 50)]
        try:
            for giver, taker in (("lb1", "lb2"), ("lb2", "lb1")) * 2:
                requests = self.requests(taker)
                self.switch(giver, taker)
                self.assert_one_owner(taker)
                self.wait(lambda taker=taker, before=requests: self.requests(taker) > before + 500,
                          f"requests through {taker}")
        finally:
            reports = [load.stop() for load in loads]
        for report in reports:
            self.assertEqual(report["errors"], {})
            self.assertGreater(report["good"], 100)
        reason = "switchover asked for by an operator"
        self.assertEqual(self.last_transition("lb1"), ("BACKUP", "MASTER", reason))
        self.assertEqual(self.last_transition("lb2"), ("MASTER", "BACKUP", reason))
        self.assert_all_survived()

    def requests(self, name):
        """HTTP connections that a director has scheduled in its life."""
        return sum(self.lab.directors[name].service(f"web-{mode}")["connections"]
                   for mode in ha_traffic.MODES)

    def test_stop_of_the_master(self):
        """SIGTERM of the control plane hands over before it ends."""
        lb1 = self.lab.directors["lb1"]
        self.traffic.begin_gap()
        lb1.process("lb-controlplane").stop()
        self.assertEqual(lb1.process("lb-controlplane").exit_status(), 0)
        self.assertEqual(self.role("lb2"), "MASTER")
        self.assert_one_owner("lb2")
        self.assertEqual(self.last_transition("lb2"),
                         ("BACKUP", "MASTER", "the director that was master stops"))
        lb1.stop()
        self.traffic.comment_gap("master stopped")
        self.assert_all_survived()

        self.start_director("lb1")
        self.wait_role("lb1", "MASTER")
        self.assert_all_survived()

    def test_resign(self):
        """It leaves at once, and does not come back by its priority."""
        self.traffic.begin_gap()
        self.lab.directors["lb1"].lbcli("ha", "resign")
        self.assertEqual(self.role("lb1"), "BACKUP")
        self.wait_role("lb2", "MASTER")
        self.traffic.comment_gap("resigned")
        self.assertEqual(self.last_transition("lb2"), ("BACKUP", "MASTER", "the master resigned"))
        self.assertTrue(self.lab.directors["lb1"].show("ha")["groups"][0]["held"])
        self.assert_all_survived()
        self.wait_complete()
        self.back_to_lb1()

    def test_only_a_master_gives(self):
        for command in ("switchover", "resign"):
            done = self.lab.directors["lb2"].lbcli("ha", command, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("this director is not master", done.stderr)
        self.assertEqual((self.role("lb1"), self.role("lb2")), ("MASTER", "BACKUP"))

    def test_freeze(self):
        """A frozen standby stays standby when the master dies; thawed it takes over."""
        lb2 = self.lab.directors["lb2"]
        lb2.lbcli("ha", "freeze")
        refused = self.lab.directors["lb1"].lbcli("ha", "switchover", check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("frozen", refused.stdout + refused.stderr)
        self.wait_role("lb1", "MASTER")

        self.kill_director("lb1")
        # Ten times what it takes to miss a master, by lb2's own clock.
        self.wait(lambda: self.master_unheard_ms("lb2") > 4_000, "the master to be missed")
        group = lb2.show("ha")["groups"][0]
        self.assertEqual((group["state"], group["frozen"]), ("BACKUP", True))
        self.assertEqual(self.owners(NAT_VIP), [])
        lb2.lbcli("ha", "thaw")
        self.wait_role("lb2", "MASTER")
        self.assert_one_owner("lb2")
        self.assert_all_survived()

        self.start_director("lb1")
        self.wait_role("lb1", "MASTER")
        self.assert_all_survived()

    def master_unheard_ms(self, name):
        return next(row["heard_ms"] for row in self.lab.directors[name].show("ha")["instances"]
                    if row["name"] == pair.WAN_INSTANCE)


harness.main(__name__)
