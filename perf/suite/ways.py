"""The ways from a client to a real server that are compared, in one laboratory.

Clients, real servers, links and addresses are the same for all. The director's namespace is
Ballast's or the kernel's, in turns: what does not carry the load is not running.
"""

import contextlib
import dataclasses
import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(_HERE, "..", "..", "scripts"))

from ballast_lab import director  # noqa: E402
from ballast_lab.lab import Lab, LabError  # noqa: E402
from ballast_lab.netns import CommandFailed  # noqa: E402
from ballast_lab.topology import (DIRECTOR_LAN, DIRECTOR_WAN, DR_VIP, LAN_NET, NAT_VIP,  # noqa: E402
                                  WAN_NET, server_address)

CLIENTS = 4  # each with an address of its own, hence its own ports
SERVERS = 2
_VIA_ROUTER = "100"  # the routing table by which the lab's real servers answer past the director
_NGINX = """\
daemon off;
user root;
worker_processes 1;
worker_rlimit_nofile 65536;
pid {folder}/nginx.pid;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  default_type application/octet-stream;
  sendfile on;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  server {{
    listen 80 backlog=4096;
    root {payload};
    location = /health {{ return 200 "ok\\n"; }}
  }}
}}
"""
_NFTABLES = """\
table ip balance {{
  chain prerouting {{
    type nat hook prerouting priority dstnat;
    ip daddr {vip} tcp dport 80 dnat to numgen inc mod {count} map {{ {servers} }}
  }}
}}
"""
_HAPROXY = """\
global
  nbthread 1
  cpu-map 1/1 {cpu}
  maxconn 4000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen web
  bind {vip}:80
  balance roundrobin
  option httpchk GET /health
  default-server check inter 500ms
{servers}
"""


class EndToEndLab(Lab):
    """Real servers that log nothing and speak HTTP only. The ways start and stop the directors."""

    def start_server(self, name):
        folder = os.path.join(self.dir, name)
        os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/nginx.conf", "w", encoding="utf-8") as out:
            out.write(_NGINX.format(folder=folder, payload=self.payload_dir))
        self.spawn(f"{name}-nginx", name, ["nginx", "-p", folder, "-c", f"{folder}/nginx.conf",
                                           "-e", f"{folder}/error.log"])
        self.wait_listening(f"{name}-nginx", name, 80)

    def prepare(self):
        """Addresses of the real servers that are answered past the director, and ports enough for
        short connections."""
        for number, name in enumerate(self.network.servers, 1):
            for address, interface in ((DR_VIP, "lo"), (direct_address(number), "eth0")):
                self.host(name).ip("address", "add", f"{address}/32", "dev", interface)
                self.host(name).ip("rule", "add", "from", address, "lookup", _VIA_ROUTER)
        for name in (*self.network.clients, "lb1"):
            self.host(name).sysctl("net.ipv4.ip_local_port_range=1024 65535",
                                   "net.ipv4.tcp_tw_reuse=1")


def direct_address(number):
    return f"{LAN_NET}.{100 + number}"


@dataclasses.dataclass(eq=False)
class Way:
    """What a client asks for by this way, and the processes that carry it."""

    name: str
    addresses: list  # client i asks the i-th, modulo their number
    programs: tuple = ()


@contextlib.contextmanager
def nobody(_lab):
    yield


@contextlib.contextmanager
def kernel(lab):
    """The director's namespace as a Linux router with Ballast's addresses."""
    lb1 = lab.host("lb1")
    lb1.sysctl("net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0",
               "net.ipv4.conf.default.send_redirects=0")
    for interface, address in (("wan0", f"{DIRECTOR_WAN}/24"), ("wan0", f"{NAT_VIP}/32"),
                               ("lan0", f"{DIRECTOR_LAN}/24")):
        lb1.ip("address", "add", address, "dev", interface)
    lb1.ip("route", "add", "default", "via", f"{WAN_NET}.1")
    try:
        yield lb1
    finally:
        # Beside Ballast's af_packet ports the kernel sees each packet too and must not forward it.
        lb1.sysctl("net.ipv4.ip_forward=0")
        for interface in ("wan0", "lan0"):
            lb1.ip("address", "flush", "dev", interface)


@contextlib.contextmanager
def nftables(lab):
    servers = ", ".join(f"{i} : {server_address(i + 1)}" for i in range(SERVERS))
    rules = f"{lab.dir}/nftables.conf"
    with open(rules, "w", encoding="utf-8") as out:
        out.write(_NFTABLES.format(vip=NAT_VIP, count=SERVERS, servers=servers))
    with kernel(lab) as lb1:
        lb1.run("nft", "-f", rules)
        # All rounds share the machine's room for tracked connections: closed ones must not stay.
        lb1.sysctl("net.netfilter.nf_conntrack_tcp_timeout_time_wait=1")
        try:
            yield
        finally:
            lb1.run("nft", "delete", "table", "ip", "balance")


@contextlib.contextmanager
def haproxy(lab):
    servers = "\n".join(f"  server s{i} {server_address(i)}:80" for i in range(1, SERVERS + 1))
    path = f"{lab.dir}/haproxy.cfg"
    with open(path, "w", encoding="utf-8") as out:
        out.write(_HAPROXY.format(vip=NAT_VIP, servers=servers, cpu=director.cpus()[1]))
    with kernel(lab):
        process = lab.spawn("haproxy", "lb1", ["haproxy", "-db", "-f", path])
        try:
            lab.wait_listening("haproxy", "lb1", 80)
            yield
        finally:
            process.stop()


def ballast(driver):
    @contextlib.contextmanager
    def running(lab):
        servers = [(number, 1) for number in range(1, SERVERS + 1)]
        services = [director.service("web", f"{NAT_VIP}:80", "nat", servers, scheduler="rr"),
                    director.service("web-dr", f"{DR_VIP}:80", "dr", servers, scheduler="rr")]
        config = director.config(f"{lab.dir}/run", services, driver)
        config["dataplane"]["max_connections"] = 1_000_000
        lab.write_config(config)
        try:
            lab.start_director()
            yield
        finally:
            for name in ("lb-controlplane", "lb-dataplane"):
                if name in lab.processes:
                    lab.processes[name].stop()

    return running


_BALLAST = ("lb-dataplane", "lb-controlplane")
DIRECT = Way("direct", [direct_address(number) for number in range(1, SERVERS + 1)])
NFTABLES = Way("nftables DNAT", [NAT_VIP])
HAPROXY = Way("HAProxy", [NAT_VIP], ("haproxy",))
BALLAST_NAT = Way("Ballast NAT", [NAT_VIP], _BALLAST)
BALLAST_DR = Way("Ballast DR", [DR_VIP], _BALLAST)
WAYS = [DIRECT, NFTABLES, HAPROXY, BALLAST_NAT, BALLAST_DR]


def directors(driver):
    """In the order of a round: what runs in the director's namespace, and the ways through it."""
    return [(nobody, [DIRECT]), (nftables, [NFTABLES]), (haproxy, [HAPROXY]),
            (ballast(driver), [BALLAST_NAT, BALLAST_DR])]
