#!/usr/bin/python3
"""Floods that fill a small connection table: connections that are established go on, new ones of honest clients
find room, and the services that nobody attacks notice nothing."""

import http.client
import socket
import struct

import attack
import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP
from flood import SOURCES, checksum, ip_packet, udp

ROOM = 2000
FLOOD = 3 * ROOM  # packets, each of another connection
BATCH = 250
SINK, ECHO = 9000, 9001
VIPS = (NAT_VIP, DR_VIP)
ONE_RETRANSMISSION_S = 2.9  # a SYN is sent again after a second, and then after two more
SYN, ACK = 2, 16


def tcp(source, to, sport, dport, flags, seq):
    def pack(sum_):
        return struct.pack("!HHIIBBHHH", sport, dport, seq, 1, 5 << 4, flags, 64_240, sum_, 0)
    pseudo = socket.inet_aton(source) + socket.inet_aton(to) + struct.pack("!HH", 6, 20)
    return ip_packet(source, to, 6, pack(checksum(pseudo + pack(0))))


def udp_packets(source, sport, port):
    datagram = struct.pack("!H", sport) + udp(port)[2:]
    return [ip_packet(source, NAT_VIP, 17, datagram)]


# What one invented client sends.
KINDS = {
    "syn": lambda source, sport: [tcp(source, NAT_VIP, sport, 80, SYN, sport)],
    "udp": lambda source, sport: udp_packets(source, sport, SINK),
    "syn-ack": lambda source, sport: [tcp(source, DR_VIP, sport, 80, SYN, sport),
                                      tcp(source, DR_VIP, sport, 80, ACK, sport + 1)],
    # Last: what a server has answered stays for a while.
    "udp-answered": lambda source, sport: udp_packets(source, sport, ECHO),
}
ENDED = {"syn": "half_open", "udp": "udp_unanswered", "syn-ack": "handshake"}


class FullTable(attack.OnTime, harness.LabTest):
    CLIENTS = 2

    @classmethod
    def configure(cls, lab):
        services = director.default_services("both", cls.SERVERS)
        services += [director.service(name, f"{NAT_VIP}:{port}", "nat", [(1, 1), (2, 1)], protocol="udp",
                                      check=director.check("ping")) for name, port in (("sink", SINK), ("echo", ECHO))]
        for table in services:  # attacker, servers and clients share the CPUs
            table["check"] |= {"timeout": "4s"}
        tables = director.config(f"{lab.dir}/run", services)
        tables["dataplane"]["max_connections"] = ROOM
        tables["alert"] = {"script": ["/bin/true"]}
        return attack.add_virtual_router(tables)

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)
        for server in ("s1", "s2"):
            harness.start_peer(lab, server, "udp-sink", SINK)
            harness.start_peer(lab, server, "udp-echo", ECHO)

    def setUp(self):
        super().setUp()
        # A real server answers clients that are forgotten; their packets are the kernel's.
        self.allow_drops("table_full", "punt_limited", "other_station")

    def ended(self):
        return {row["class"]: row["connections"] for row in self.lab.show("table")["shed"]}

    def connect(self, vip):
        with self.host("c1").inside():
            connection = http.client.HTTPConnection(vip, 80, timeout=ONE_RETRANSMISSION_S)
            connection.connect()
        connection.sock.settimeout(20)
        return connection

    def use(self, connection):
        connection.request("GET", "/")
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertTrue(answer.read())

    def try_new(self, vip):
        """Whether a new client gets an answer."""
        try:
            connection = self.connect(vip)
        except TimeoutError:
            return False
        self.use(connection)
        connection.close()
        return True

    def flood(self, kind, meanwhile):
        """Not faster than the director receives; calls `meanwhile` again and again."""
        mac = bytes.fromhex(self.host("lb1").mac("wan").replace(":", ""))
        with self.host(attack.ATTACKER).inside():
            out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        with out:
            out.bind(("wan", 0))
            head = mac + out.getsockname()[4] + b"\x08\x00"
            for first in range(0, FLOOD, BATCH):
                before = self.lab.port("wan")["rx_packets"]
                sent = 0
                for number in range(first, first + BATCH):
                    for packet in KINDS[kind](f"{SOURCES}.{1 + number % 250}", 1024 + number // 250):
                        attack.send_frame(out, head + packet)
                        sent += 1
                # On a busy machine a frame may be lost.
                self.wait(lambda before=before, sent=sent:
                          self.lab.port("wan")["rx_packets"] >= before + 0.9 * sent, "the frames")
                meanwhile()

    def check(self, kind):
        held = [self.connect(vip) for vip in VIPS for _ in range(5)]
        for connection in held:
            self.use(connection)
        before, refused = self.ended(), self.lab.show("table")["refused_packets"]
        tried = []

        def honest():
            for connection in held:
                self.use(connection)
            tried.extend(self.try_new(vip) for vip in VIPS)

        self.flood(kind, honest)
        for connection in held:
            self.use(connection)
            connection.close()
        # On a machine whose CPUs are busy, one may be too late.
        self.assertGreaterEqual(sum(tried), len(tried) - 1, f"of {len(tried)} new connections, one each of {VIPS}")
        after = self.ended()
        if kind in ENDED:
            self.assertGreater(after[ENDED[kind]] - before[ENDED[kind]], FLOOD - 2 * ROOM, after)
        else:  # that is traffic: it has what is kept for nobody, and no more
            self.assertGreater(self.lab.show("table")["refused_packets"] - refused, FLOOD - 2 * ROOM)
        self.assertEqual(after["idle"], before["idle"])

    def test_floods(self):
        for kind in KINDS:
            with self.subTest(kind=kind):
                self.check(kind)
        table = self.lab.show("table")
        rows = {row["service"]: row for row in table["services"]}
        self.assertEqual(rows["web"]["kept"], ROOM * 20 // 100 // len(rows))
        self.assertTrue(all(rs["up"] for rs in self.lab.real_servers()))
        self.wait_logged("connection table: full, connections end to make room")
        self.assertGreaterEqual(self.lab.show("alert")["events"], 1)


harness.main(__name__)
