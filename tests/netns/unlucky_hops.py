#!/usr/bin/python3
"""Routers, clients and real servers get another MAC address while connections are open, and say so by
gratuitous ARP alone. The clients are silent: what they are sent must arrive all the same."""

import contextlib
import signal
import socket
import subprocess
import unittest

import harness
from ballast_lab import director
from ballast_lab.topology import CLIENT_NET, DR_VIP, NAT_VIP, WAN_NET

TCP_PORT, UDP_PORT = 9000, 9001
GATEWAY = f"{WAN_NET}.1"
NEIGHBOUR = f"{WAN_NET}.252"  # c2 on the network of the VIPs: a router, or a client
BLOCK = bytes(range(256)) * 1000


def services():
    tables = []
    for mode, vip, suffix in (("nat", NAT_VIP, ""), ("dr", DR_VIP, "-dr")):
        tables.append(director.service(f"tcp{suffix}", f"{vip}:{TCP_PORT}", mode, [(1, 1)],
                                       check=director.check("ping")))
    tables.append(director.service("udp", f"{NAT_VIP}:{UDP_PORT}", "nat", [(1, 1)], protocol="udp",
                                   check=director.check("ping")))
    return tables


def receive(sock, size):
    """That many bytes, or what came in time."""
    data = b""
    while len(data) < size:
        try:
            part = sock.recv(size - len(data))
        except TimeoutError:
            break
        if not part:
            break
        data += part
    return data


class Conversations:
    """Connections whose both ends the test has: of a client's socket and of one in s1."""

    CLIENTS_ROUTER, ROUTERS_INTERFACE = GATEWAY, "wan"  # as the director has it: address and interface

    def listen(self):
        with self.host("s1").inside():
            self.listener = socket.create_server(("", TCP_PORT))
            self.datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.datagrams.bind(("", UDP_PORT))
        for sock in (self.listener, self.datagrams):
            sock.settimeout(20)
            self.addCleanup(sock.close)

    def open_tcp(self, client="c1", vip=NAT_VIP):
        with self.host(client).inside():
            near = socket.create_connection((vip, TCP_PORT), timeout=20)
        far, _ = self.listener.accept()
        far.settimeout(20)
        self.addCleanup(near.close)
        self.addCleanup(far.close)
        return near, far

    def open_udp(self, client="c1"):
        """The client's socket, and its address as the server has it."""
        with self.host(client).inside():
            near = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(near.close)
        near.connect((NAT_VIP, UDP_PORT))
        near.send(b"subscribe")
        data, address = self.datagrams.recvfrom(100)
        self.assertEqual(data, b"subscribe")
        return near, address

    def open_both(self, client="c1"):
        self.listen()
        both = self.open_tcp(client), self.open_udp(client)
        self.wait_known(NEIGHBOUR if client == "c2" else self.CLIENTS_ROUTER)
        return both

    def assert_pushed(self, tcp, udp):
        """The server sends, and the clients have not sent a word since the MAC address changed."""
        near, address = udp
        near.settimeout(0.05)

        def arrives():
            self.datagrams.sendto(b"news", address)
            return receive(near, 1) != b""

        self.wait(arrives, "a datagram to reach the client", timeout=20)
        near, far = tcp
        far.sendall(BLOCK)
        self.assertEqual(len(receive(near, len(BLOCK))), len(BLOCK), "the download stalls")

    def assert_uploaded(self, tcp):
        near, far = tcp
        near.sendall(BLOCK)
        self.assertEqual(len(receive(far, len(BLOCK))), len(BLOCK), "the upload stalls")

    def change_mac(self, host, interface, mac, address):
        self.host(host).ip("link", "set", interface, "address", mac)
        harness.announce(self.host(host), interface, address)

    def wait_known(self, address, director="lb1"):
        """Until the kernel of the director knows a neighbour's MAC address."""
        self.wait(lambda: "lladdr" in self.host(director).ip("neigh", "show", address, "dev",
                                                             self.ROUTERS_INTERFACE),
                  f"{address} to be known")


