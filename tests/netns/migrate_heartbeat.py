#!/usr/bin/python3
"""From heartbeat with ldirectord, in NAT mode (negotiate check, quiescent, fallback on the director, a fallback command)
and in DR mode (persistence, fallback, the IPVS sync daemon): their own files, imported."""

import os
import socket

import harness
import imported
from ballast_lab import pair, servers
from ballast_lab.topology import DR_VIP, GATEWAY, NAT_VIP, server_address

SCRIPT = """#!/bin/sh
echo "$@" >> {folder}/ran
"""


class Heartbeat(imported.ImportedPair):
    """What the two have in common. A web server on each director is the fallback."""

    SERVERS = 2
    FORMAT = "heartbeat"
    VIP = None
    ADDRESSES = ()
    SERVICE = None

    @classmethod
    def adapted(cls, lab, name, tables):
        for instance in tables["ha"]["instance"]:
            instance["advert_interval"] = cls.ADVERT_INTERVAL  # tests do not wait for a deadtime of 5 s
            instance.pop("warn_after", None)
        return tables

    @classmethod
    def prepare(cls, lab):
        super().prepare(lab)
        for name in pair.DIRECTORS:
            lab.spawn(f"{name}-fallback", name, servers.nginx_argv(f"fallback-{name}", lab.dir))
            lab.wait_listening(f"{name}-fallback", name, 80)

    def setUp(self):
        super().setUp()
        self.allow_drops("next_hop_unresolved", "no_real_server", "punt_failed", "real_server_down")
        self.wait_holder("lb1")

    def wait_holder(self, name):
        def settled():
            return all((f"inet {address}/" in self.addresses(each)) == (each == name)
                       for each in pair.DIRECTORS for address in self.ADDRESSES)

        self.wait(settled, f"{name} to have all addresses", timeout=40)

    def page(self):
        return self.fetch("c1", f"http://{self.VIP}/").decode().strip()

    def maintenance(self, *names, on=True):
        for name in names:
            path = f"{self.lab.dir}/{name}/maintenance"
            if on:
                with open(path, "w", encoding="utf-8"):
                    pass
            else:
                os.remove(path)
            server = f"{server_address(int(name[1:]))}:80"
            # With quiescent a server that fails stays, without weight.
            self.wait(lambda server=server: self.real_server(self.SERVICE, server)["health"]["up"] != on,
                      f"{server} to be {'bad' if on else 'good'}", timeout=30)

    def check_fallback(self):
        """Of the director that is master, also when it is the other one."""
        self.maintenance("s1", "s2")
        self.assertEqual(self.page(), "fallback-lb1")
        self.kill_director("lb1")
        self.wait_holder("lb2")
        self.wait(lambda: self.page() == "fallback-lb2", "the other director's page")
        self.start_director_without_servers("lb1")
        self.wait_holder("lb1")
        self.assertEqual(self.page(), "fallback-lb1")
        self.maintenance("s1", "s2", on=False)
        self.wait(lambda: self.page() in ("s1", "s2"), "the real servers")

    def start_director_without_servers(self, name):
        self.lab.directors[name].start()
        self.lab.directors[name].wait_for(self.lab.directors[name].controlplane_answers, 15, "its socket")

    def connect(self):
        with self.host("c1").inside():
            return socket.create_connection((self.VIP, 80), timeout=30)

    @staticmethod
    def ask(client):
        client.sendall(b"GET / HTTP/1.1\r\nHost: web\r\n\r\n")
        answer = b""
        while not answer.endswith(b"\n") or b"\r\n\r\n" not in answer[:-1]:
            part = client.recv(65_536)
            if not part:
                return ""
            answer += part
        return answer.partition(b"\r\n\r\n")[2].decode().strip()


class Nat(Heartbeat):
    FILES = {name: [f"heartbeat-nat/{file}" for file in ("ha.cf", "authkeys", "haresources", "ldirectord.cf")]
             for name in pair.DIRECTORS}
    VIP, ADDRESSES = NAT_VIP, (NAT_VIP, GATEWAY)
    SERVICE = f"{NAT_VIP}:80"

    @classmethod
    def adapted(cls, lab, name, tables):
        service, = tables["service"]
        for key in ("quorum_up", "quorum_down"):
            program, *arguments = service[key]
            assert program == "/etc/ha.d/fallback.sh", service
            service[key] = [f"{lab.dir}/fallback.sh", *arguments]
        service["quorum_user"] = "root"
        return super().adapted(lab, name, tables)

    @classmethod
    def prepare(cls, lab):
        super().prepare(lab)
        with open(f"{lab.dir}/fallback.sh", "w", encoding="utf-8") as out:
            out.write(SCRIPT.format(folder=lab.dir))
        os.chmod(f"{lab.dir}/fallback.sh", 0o755)

    def test_the_notes_name_the_mistake(self):
        """authkeys: `auth 2`, and there is only a key 1."""
        note, = [note for note in self.notes["lb1"] if note["file"].endswith("authkeys")
                 and note["severity"] == "error"]
        self.assertEqual(note["line"], 1, note)

    def test_quiescent(self):
        """A server that fails its check gets no new connections, and keeps those that it has."""
        with self.connect() as client:
            name = self.ask(client)
            self.maintenance(name)
            self.wait_mail("lb1", server_address(int(name[1:])), "down")
            self.assertEqual({self.page() for _ in range(10)}, {"s2" if name == "s1" else "s1"})
            self.assertEqual(self.ask(client), name)
            self.maintenance(name, on=False)
            self.wait_mail("lb1", server_address(int(name[1:])), "up")

    def test_fallback(self):
        self.check_fallback()
        # As ldirectord calls it, on either director.
        with open(f"{self.lab.dir}/ran", encoding="utf-8") as file:
            ran = {tuple(line.split()) for line in file}
        self.assertEqual(ran, {("start", f"{NAT_VIP}:80", "tcp"), ("stop", f"{NAT_VIP}:80", "tcp")})


class Dr(Heartbeat):
    FILES = {name: [f"heartbeat-dr/{file}" for file in ("ha.cf", "authkeys", "haresources", "ldirectord.cf")]
             for name in pair.DIRECTORS}
    VIP, ADDRESSES = DR_VIP, (DR_VIP,)
    SERVICE = f"{DR_VIP}:80"

    def test_persistence_and_sessions_survive(self):
        with self.connect() as client:
            first = self.ask(client)
            self.assertEqual({self.page() for _ in range(10)}, {first})
            self.wait(lambda: self.lab.directors["lb2"].show("persistence"), "the binding at the standby")
            self.wait(lambda: self.lab.directors["lb2"].show("conn", "--state", "ESTABLISHED"),
                      "the connection at the standby")
            self.kill_director("lb1")
            self.wait_holder("lb2")
            self.assertEqual(self.ask(client), first)
            self.assertEqual({self.page() for _ in range(10)}, {first})
        self.start_director("lb1")
        self.wait_holder("lb1")

    def test_fallback(self):
        self.check_fallback()


harness.main(__name__)
