#!/usr/bin/python3
"""The standby's connection table is the master's: same connections, real servers, states and
lifetimes, whatever becomes of them."""

import collections
import socket
import time

import harness
from ha_tables import REFRESH_MS, VIPS, SyncTest, send_flows, send_udp_flows, start_answering
from ballast_lab import director, pair
from ballast_lab.agent import module_argv
from ballast_lab.processes import wait_until
from ballast_lab.topology import (DR_VIP, GATEWAY, NAT_VIP, ROUTER_LAN, own_addresses,
                                  server_address)

ECHO_PORT, UDP_PORT, RAW_PORT, UNSYNCED_PORT, KEEP_PORT, SILENT_PORT = 7000, 7010, 7011, 7012, 7013, 7014


def vanish(test, name):
    """A real server falls silent until the test cleans up: no RST and no FIN of its own."""
    server = test.host(name)
    server.ip("link", "set", "eth0", "down")

    def come_back():
        server.ip("link", "set", "eth0", "up")
        server.ip("route", "add", "default", "via", GATEWAY)
        server.ip("route", "add", "default", "via", ROUTER_LAN, "table", "100")

    test.addCleanup(come_back)


class Churn(SyncTest):
    @classmethod
    def services(cls):
        both = [(1, 1), (2, 1)]
        tables = []
        for mode, vip in VIPS.items():
            tables += [
                director.service(f"echo-{mode}", f"{vip}:{ECHO_PORT}", mode, both, scheduler="rr",
                                 check=director.check("tcp")),
                director.service(f"udp-{mode}", f"{vip}:{UDP_PORT}", mode, both, protocol="udp",
                                 scheduler="rr", check=director.check("ping")),
                director.service(f"silent-{mode}", f"{vip}:{SILENT_PORT}", mode, both, protocol="udp",
                                 check=director.check("ping")),
                director.service(f"unsynced-{mode}", f"{vip}:{UNSYNCED_PORT}", mode, both,
                                 protocol="udp", check=director.check("ping"), sync=False)]
        tables.append(director.service("raw-dr", f"{DR_VIP}:{RAW_PORT}", "dr", both,
                                       check=director.check("ping")))
        return tables

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            lab.spawn(f"{name}-echo", name, module_argv("echo", "--tcp", ECHO_PORT))
            lab.wait_listening(f"{name}-echo", name, ECHO_PORT)
            for port in (SILENT_PORT, UNSYNCED_PORT):
                harness.start_peer(lab, name, "udp-sink", port)
        start_answering(lab, UDP_PORT)

    def churn(self, first, flows):
        """UDP flows in both modes; TCP in DR mode, a third of which goes on, a third ends, a third is
        reset."""
        third = flows // 6
        for vip, client in ((NAT_VIP, "c1"), (DR_VIP, "c2")):
            send_udp_flows(self.lab, client, vip, UDP_PORT, flows=flows, first=first)
        for number, segments in enumerate(("S,A,PA", "S,A,PA,FA", "S,A,RA")):
            send_flows(self.lab, "c1", f"{DR_VIP}:{RAW_PORT}", flows=third, segments=segments,
                       first=first + number * third)

    def open_tcp(self, count):
        """So many connections in each mode, to all servers."""
        holders = [self.holder(client, vip, ECHO_PORT)
                   for client, vip in zip(("c1", "c2"), VIPS.values())]
        for holder in holders:
            self.assertEqual(holder.ask("open", count=count)["failed"], {})
            holder.ask("exchange")
        return holders

    def test_churn(self):
        """Some go on, some end, some are reset; all of it is synchronized to the standby."""
        self.open_tcp(2000)
        going = self.open_tcp(1000)
        self.churn(0, 40_000)
        for holder in going:
            holder.ask("close")
        self.assert_tables_equal()
        states = collections.Counter(row["state"] for row in self.rows(self.standby).values())
        print(f"# {dict(states)}", flush=True)
        for state, least in (("ESTABLISHED", 4000), ("UDP", 20_000), ("FIN_WAIT", 1000),
                             ("CLOSED", 1000)):
            self.assertGreater(states[state], least, states)

    def test_real_server_dies(self):
        """What it had is ended or goes to another server, on both directors."""
        self.allow_drops("real_server_down", "next_hop_unresolved")
        self.open_tcp(500)
        for vip, client in ((NAT_VIP, "c1"), (DR_VIP, "c2")):
            send_udp_flows(self.lab, client, vip, UDP_PORT, flows=5000, first=50_000)
        self.assert_tables_equal()
        vanish(self, "s2")
        dead = server_address(2)
        self.wait(lambda: not any(rs["up"] for name in pair.DIRECTORS
                                  for rs in self.lab.directors[name].real_servers()
                                  if rs["address"] == dead), "s2 to be down on both")
        # Datagrams of the same flows find another server; TCP is reset.
        for vip, client in ((NAT_VIP, "c1"), (DR_VIP, "c2")):
            send_udp_flows(self.lab, client, vip, UDP_PORT, flows=5000, first=50_000)
        self.assert_tables_equal(REFRESH_MS)
        left = [row for row in self.rows(self.standby).values()
                if row["real_server_address"] == dead and row["state"] == "ESTABLISHED"
                and row["vip_port"] == ECHO_PORT]
        self.assertEqual(left, [])
        self.doCleanups()
        self.wait_servers_up()
        self.assert_tables_equal(REFRESH_MS)

    def test_unsynced_service(self):
        for vip, client in ((NAT_VIP, "c1"), (DR_VIP, "c2")):
            send_flows(self.lab, client, f"{vip}:{UNSYNCED_PORT}", flows=1000)
        self.assert_here_only(UNSYNCED_PORT)

    def test_what_no_server_has_answered(self):
        """One datagram, to servers that say nothing. A handshake and no more in DR mode is half-open there."""
        for vip, client in ((NAT_VIP, "c1"), (DR_VIP, "c2")):
            send_flows(self.lab, client, f"{vip}:{SILENT_PORT}", flows=2000)
        self.assert_here_only(SILENT_PORT)
        send_flows(self.lab, "c1", f"{DR_VIP}:{RAW_PORT}", flows=2000, segments="S,A", first=200_000)
        self.wait(self.settled, "the peer to have acknowledged everything")
        half_open = [row for row in self.standby.connections() if row["state"] == "SYN_RECV"]
        self.assertGreater(len(half_open), 1000)

    def assert_here_only(self, port):
        """The master has connections of the service, the standby none."""
        self.wait(self.settled, "the peer to have acknowledged everything")
        ours, theirs = self.rows(self.master), self.rows(self.standby)
        self.assertGreater(sum(row["vip_port"] == port for row in ours.values()), 1000)
        self.assertEqual([row for row in theirs.values() if row["vip_port"] == port], [])


