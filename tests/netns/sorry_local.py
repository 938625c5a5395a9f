#!/usr/bin/python3
"""A sorry server on the director itself, in NAT and DR, TCP and UDP: it gets the new connections while all
real servers fail, and keeps them when they are back. On a pair, the programs of the quorum too."""

import os
import socket

import harness
from ballast_lab import director
from ballast_lab.topology import DR_VIP, NAT_VIP, server_address

UDP_PORT = 7777
LOCAL = "127.0.0.1:80"
WEB = {"web": NAT_VIP, "web-dr": DR_VIP}

_NGINX_CONF = """\
daemon off;
user root;
worker_processes 1;
pid {dir}/nginx.pid;
error_log {dir}/error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {dir}/tmp_body;
  proxy_temp_path {dir}/tmp_proxy;
  fastcgi_temp_path {dir}/tmp_fastcgi;
  uwsgi_temp_path {dir}/tmp_uwsgi;
  scgi_temp_path {dir}/tmp_scgi;
  default_type application/octet-stream;
  server {{
    listen 80;
    root {payload};
    location = / {{ return 200 "sorry of {name}\\n"; }}
  }}
}}
"""


def services():
    sorry = {"sorry_server": {"address": LOCAL}}
    udp_server = {"address": f"{server_address(1)}:{UDP_PORT}"}
    return [director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1)], **sorry),
            director.service("web-dr", f"{DR_VIP}:80", "dr", [(1, 1)], **sorry),
            director.service("udp", f"{NAT_VIP}:{UDP_PORT}", "nat", [], protocol="udp",
                             sorry_server={"address": "127.0.0.1"}, real_server=[udp_server],
                             check=director.check() | {"port": 80})]


def start_local(lab, name):
    """nginx and a UDP server on a director, on all its addresses."""
    folder = f"{lab.dir}/{name}-local"
    os.makedirs(folder)
    with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as conf:
        conf.write(_NGINX_CONF.format(dir=folder, payload=lab.payload_dir, name=name))
    lab.spawn(f"{name}-nginx", name, ["nginx", "-p", folder, "-e", f"{folder}/error.log",
                                      "-c", f"{folder}/nginx.conf"])
    harness.wait_until(lambda: lab.host(name).run("ss", "-Hltn", "sport = :80").strip(), 10,
                       f"nginx on {name} to listen")
    harness.start_peer(lab, name, "udp-echo", UDP_PORT)


class Common:
    """What both classes need of their lab."""

    @staticmethod
    def ready(rs):
        return rs["next_hop_resolved"] and (rs["up"] or rs["state"] == "not in use")

    def fail_servers(self):
        """Until the returned function is called."""
        path = f"{self.lab.dir}/s1/maintenance"
        with open(path, "w", encoding="utf-8"):
            pass
        self.addCleanup(lambda: os.path.exists(path) and os.remove(path))
        return lambda: os.remove(path)

    def page(self, vip):
        return self.fetch("c1", f"http://{vip}/").decode().strip()


