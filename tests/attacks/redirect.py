#!/usr/bin/python3
"""An attacker sends in the names of a client and of a real server, on the wrong port and on the right one: the client's
downloads go on, and nobody else gets them. A client whose uplink really fails over is followed."""

import socket

import attack
import harness
from ballast_lab import director
from ballast_lab.topology import DIRECTOR_LAN, NAT_VIP, client_address, server_address
from flood import ip_packet, tcp, udp

TCP_PORT, UDP_PORT = 9000, 9001
CLIENT, SERVER = client_address(1), server_address(1)
ACK, RST_ACK = 0x10, 0x14
BLOCK = bytes(range(256)) * 200
MARKER = b"marker"  # of the attacker: what it sent before has passed the director when the server has this


class Redirect(attack.OnTime, harness.LabTest):
    CLIENTS = 2
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        ping = director.check("ping")
        return attack.add_virtual_router(director.config(f"{lab.dir}/run", [
            director.service("tcp", f"{NAT_VIP}:{TCP_PORT}", "nat", [(1, 1)], check=ping),
            director.service("udp", f"{NAT_VIP}:{UDP_PORT}", "nat", [(1, 1)], protocol="udp", check=ping)]))

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)

    def setUp(self):
        super().setUp()
        self.allow_drops("other_station")  # the switch floods while it learns
        with self.host("s1").inside():
            listener = socket.create_server(("", TCP_PORT))
            self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.datagrams.bind(("", UDP_PORT))
        with self.host("c1").inside():
            self.near = socket.create_connection((NAT_VIP, TCP_PORT), timeout=20)
            self.subscriber = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.far, _ = listener.accept()
        self.far.settimeout(20)
        self.subscriber.connect((NAT_VIP, UDP_PORT))
        self.subscriber.send(b"subscribe")
        self.datagrams.settimeout(20)
        data, self.subscribed = self.datagrams.recvfrom(100)
        self.assertEqual(data, b"subscribe")
        listener.close()
        for sock in (self.near, self.far, self.subscriber, self.datagrams):
            self.addCleanup(sock.close)
        self.out = {network: attack.Raw(self.lab, network) for network in attack.NETWORKS}
        for out in self.out.values():
            self.addCleanup(out.close)

    def segment(self, flags=ACK, seq=0, ack=0):
        sport = self.near.getsockname()[1]
        return ip_packet(CLIENT, NAT_VIP, 6, tcp(CLIENT, NAT_VIP, sport, TCP_PORT, flags, seq, ack))

    def datagram(self, payload, sport):
        return ip_packet(CLIENT, NAT_VIP, 17, udp(UDP_PORT, payload, sport))

    def await_marker(self, network):
        """A datagram of a connection of its own."""
        self.out[network].send(self.datagram(MARKER, 3333))
        while self.datagrams.recv(100) != MARKER:
            pass

    def assert_pushed(self):
        """The client has not sent a word since."""
        self.subscriber.settimeout(0.05)

        def arrives():
            self.datagrams.sendto(b"news", self.subscribed)
            try:
                return self.subscriber.recv(100) == b"news"
            except TimeoutError:
                return False

        self.wait(arrives, "a datagram to reach the client", timeout=10)
        self.far.sendall(BLOCK)
        received = b""
        while len(received) < len(BLOCK):
            part = self.near.recv(len(BLOCK))
            self.assertNotEqual(part, b"", "the connection was closed")
            received += part
        self.assertEqual(received, BLOCK)

    def test_in_the_clients_name_on_the_wrong_port(self):
        self.out["lan"].send(self.segment(), self.datagram(b"forged", self.subscriber.getsockname()[1]))
        self.await_marker("lan")
        self.assert_pushed()

    def test_in_the_clients_name_on_its_port(self):
        """With numbers that are not the connection's."""
        self.out["wan"].send(self.segment())
        self.await_marker("wan")
        self.assert_pushed()

    def test_in_the_servers_name(self):
        self.allow_drops("spoofed_server")
        before = self.lab.drops()["spoofed_server"]
        port = self.near.getsockname()[1]
        resets = [ip_packet(SERVER, CLIENT, 6, tcp(SERVER, CLIENT, TCP_PORT, port, RST_ACK, number << 24))
                  for number in range(256)]
        self.out["wan"].send(*resets, ip_packet(SERVER, DIRECTOR_LAN, 17, udp(5000)))
        self.wait(lambda: self.lab.drops()["spoofed_server"] > before + 200, "the drops")
        self.assert_pushed()

    def test_nothing_that_nobody_sends_honestly(self):
        sent = {"land_packet": ip_packet(NAT_VIP, NAT_VIP, 17, udp(UDP_PORT)),
                "martian_source": ip_packet("127.0.0.1", NAT_VIP, 17, udp(UDP_PORT)),
                "spoofed_source": ip_packet(DIRECTOR_LAN, NAT_VIP, 1, bytes(8))}
        self.allow_drops(*sent)
        for name, packet in sent.items():
            with self.subTest(name=name):
                before = self.lab.drops()[name]
                self.out["wan"].send(packet)
                self.wait(lambda name=name, before=before: self.lab.drops()[name] > before, "the drop")
        self.assert_pushed()

    def test_an_uplink_that_fails_over_is_followed(self):
        """Last: the client's router has a link to the other port, too, and the first one is cut."""
        router = self.host("router")
        self.assert_on_time(last=True)
        self.addCleanup(self.lab.network.set_cable, "lb1", "wan", plugged=True)
        self.lab.network.set_cable("lb1", "wan", plugged=False)
        self.wait_logged("port wan: link is down", "lb-dataplane")
        self.addCleanup(router.ip, "route", "del", f"{NAT_VIP}/32")
        router.ip("route", "add", f"{NAT_VIP}/32", "via", DIRECTOR_LAN)
        self.near.sendall(b"hello")
        self.assertEqual(self.far.recv(5, socket.MSG_WAITALL), b"hello")
        self.subscriber.send(b"again")
        self.assertEqual(self.datagrams.recv(100), b"again")
        self.assert_pushed()


harness.main(__name__)
