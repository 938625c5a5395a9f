#!/usr/bin/python3
"""TCP connections with bad luck stay whole: late copies of their own segments, segments of strangers, a last
acknowledgement that is lost."""

import selectors
import socket
import struct
import subprocess
import threading

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, client_address

from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether

PORT = 9000
MODES = {"nat": NAT_VIP, "dr": DR_VIP}
SIZE = 600_000
FAR = 1 << 30  # out of any window
ALL_FRAMES = 3  # ETH_P_ALL
SO_RCVBUFFORCE = 33  # Linux's, which the socket module lacks
FOREVER_MS = 800_000  # of 900 s


class Wire:
    """A host's link: what went over it, and a way to put more on it past the host's own TCP."""

    def __init__(self, host):
        with host.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_FRAMES))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 25)
        self._socket.bind(("eth0", 0))
        self._socket.setblocking(False)
        self._frames = []

    def close(self):
        self._socket.close()

    def frames(self, sport):
        """Of the segments from this port, oldest first."""
        while True:
            try:
                frame = Ether(self._socket.recv(65_535))
            except BlockingIOError:
                break
            if TCP in frame:
                self._frames.append(frame)
        return [frame for frame in self._frames if frame[TCP].sport == sport]

    def again(self, frame):
        self._socket.send(bytes(frame))

    def forge(self, sport, flags, seq=0, ack=0):
        """A bare segment like the last one from this port; the numbers are off by so much."""
        last = self.frames(sport)[-1]
        tcp = last[TCP]
        size = last[IP].len - 4 * last[IP].ihl - 4 * tcp.dataofs
        following = tcp.seq + size + (1 if tcp.flags.S or tcp.flags.F else 0)
        self.again(Ether(src=last.src, dst=last.dst) / IP(src=last[IP].src, dst=last[IP].dst)
                   / TCP(sport=sport, dport=tcp.dport, flags=flags, seq=(following + seq) % (1 << 32),
                         ack=(tcp.ack + ack) % (1 << 32)))


