#!/usr/bin/python3
"""An attacker sends in the director's name, to take the replies to its health checks: for every port that a check
can come from, a SYN to a service whose servers are checked."""

import contextlib
import time

import attack
import harness
from ballast_lab import director
from ballast_lab.topology import DIRECTOR_LAN, DIRECTOR_WAN, NAT_VIP
from flood import ip_packet, tcp_syn

CHECK_PORTS = range(32_768, 61_000)  # what Linux gives to sockets that ask for none
CHECKS = 12  # packets of replies that a few checks of both servers have, at the least
BATCH = 200
PACE_S = 1


class Spoofed(attack.OnTime, harness.LabTest):
    CLIENTS = 2

    @classmethod
    def configure(cls, lab):
        check = director.check() | {"timeout": "4s", "rise": 1, "fall": 1}
        return attack.add_virtual_router(director.config(f"{lab.dir}/run", [
            director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1), (2, 1)], check=check)]))

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)

    def passed(self):
        return attack.punts(self.lab.directors["lb1"])[("lan", "replies")][0]

    def dropped(self):
        return self.lab.drops()["spoofed_source"]

    def send(self, source):
        """A SYN from each port; not faster than the director receives."""
        with contextlib.closing(attack.Raw(self.lab, "wan")) as out:
            for first in range(CHECK_PORTS.start, CHECK_PORTS.stop, BATCH):
                begun = self.lab.port("wan")["rx_packets"]
                ports = range(first, min(first + BATCH, CHECK_PORTS.stop))
                out.send(*(ip_packet(source, NAT_VIP, 6, tcp_syn(source, NAT_VIP, port, 80)) for port in ports))
                self.pace(begun + len(ports))

    def pace(self, wanted):
        """Until the director has received so many frames; one that was lost on a busy machine is not waited for."""
        until = time.monotonic() + PACE_S
        while self.lab.port("wan")["rx_packets"] < wanted and time.monotonic() < until:
            time.sleep(0.01)

    def test_checks_get_their_replies(self):
        self.allow_drops("spoofed_source", "other_station")
        for source in (DIRECTOR_LAN, DIRECTOR_WAN):
            with self.subTest(source=source):
                before = self.dropped()
                self.send(source)
                # On a busy machine frames may be lost.
                self.wait(lambda before=before: self.dropped() - before >= 0.9 * len(CHECK_PORTS), "the drops")
                begun = self.passed()
                self.wait(lambda begun=begun: self.passed() > begun + CHECKS, "checks")
                self.assertTrue(all(rs["up"] for rs in self.lab.real_servers()))
        for line in self.lab.log_text("lb-controlplane").splitlines():
            self.assertNotRegex(line, "real server .* down")
        self.fetch("c1", f"http://{NAT_VIP}/")


harness.main(__name__)
