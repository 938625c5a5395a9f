#!/usr/bin/python3
"""A flood of SYNs from invented addresses, at services with a SYN proxy: nothing of it is kept, no server sees it, and
real clients beside it are served, with all options that their kernels use."""

import hashlib
import socket
import subprocess

import attack
import harness
from ballast_lab import director, pair, servers
from ballast_lab.topology import DIRECTOR_WAN, NAT_VIP, own_addresses
from flood import SOURCES

RATE, SECONDS = 8000, 3
ADAPTIVE_PORT, UPLOAD_PORT = 81, 9000
THRESHOLD = 40  # the flood has 128 sources
SIZE_BYTES, UPLOAD_BYTES = 60_000_000, 30_000_000
PROXY_DROPS = ("syn_proxied", "bad_syn_cookie", "server_pending", "other_station")


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def web(**more):
    return director.service("web", f"{NAT_VIP}:80", "nat", [(1, 1)], syn_proxy="always", **more)


def lossy(host, percent):
    """Loses so many percent of the segments that the host receives."""
    subprocess.run(host.argv("nft", "-f", "-"), input=f"""table ip loss {{
        chain in {{
            type filter hook prerouting priority -300
            meta l4proto tcp numgen random mod 100 < {percent} drop
        }}
    }}""", text=True, check=True)


def lossless(host):
    host.run("nft", "delete", "table", "ip", "loss")


class SynFlood(harness.LabTest):
    CLIENTS = 2
    SERVERS = 1

    @classmethod
    def configure(cls, lab):
        slow = {"tcp_syn_sent": "60s"}
        adaptive = director.service("adaptive", f"{NAT_VIP}:{ADAPTIVE_PORT}", "nat", [(1, 1)], syn_proxy="adaptive",
                                    syn_proxy_threshold=THRESHOLD, timeouts=slow, check=director.check("ping"))
        # Its servers are those of the web.
        adaptive["real_server"][0]["address"] = adaptive["real_server"][0]["address"].replace(f":{ADAPTIVE_PORT}", ":80")
        upload = director.service("upload", f"{NAT_VIP}:{UPLOAD_PORT}", "nat", [(1, 1)], syn_proxy="always",
                                  check=director.check("tcp"))
        return director.config(f"{lab.dir}/run", [web(), adaptive, upload])

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)
        cls.expected = sha256(servers.make_big_payload(lab.payload_dir, "big", SIZE_BYTES))
        harness.start_peer(lab, "s1", "tcp-hash", UPLOAD_PORT)

    def setUp(self):
        super().setUp()
        self.allow_drops(*PROXY_DROPS)

    def proxy(self, name):
        return self.lab.service(name)["syn_proxy"]

    def flood(self, port):
        return attack.Flood(self.lab, f"syn-vip-{port}", {"lb1": {"wan": DIRECTOR_WAN, "lan": DIRECTOR_WAN}}, RATE,
                            SECONDS)

    def connections_of_nobody(self):
        return self.lab.show("conn", "--client", f"{SOURCES}.0/24")

    def test_always(self):
        before = self.proxy("web")
        load = harness.BackgroundLoad(self.lab, "c1", f"{NAT_VIP}:80")
        flood = self.flood(80)
        self.wait(lambda: not flood.running(), "the end of the flood")
        report = load.stop()
        self.assertGreater(report["good"], 0)
        self.assertEqual(report["errors"], {}, report)
        after = self.proxy("web")
        self.assertGreater(after["cookies"] - before["cookies"], flood.sent() // 2)
        self.assertGreaterEqual(after["proven"] - before["proven"], report["good"])
        self.assertEqual(self.connections_of_nobody(), [])

    def test_adaptive(self):
        # Not by the client whose source ports the web's connections to the same server still have.
        self.fetch("c2", f"http://{NAT_VIP}:{ADAPTIVE_PORT}/")
        self.assertEqual((self.proxy("adaptive")["active"], self.proxy("adaptive")["cookies"]), (False, 0))
        flood = self.flood(ADAPTIVE_PORT)
        self.wait(lambda: self.proxy("adaptive")["active"], "the proxy to begin")
        # The flood's connections are those from before; it opens no other ones.
        proven = self.proxy("adaptive")["proven"]
        self.fetch("c2", f"http://{NAT_VIP}:{ADAPTIVE_PORT}/")
        self.assertGreater(self.proxy("adaptive")["proven"], proven)
        self.wait(lambda: not flood.running(), "the end of the flood")
        self.wait_logged("service adaptive: the SYN proxy begins", "lb-dataplane")

    def download(self):
        script = f"curl --silent --show-error --fail --max-time 60 http://{NAT_VIP}/big | sha256sum"
        return self.host("c1").run("bash", "-o", "pipefail", "-c", script, timeout=80).split()[0]

    def test_large_transfers(self):
        """Both ways, with losses, so that SACK blocks and windows matter."""
        self.assertEqual(self.download(), self.expected)
        for host in ("c1", "s1"):
            lossy(self.host(host), 1)
            self.addCleanup(lossless, self.host(host))
        source = servers.make_big_payload(self.lab.dir, "upload", UPLOAD_BYTES)
        with self.host("c1").inside():
            client = socket.create_connection((NAT_VIP, UPLOAD_PORT), timeout=60)
        with client, open(source, "rb") as file:
            client.sendfile(file)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(client.recv(100).decode(), sha256(source))
        self.assertEqual(self.download(), self.expected)

    def test_options_are_the_kernels(self):
        """What the client's kernel negotiated, as it says itself."""
        with self.host("c1").inside():
            client = socket.create_connection((NAT_VIP, UPLOAD_PORT), timeout=20)
        with client:
            info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 8)
        timestamps, sack, window_scale = 1, 2, 4  # linux/tcp.h
        self.assertEqual(info[5] & 7, timestamps | sack | window_scale)
        self.assertEqual(info[6] & 15, 8, "the scale of the director's windows")