class SorryLocal(Common, harness.LabTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        return director.config(f"{lab.dir}/run", services())

    @classmethod
    def prepare(cls, lab):
        harness.start_peer(lab, "s1", "udp-echo", UDP_PORT)
        start_local(lab, "lb1")

    def in_use(self):
        return {each["name"]: each["quorum"]["sorry_server_in_use"]
                for each in self.lab.show("service")["services"]}

    def wait_in_use(self, used):
        self.wait(lambda: set(self.in_use().values()) == {used},
                  f"the sorry servers to be {'used' if used else 'left'}")

    def setUp(self):
        self.wait_in_use(False)
        super().setUp()
        self.allow_drops("real_server_down")

    def local_connections(self):
        return [row for row in self.lab.connections() if row["mode"] == "local"]

    def connect(self, vip):
        """A connection whose client has room for little of what it has not read."""
        with self.host("c1").inside():
            client = socket.socket()
        self.addCleanup(client.close)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        client.settimeout(20)
        client.connect((vip, 80))
        return client

    @staticmethod
    def read_body(reader):
        """Of one HTTP answer."""
        length = 0
        while line := reader.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return reader.read(length)

    def test_stands_in_for_the_real_servers(self):
        for vip in WEB.values():
            self.assertEqual(self.page(vip), "s1")
        restore = self.fail_servers()
        self.wait_in_use(True)
        downloads = []
        for service, vip in WEB.items():
            with self.subTest(service=service):
                self.assertEqual(self.page(vip), "sorry of lb1")
                row = self.real_server(service, LOCAL)
                self.assertEqual((row["mode"], row["state"], row["connections"]), ("local", "up", 1))
                self.assertGreater(row["packets_in"], 3)
                client = self.connect(vip)
                client.sendall(b"GET /1m HTTP/1.1\r\nHost: lab\r\n\r\n")
                downloads.append((client, client.makefile("rb")))
                self.assertEqual(downloads[-1][1].readline(), b"HTTP/1.1 200 OK\r\n")
        self.assertEqual({(row["service"], row["real_server_address"], row["real_server_port"])
                          for row in self.local_connections() if row["state"] == "ESTABLISHED"},
                         {(name, "127.0.0.1", 80) for name in WEB})
        self.assertIn("Local", self.lab.lbcli("show", "service").stdout)
        restore()
        self.wait_in_use(False)
        for vip in WEB.values():
            self.assertEqual(self.page(vip), "s1", "new connections go to the real server")
        with open(f"{self.lab.payload_dir}/1m", "rb") as file:
            whole = file.read()
        for client, reader in downloads:
            self.assertEqual(self.read_body(reader), whole, "begun at the local server")
            client.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\n\r\n")
            self.assertEqual(self.read_body(reader), b"sorry of lb1\n", "where it began")

    def test_udp(self):
        with self.host("c1").inside():
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(client.close)
        client.settimeout(20)

        def who(sock):
            sock.sendto(b"who", (NAT_VIP, UDP_PORT))
            answer, source = sock.recvfrom(100)
            self.assertEqual(source, (NAT_VIP, UDP_PORT))
            return answer

        restore = self.fail_servers()
        self.wait_in_use(True)
        self.assertEqual(who(client), b"lb1")
        restore()
        self.wait_in_use(False)
        self.assertEqual(who(client), b"lb1", "a flow that began there")
        with self.host("c1").inside():
            other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(other.close)
        other.settimeout(20)
        self.assertEqual(who(other), b"s1")

    def test_has_a_class_of_packets_of_its_own(self):
        def passed():
            rows = self.lab.show("punt")["punts"]
            return {row["class"]: row["passed_packets"] for row in rows if row["port"] == "wan"}

        restore = self.fail_servers()
        self.wait_in_use(True)
        before = passed()["local"]
        self.assertEqual(self.page(NAT_VIP), "sorry of lb1")
        self.assertGreater(passed()["local"], before)
        restore()


class SorryLocalPair(Common, harness.HaTest):
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        """The quorum of one service runs programs on the master, that of another one on both."""
        cls.programs = f"{lab.dir}/programs"
        return super().configure(lab)

    @classmethod
    def services(cls):
        script = f'echo "$BALLAST_DIRECTOR $BALLAST_QUORUM" >> {cls.programs}-$BALLAST_SERVICE'
        program = ["/bin/sh", "-c", script]
        tables = services()
        for table in tables[:2]:
            table.update(quorum_up=program, quorum_down=program, quorum_user="root")
        tables[0]["quorum_on"] = "master"
        return tables

    def ran(self, service):
        with open(f"{self.programs}-{service}", encoding="utf-8") as file:
            return file.read().splitlines()

    @classmethod
    def prepare(cls, lab):
        harness.start_peer(lab, "s1", "udp-echo", UDP_PORT)
        for name in ("lb1", "lb2"):
            start_local(lab, name)

    def test_each_director_has_its_own(self):
        self.allow_drops("real_server_down", "next_hop_unresolved", "no_real_server", "punt_failed")
        # Either may have been master first.
        self.wait(lambda: self.ran("web")[-1:] == ["lb1 up"], "the master to have run its program")
        before = len(self.ran("web"))
        restore = self.fail_servers()
        self.wait(lambda: self.page(NAT_VIP) == "sorry of lb1", "the page of lb1")
        lb2 = self.lab.directors["lb2"]
        self.wait(lambda: all(each["quorum"]["sorry_server_in_use"]
                              for each in lb2.show("service")["services"]),
                  "the standby to know that the real server is down")
        self.wait(lambda: set(self.ran("web-dr")) == {"lb1 up", "lb2 up", "lb1 down", "lb2 down"},
                  "both to run the programs of one service")
        self.assertEqual(self.ran("web")[before:], ["lb1 down"], "the master alone")
        self.kill_director("lb1")
        self.wait_role("lb2", "MASTER")
        self.wait(lambda: self.ran("web")[before:] == ["lb1 down", "lb2 down"],
                  "the new master to run the program for the present state")
        for vip in WEB.values():
            self.assertEqual(self.page(vip), "sorry of lb2")
        restore()
        self.wait(lambda: self.ran("web")[before + 2:] == ["lb2 up"], "the master's program")
        self.start_director("lb1")
        self.wait_role("lb1", "MASTER")
        self.wait(lambda: self.ran("web")[before + 2:] == ["lb2 up", "lb1 up"], "each master's program")


harness.main(__name__)