class Hops(Conversations, harness.LabTest):
    CLIENTS = 2
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", services())

    @classmethod
    def prepare(cls, lab):
        lab.network.attach("c2", "wan", "wan", f"{NEIGHBOUR}/24")
        lab.host("c2").sysctl("net.ipv4.ip_forward=1")

    def setUp(self):
        super().setUp()
        self.allow_drops("other_station")  # the switch floods while it learns

    def test_router_gets_another_mac(self):
        tcp, udp = self.open_both()
        for number in (1, 2):
            self.change_mac("router", "wan", f"02:00:00:00:5e:0{number}", GATEWAY)
            self.assert_pushed(tcp, udp)
            self.assert_uploaded(tcp)

    def test_gateway_moves_to_another_router(self):
        """The first one is dead; both have addresses of their own, which the director knows too."""
        tcp, udp = self.open_both()
        own = f"{WAN_NET}.251"
        self.host("router").ip("address", "add", f"{own}/24", "dev", "wan")
        self.addCleanup(self.move_back, own)
        for address in (own, NEIGHBOUR):
            self.host("lb1").run("ping", "-c", "1", "-W", "5", address)
        self.lab.network.set_cable("router", "wan", plugged=False)
        self.host("c2").ip("address", "add", f"{GATEWAY}/24", "dev", "wan")
        harness.announce(self.host("c2"), "wan", GATEWAY)
        self.host("c1").ip("route", "replace", "default", "via", f"{CLIENT_NET}.12")
        self.assert_pushed(tcp, udp)
        self.assert_uploaded(tcp)

    def move_back(self, own):
        self.host("c2").ip("address", "del", f"{GATEWAY}/24", "dev", "wan")
        self.host("router").ip("address", "del", f"{own}/24", "dev", "wan")
        self.host("c1").ip("route", "replace", "default", "via", f"{CLIENT_NET}.1")
        self.lab.network.set_cable("router", "wan", plugged=True)
        harness.announce(self.host("router"), "wan", GATEWAY)

    def test_client_on_the_local_network(self):
        """Its network card is replaced."""
        tcp, udp = self.open_both("c2")
        self.change_mac("c2", "wan", "02:00:00:00:5e:21", NEIGHBOUR)
        self.assert_pushed(tcp, udp)
        self.assert_uploaded(tcp)

    def test_router_moves_while_no_control_plane_runs(self):
        tcp, udp = self.open_both()
        control = self.lab.processes["lb-controlplane"]
        control.signal(signal.SIGKILL)
        control.wait(10)
        mac = "02:00:00:00:5e:31"
        self.change_mac("router", "wan", mac, GATEWAY)
        self.wait(lambda: mac in self.host("lb1").ip("neigh", "show", GATEWAY),
                  "the kernel to learn it")
        self.lab.start_controlplane()
        self.assert_pushed(tcp, udp)
        self.lab.wait_servers_up()

    def test_real_server_gets_another_mac(self):
        """Both directions go on at once, in both modes."""
        tcp, udp = self.open_both()
        direct = self.open_tcp(vip=DR_VIP)
        gateways = self.host("s1").ip("route", "show", "table", "all", "default")
        self.change_mac("s1", "eth0", "02:00:00:00:5e:41", "10.0.0.11")
        self.assertEqual(self.host("s1").ip("route", "show", "table", "all", "default"), gateways)
        for connection in (tcp, direct):
            self.assert_uploaded(connection)
        self.assert_pushed(tcp, udp)

    def test_hops_are_counted(self):
        self.open_both()
        stats = self.lab.show("stats")
        self.assertGreater(stats["client_hops"], 1)
        self.assertEqual(stats["client_hops_kept"], 0)


class Pair(Conversations, harness.HaTest):
    SERVERS = 1

    @classmethod
    def services(cls):
        return services()

    def open_on_both(self):
        """Connections that the standby has too, behind a router that both directors know."""
        both = self.open_both()
        self.assert_pushed(*both)  # of UDP the standby has what a server has answered
        ports = {near.getsockname()[1] for near, _ in both}
        standby = self.lab.directors["lb2"]
        self.wait(lambda: ports <= {row["client_port"] for row in standby.connections()},
                  "the standby to have both connections")
        self.wait_known(GATEWAY, "lb2")
        return both

    @contextlib.contextmanager
    def second_master(self):
        self.kill_director("lb1")
        try:
            self.wait_role("lb2", "MASTER")
            yield
        finally:
            self.start_director("lb1")
            self.wait_role("lb1", "MASTER")

    def test_connections_follow_before_and_after_a_takeover(self):
        tcp, udp = self.open_on_both()
        self.change_mac("router", "wan", "02:00:00:00:5e:51", GATEWAY)
        self.assert_pushed(tcp, udp)
        with self.second_master():
            self.assert_pushed(tcp, udp)
            self.change_mac("router", "wan", "02:00:00:00:5e:52", GATEWAY)
            self.assert_pushed(tcp, udp)
            self.assert_uploaded(tcp)

    def test_standby_follows_before_it_takes_over(self):
        """The router fails over and then the master dies, before anything was sent."""
        tcp, udp = self.open_on_both()
        self.change_mac("router", "wan", "02:00:00:00:5e:61", GATEWAY)
        self.wait(lambda: "02:00:00:00:5e:61" in self.host("lb2").ip("neigh", "show", GATEWAY),
                  "the standby's kernel to learn it")
        with self.second_master():
            self.assert_pushed(tcp, udp)


def kernel_has_vlans():
    name = "bal-vlan-probe2"
    if subprocess.run(["ip", "link", "add", "link", "lo", "name", name, "type", "vlan", "id", "1"],
                      capture_output=True, check=False).returncode != 0:
        return False
    subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)
    return True


@unittest.skipUnless(kernel_has_vlans(), "this kernel has no VLAN interfaces (8021q)")
class Vlan(Conversations, harness.LabTest):
    """A client on a VLAN of the director's wan port."""

    SERVERS = 1
    ADDRESS = "192.0.3.77"
    CLIENTS_ROUTER, ROUTERS_INTERFACE = ADDRESS, "wan.30"  # the client itself

    @classmethod
    def configure(cls, lab):
        config = director.config(f"{lab.dir}/run", services())
        config["port"][0]["vlan"] = [{"name": "wan.30", "id": 30, "addresses": ["192.0.3.2/24"]}]
        return config

    @classmethod
    def prepare(cls, lab):
        client = lab.host("c1")
        lab.network.attach("c1", "wan", "wan")
        client.ip("link", "add", "link", "wan", "name", "wan.30", "type", "vlan", "id", "30")
        client.ip("address", "add", f"{cls.ADDRESS}/24", "dev", "wan.30")
        client.ip("link", "set", "wan.30", "up")
        client.run("ethtool", "-K", "wan.30", "tx", "off")
        client.ip("route", "add", f"{NAT_VIP}/32", "via", "192.0.3.2")

    def test_client_gets_another_mac(self):
        self.allow_drops("other_station")
        tcp, udp = self.open_both()
        self.change_mac("c1", "wan.30", "02:00:00:00:5e:71", self.ADDRESS)
        self.assert_pushed(tcp, udp)
        self.assert_uploaded(tcp)


harness.main(__name__)