class ProxiedFailover(harness.HaTest):
    CLIENTS = 2
    SERVERS = 1

    @classmethod
    def services(cls):
        return [web(check=director.check() | {"timeout": "4s"})]

    @classmethod
    def prepare(cls, lab):
        attack.prepare(lab)
        cls.expected = sha256(servers.make_big_payload(lab.payload_dir, "big", SIZE_BYTES))

    def test_a_download_goes_on(self):
        self.allow_drops(*PROXY_DROPS, "next_hop_unresolved", "no_real_server", "punt_failed")
        self.wait_role("lb1", "MASTER")
        self.wait(lambda: self.lab.directors["lb1"].show("sync")["peer_complete"], "the standby's table")
        flood = attack.Flood(self.lab, "syn-vip-80", {name: own_addresses(name) for name in pair.DIRECTORS}, RATE, 8)
        with self.host("c1").inside():
            client = socket.create_connection((NAT_VIP, 80), timeout=30)
        with client:
            client.sendall(b"GET /big HTTP/1.0\r\nHost: web\r\n\r\n")
            answer = b""
            while b"\r\n\r\n" not in answer:
                part = client.recv(65_536)
                self.assertNotEqual(part, b"")
                answer += part
            self.wait(lambda: self.lab.directors["lb2"].show("conn", "--state", "ESTABLISHED"),
                      "the connection at the standby")
            self.kill_director("lb1")
            self.wait_role("lb2", "MASTER")
            # The header alone may have come first.
            hashed = hashlib.sha256(answer.partition(b"\r\n\r\n")[2])
            while rest := client.recv(262_144):
                hashed.update(rest)
        self.assertEqual(hashed.hexdigest(), self.expected)
        flood.sent()
        self.start_director("lb1")
        self.wait_role("lb1", "MASTER", timeout=30)


harness.main(__name__)