class Lifetimes(SyncTest):
    """Short ones, so that they pass while somebody waits."""

    TIMEOUTS = {"udp": "6s", "tcp_established": "6s"}

    @classmethod
    def services(cls):
        return [director.service(f"{name}-{mode}", f"{vip}:{port}", mode, [(1, 1), (2, 1)],
                                 scheduler="rr", protocol=protocol, check=director.check("ping"))
                for mode, vip in VIPS.items()
                for name, port, protocol in (("echo", ECHO_PORT, "tcp"), ("udp", UDP_PORT, "udp"))]

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            lab.spawn(f"{name}-echo", name, module_argv("echo", "--tcp", ECHO_PORT))
            lab.wait_listening(f"{name}-echo", name, ECHO_PORT)
        start_answering(lab, UDP_PORT)

    def datagrams(self, client, vip, count):
        """Flows of UDP: a function that sends a datagram on each."""
        socks = []
        for _ in range(count):
            with self.host(client).inside():
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.connect((vip, UDP_PORT))
            self.addCleanup(sock.close)
            socks.append(sock)
        return lambda: [sock.send(b"alive") for sock in socks]

    def test_what_is_used_lives_on_and_what_is_not_expires(self):
        used, unused = [], []
        for client, vip in zip(("c1", "c2"), VIPS.values()):
            used.append(self.datagrams(client, vip, 20))
            holder = self.holder(client, vip, ECHO_PORT)
            self.assertEqual(holder.ask("open", count=50)["failed"], {})
            holder.ask("live", every_s=1)
            unused.append(self.datagrams(client, vip, 20))
            idle = self.holder(client, vip, ECHO_PORT)
            self.assertEqual(idle.ask("open", count=50)["failed"], {})
            idle.ask("exchange")  # in DR mode a handshake alone has another lifetime
        for send in unused + used:
            send()
            send()  # in DR mode one datagram is not enough
        self.wait(lambda: len(self.rows(self.standby)) == 2 * 2 * (20 + 50), "all at the standby")
        began = time.monotonic()
        fewest = []

        def used_for_three_lifetimes():
            for send in used:
                send()
            fewest.append(len(self.rows(self.standby)))
            return time.monotonic() - began > 18

        wait_until(used_for_three_lifetimes, 60, "three lifetimes to pass", every=0.5)
        self.assertEqual(min(fewest), 2 * (20 + 50), fewest)
        self.assertEqual(len(self.rows(self.master)), 2 * (20 + 50))