class UnluckyTcp(harness.LabTest):
    SERVERS = 2

    @classmethod
    def configure(cls, lab):
        services = [director.service(f"unlucky-{mode}", f"{vip}:{PORT}", mode, [(1, 1), (2, 1)],
                                     scheduler="rr", check=director.check("ping"),
                                     timeouts={"tcp_closed": "4s"})
                    for mode, vip in MODES.items()]
        return director.config(f"{lab.dir}/run", services)

    def setUp(self):
        super().setUp()
        self.wire = None
        self.listeners = selectors.DefaultSelector()
        self.addCleanup(self.listeners.close)
        for name in self.lab.network.servers:
            with self.host(name).inside():
                listener = socket.create_server(("", PORT))
            self.addCleanup(listener.close)
            self.listeners.register(listener, selectors.EVENT_READ, name)

    def connect(self, vip):
        """Both ends, and the name of the server. `wire` is the client's from before its SYN on."""
        self.wire = Wire(self.host("c1"))
        self.addCleanup(self.wire.close)
        with self.host("c1").inside():
            client = socket.create_connection((vip, PORT), timeout=20)
        self.addCleanup(client.close)
        key = self.listeners.select(20)[0][0]
        server, _ = key.fileobj.accept()
        self.addCleanup(server.close)
        for end in (client, server):
            end.settimeout(20)
        return client, server, key.data

    @staticmethod
    def name_of(client):
        """What the director's row of a connection begins with; to be taken before it is closed."""
        return (client.getsockname()[1], client.getpeername()[0])

    def row(self, name):
        """The director's row of the connection."""
        rows = self.lab.connections("--client", client_address(1))
        return next((row for row in rows if (row["client_port"], row["vip_address"]) == name), {})

    def wait_state(self, name, state):
        self.wait(lambda: self.row(name).get("state") == state, f"the state {state}")

    def receive(self, end, size):
        data = bytearray()
        while len(data) < size:
            got = end.recv(65_536)
            self.assertTrue(got, f"the end after {len(data)} of {size} bytes")
            data += got
        return bytes(data)

    def transfer(self, source, sink, first, between):
        """SIZE bytes, with something between the first ones and the others; as a whole at the other end."""
        data = bytes(range(250)) * (SIZE // 250)
        received = b""
        for part in (data[:first], data[first:]):
            sender = threading.Thread(target=source.sendall, args=(part,), daemon=True)
            sender.start()
            received += self.receive(sink, len(part))
            sender.join()
            if len(received) == first:
                between()
        self.assertEqual(received, data)

    def own_syn(self, client):
        """As the client has sent it."""
        syn = self.wire.frames(client.getsockname()[1])[0]
        self.assertEqual(syn[TCP].flags, "S")
        return syn

    def late_syns(self, client, state):
        """Its own, and others' in its name; the state does not change."""
        port = client.getsockname()[1]
        self.wire.again(self.own_syn(client))
        for off in (FAR, -FAR):
            self.wire.forge(port, "S", off)
        self.assertEqual(self.row(self.name_of(client))["state"], state)

    def test_late_syn_after_the_clients_end(self):
        for mode, vip in MODES.items():
            with self.subTest(mode=mode):
                client, server, _ = self.connect(vip)
                client.sendall(b"all of it, please")
                client.shutdown(socket.SHUT_WR)
                self.assertEqual(self.receive(server, 17), b"all of it, please")
                self.assertEqual(server.recv(1), b"")
                state = "CLOSE_WAIT" if mode == "nat" else "FIN_WAIT"
                self.transfer(server, client, 110_000, lambda: self.late_syns(client, state))
                server.close()
                self.assertEqual(client.recv(1), b"")

    def test_late_syn_after_the_servers_end(self):
        for mode, vip in MODES.items():
            with self.subTest(mode=mode):
                client, server, _ = self.connect(vip)
                server.sendall(b"ready")
                server.shutdown(socket.SHUT_WR)
                self.assertEqual(self.receive(client, 5), b"ready")
                self.assertEqual(client.recv(1), b"")
                state = "FIN_WAIT" if mode == "nat" else "ESTABLISHED"
                self.transfer(client, server, 110_000, lambda: self.late_syns(client, state))
                client.close()
                self.assertEqual(server.recv(1), b"")

    def exchange(self, client, server):
        for sender, receiver in ((client, server), (server, client)):
            sender.sendall(b"still there")
            self.assertEqual(self.receive(receiver, 11), b"still there")

    def assert_lives(self, client, server):
        name = self.name_of(client)
        row = self.row(name)
        self.assertEqual(row["state"], "ESTABLISHED")
        self.assertGreater(row["expires_ms"], FOREVER_MS)
        self.exchange(client, server)
        self.assertEqual(self.row(name)["state"], "ESTABLISHED")

    def test_segments_of_strangers(self):
        """An idle connection, and somebody who does not know its numbers, at either end."""
        for mode, vip in MODES.items():
            with self.subTest(mode=mode):
                client, server, name = self.connect(vip)
                wire = Wire(self.host(name))
                self.addCleanup(wire.close)
                self.exchange(client, server)
                for flags in ("R", "RA", "FA", "A"):
                    for off in (FAR, -FAR):
                        self.wire.forge(client.getsockname()[1], flags, off, off)
                        wire.forge(PORT, flags, off, off)
                self.assert_lives(client, server)

    def test_reset_that_was_guessed(self):
        """Not exact, so that the server refuses it, or does not even answer: the client is asked, and an
        idle connection lives on."""
        for mode, vip in MODES.items():
            for off in (1_000, 4 << 20):
                with self.subTest(mode=mode, off=off):
                    client, server, _ = self.connect(vip)
                    self.exchange(client, server)
                    self.wire.forge(client.getsockname()[1], "R", off)
                    self.wait_state(self.name_of(client), "CLOSED")
                    self.wait_state(self.name_of(client), "ESTABLISHED")
                    self.assert_lives(client, server)

    def test_reset_that_is_real(self):
        for mode, vip in MODES.items():
            with self.subTest(mode=mode):
                client, server, _ = self.connect(vip)
                self.exchange(client, server)
                name = self.name_of(client)
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                client.close()
                with self.assertRaises(ConnectionResetError):
                    server.recv(1)
                self.wait_state(name, "CLOSED")

    def test_last_ack_is_lost(self):
        """The server repeats its FIN; an older ACK does not count as the last one."""
        client, server, name = self.connect(NAT_VIP)
        conn = self.name_of(client)
        wire = Wire(self.host(name))
        self.addCleanup(wire.close)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(server.recv(1), b"")
        self.wait_state(conn, "CLOSE_WAIT")
        nft = self.host("c1").argv("nft", "-f", "-")
        subprocess.run(nft, input=f"""table ip unlucky {{
            chain out {{
                type filter hook output priority 0;
                tcp dport {PORT} drop
            }}
        }}""", text=True, check=True)
        self.addCleanup(subprocess.run, self.host("c1").argv("nft", "delete", "table", "ip", "unlucky"),
                        check=False, stderr=subprocess.DEVNULL)
        server.close()
        self.wait_state(conn, "LAST_ACK")
        self.wire.forge(conn[0], "A")
        self.wait(lambda: sum(bool(frame[TCP].flags.F) for frame in wire.frames(PORT)) >= 3,
                  "the server to repeat its FIN")
        self.assertEqual(self.row(conn)["state"], "LAST_ACK")
        self.host("c1").run("nft", "delete", "table", "ip", "unlucky")
        self.wait_state(conn, "CLOSED")
        self.wait(lambda: not self.host(name).run("ss", "-Htn", "state", "last-ack").strip(),
                  "the server to have the acknowledgement")


harness.main(__name__)
