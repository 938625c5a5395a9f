#!/usr/bin/python3
"""Somebody on the network of the sync link connects to the director that listens there, as fast as possible: the
session goes on, its adverts are on time, and a peer that was restarted gets in again."""

import socket
import threading
import time

import attack
import harness
from ballast_lab import pair
from ballast_lab.topology import NAT_VIP, own_addresses

SYNC_PORT = 7000
ADDRESS = own_addresses("lb1")["sync"].rsplit(".", 1)[0] + ".66"
HELD = 500  # connections at a time
SECONDS = 2


class SyncStrangers(harness.HaTest):
    CLIENTS = 2
    SERVERS = 1

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)
        lab.network.attach(attack.ATTACKER, "sync", "sync", f"{ADDRESS}/24")

    def setUp(self):
        super().setUp()
        self.wait_role("lb1", "MASTER")
        self.listener = self.lab.directors["lb2"]  # lb1 has the lower address, so it dials
        self.wait(lambda: self.listener.show("sync")["peer_complete"], "the tables to be equal")
        self.over = threading.Event()
        self.calls = 0

    def flood(self):
        held = []
        with self.host(attack.ATTACKER).inside():
            while not self.over.is_set():
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex((own_addresses("lb2")["sync"], SYNC_PORT))
                self.calls += 1
                held.append(one)
                if len(held) > HELD:
                    held.pop(0).close()
        for one in held:
            one.close()

    def transitions(self):
        return self.listener.show("ha")["events"]

    def refused(self):
        return {row["name"]: row["count"] for row in self.listener.show("sync")["refusals"]}

    def test_the_peer_gets_in(self):
        self.wait(lambda: self.lab.directors["lb1"].show("sync")["peer_complete"], "the tables to be equal")
        self.lab.lbcli("ha", "switchover", director="lb1")
        self.wait_role("lb2", "MASTER")
        adverts = attack.Adverts(self.lab, "wan")
        self.addCleanup(adverts.close)
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80")
        before, sessions = self.transitions(), self.listener.show("sync")["sessions"]
        since = time.time()
        thread = threading.Thread(target=self.flood)
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.over.set)
        time.sleep(SECONDS)
        self.assertEqual(self.listener.show("sync")["sessions"], sessions, "the session goes on")
        gap = adverts.longest_gap(own_addresses("lb2")["wan"], since)
        self.assertEqual(self.transitions(), before)

        peer = self.lab.directors["lb1"]
        peer.process("lb-controlplane").kill()
        peer.start_daemon("lb-controlplane")
        self.wait(lambda: self.listener.show("sync")["sessions"] > sessions, "the peer to be back")
        self.wait_role("lb1", "MASTER")  # it has the higher priority, and its table is complete again
        self.over.set()
        thread.join()
        print(f"# {self.calls} connections, longest gap between adverts {gap * 1000:.0f} ms", flush=True)
        self.assertLess(gap, attack.MOST_GAP_S)
        self.assertGreater(self.refused()["wrong_address"], 0)
        self.wait_logged("many connections from unknown hosts", name="lb2")
        report = load.stop()
        self.assertEqual(report["errors"], {}, report)


harness.main(__name__)