class ServerDownAtTakeover(SyncTest):
    """The new master holds a server for dead that was alive for the old one."""

    @classmethod
    def services(cls):
        return [director.service(f"{policy}-{mode}", f"{vip}:{port}", mode, [(1, 1), (2, 1)],
                                 scheduler="rr", check=director.check("tcp"), on_server_down=policy)
                for mode, vip in VIPS.items()
                for policy, port in (("reset", ECHO_PORT), ("keep", KEEP_PORT))]

    @classmethod
    def prepare(cls, lab):
        for name in lab.network.servers:
            for port in (ECHO_PORT, KEEP_PORT):
                lab.spawn(f"{name}-echo-{port}", name, module_argv("echo", "--tcp", port))
                lab.wait_listening(f"{name}-echo-{port}", name, port)

    def test_server_down_at_takeover(self):
        self.allow_drops("real_server_down")
        holders = {(mode, port): self.holder(client, vip, port)
                   for client, (mode, vip) in zip(("c1", "c2"), VIPS.items())
                   for port in (ECHO_PORT, KEEP_PORT)}
        for holder in holders.values():
            self.assertEqual(holder.ask("open", count=100)["failed"], {})
            holder.ask("exchange")
        self.wait(self.settled, "the peer to have acknowledged everything")

        # s2 hears lb2 no more; clients it hears as ever.
        rule = ("route", "add", "blackhole", own_addresses("lb2")["lan"])
        self.host("s2").ip(*rule)
        self.addCleanup(self.host("s2").ip, "route", "del", *rule[2:])
        self.wait(lambda: not any(rs["up"] for rs in self.standby.real_servers()
                                  if rs["address"] == server_address(2)), "s2 to be down for lb2")
        self.assertTrue(all(rs["up"] for rs in self.master.real_servers()))
        # The master's word counts: a standby that sees a dead server touches no connection.
        for holder in holders.values():
            self.assertEqual(holder.ask("exchange")["lost"], {})
        self.assert_tables_equal(REFRESH_MS)

        self.kill_director("lb1")
        self.wait_role("lb2", "MASTER")
        for (mode, port), holder in holders.items():
            report = holder.ask("exchange")
            lost = {"ECONNRESET": 50} if port == ECHO_PORT else {}
            self.assertEqual(report["lost"], lost, f"{mode} {port}")
        self.doCleanups()
        self.start_director("lb1")
        self.wait_role("lb1", "MASTER")


harness.main(__name__)
