"""The device under test: lb-dataplane as it is installed, told its services over its own API."""

import importlib
import itertools
import os
import re
import socket
import struct
import subprocess
import sys

from suite.program import MAIN_CPU, Program
from suite.source import Source, wait
from suite.testpmd import worker_cpus

VIP = "192.0.2.10"
SERVER_NET = "10.0.0."
FRESH_PORT = 10_000
FRESH_SERVERS = 4
TCP, UDP = 6, 17
_API = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../dataplane/api")
_numbers = itertools.count()
_CONFIG = """\
[director]
name = "perf"
run_dir = "{folder}"
state_dir = "{folder}/state"
[dataplane]
main_lcore = {main}
lcores = "{lcores}"
memory = "{memory}"
memory_mb = {memory_mb}
max_connections = {max_connections}
idle = "{idle}"
drivers = "{build}/perf/source.so"
{timeouts}[[port]]
name = "clients"
device = "net_null0"
addresses = ["192.0.2.2/24"]
[[port]]
name = "servers"
device = "net_null1{server_arguments}"
addresses = ["10.0.0.2/24"]
{more}"""


def protocol_version():
    with open(f"{_API}/frame.h", encoding="utf-8") as header:
        return int(re.search(r"kProtocolVersion = (\d+);", header.read()).group(1))


def messages(folder):
    """The API's messages, made of its definition as it is in the tree."""
    if folder not in sys.path:
        subprocess.run(["protoc", f"--proto_path={_API}", f"--python_out={folder}", "dataplane.proto"],
                       check=True)
        sys.path.insert(0, folder)
    return importlib.import_module("dataplane_pb2")


class Director(Program):
    """`mode`: "nat" or "dr". The live flows' services are `services` many, with a real server each; new flows
    have one more, with several. `server_replies`: False makes the servers' port one that never receives. `more`: a
    function of the number of services that gives TOML for the data plane's time-outs and for the file's end; a control
    plane then tells the data plane its services."""

    def __init__(self, build, folder, mode, *, workers=1, max_connections=1_000_000, idle="poll",
                 scheduler="rr", timeouts_ms=None, server_replies=True, hugepages=True, more=None,
                 **settings):
        self._api = messages(folder)
        self._build = build
        self._mode = mode
        self._scheduler = scheduler
        self._timeouts_ms = {name: 900_000 for name in TIMEOUTS} | (timeouts_ms or {})
        self._run_dir = f"{folder}/director-{next(_numbers)}"
        os.mkdir(self._run_dir)
        self.config = f"{self._run_dir}/ballast.toml"
        source = Source(workers=workers, dr=mode == "dr", **settings)
        self.services = source.setting("services")
        timeouts, end = more(self.services) if more else ("", "")
        with open(self.config, "w", encoding="utf-8") as config:
            config.write(_CONFIG.format(
                folder=self._run_dir, main=MAIN_CPU, lcores=",".join(map(str, sorted(worker_cpus(workers)))),
                memory="hugepages" if hugepages else "no-huge", memory_mb=table_mb(max_connections) + 128,
                max_connections=max_connections, idle=idle, build=build,
                server_arguments="" if server_replies else ",no-rx=1", timeouts=timeouts, more=end))
        # A network of its own, in which the ports' kernel interfaces stay silent.
        argv = ["unshare", "--net", "sh", "-c",
                'echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; exec "$@"', "sh",
                f"{build}/lb-dataplane", "--config", self.config]
        super().__init__(argv, source, f"{self._run_dir}/log", r"lb-worker-(\d+)")
        self.wait_for_source(4 * workers)
        self._announce()
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(f"{self._run_dir}/dataplane.sock")
        self.ask(hello=self._api.Hello(protocol=protocol_version(), program="perf"))
        if more is None:
            self.apply()
        self._start = self.stats()
        self._start_source = source.totals()

    def _announce(self):
        """Has the kernel send a packet by each port, as the control plane does when it starts. Until a TAP has sent its
        first one DPDK asks it with a system call at every poll."""
        for number, interface in enumerate(("clients", "servers"), 1):
            subprocess.run(["nsenter", f"--target={self.pid}", "--net", "sh", "-c",
                            f"ip address add 10.9.{number}.1/24 dev {interface} && ip link set {interface} up && "
                            f"ping -q -c 1 -W 0.1 10.9.{number}.2 > /dev/null; ip link show {interface} > /dev/null"],
                           check=True)

    def ask(self, **kind):
        request = self._api.Request(**kind).SerializeToString()
        self._socket.sendall(struct.pack(">I", len(request)) + request)
        response = self._api.Response.FromString(self._receive(struct.unpack(">I", self._receive(4))[0]))
        if response.error:
            raise RuntimeError(f"lb-dataplane: {response.error}")
        return response

    def _receive(self, count):
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise RuntimeError(f"lb-dataplane closed its socket:\n{self.said()[-2000:]}")
            data += part
        return data

    def apply(self, weight=1):
        """Gives the data plane a snapshot; a new `weight` makes it another one."""
        api = self._api
        hop = api.NextHop(port="servers", mac=bytes([2, 0, 0, 0, 1, 1]))

        def server(number, port):
            return api.RealServer(address=socket.inet_aton(SERVER_NET + str(number)), port=port, weight=weight,
                                  up=True, next_hop=hop)
        mode = api.DR if self._mode == "dr" else api.NAT
        services = []
        for protocol in (TCP, UDP):
            def add(name, port, servers, protocol=protocol):
                services.append(api.Service(
                    name=f"{name}-{protocol}", protocol=protocol, mode=mode,
                    addresses=[api.AddressRange(address=socket.inet_aton(VIP), first_port=port, last_port=port)],
                    scheduler=getattr(api, self._scheduler.upper()), on_server_down=api.KEEP, sync=True,
                    real_servers=servers))
            for number in range(self.services):
                port = 80 + number
                add(f"live{number}", port, [server(10 + number, 8080 if self._mode == "nat" else port)])
            add("fresh", FRESH_PORT, [server(200 + n, 8080 if self._mode == "nat" else FRESH_PORT)
                                      for n in range(FRESH_SERVERS)])
        snapshot = api.Snapshot(services=services, timeouts=api.Timeouts(**self._timeouts_ms))
        self.ask(apply=api.ApplyRequest(snapshot=snapshot))

    def stats(self):
        return self.ask(stats=self._api.StatsRequest()).stats

    def lbcli(self, *arguments):
        """What lbcli prints; its time is the caller's to take."""
        return [f"{self._build}/lbcli", "--config", self.config, *arguments]

    def connections(self):
        return self.stats().connections

    def wait_for_connections(self, count, seconds=60):
        wait(lambda: self.connections() == count, seconds, f"{count} connections", every=0.02)

    def dropped(self):
        """Since the start, by reason."""
        return {drop.reason: drop.packets for drop in self.stats().drops if drop.packets}

    def check_conservation(self, allowed_drops=()):
        """Ends the traffic and raises unless every packet and every connection is accounted for: the source's, the
        device's and the director's own counts agree, nothing was dropped but for `allowed_drops`, and the real servers'
        connections are the table's."""
        self.source.settle()
        stats, source = self._still_stats(), self.source.totals()
        since = {name: source[name] - self._start_source[name] for name in source}

        def lcores(field):
            return sum(getattr(now, field) - getattr(was, field)
                       for was, now in zip(self._start.lcores, stats.lcores))

        def ports(field):
            return sum(getattr(now, field) - getattr(was, field) for was, now in zip(self._start.ports, stats.ports))
        drops = {drop.reason: drop.packets for drop in stats.drops if drop.packets}
        dropped = sum(drops.values()) - sum(drop.packets for drop in self._start.drops)
        per_server = sum(rs.active_connections + rs.inactive_connections
                         for service in stats.services for rs in service.real_servers)
        checks = {
            "frames of the source = packets of the workers": (since["emitted"], lcores("packets")),
            "packets = forwarded + answered + punted + dropped": (
                lcores("packets"), lcores("forwarded") + lcores("answered") + lcores("punted") + dropped),
            "sent frames of services = forwarded + answered": (since["sunk"], lcores("forwarded") + lcores("answered")),
            "frames at the sink = the devices' tx count": (since["sunk"] + since["sunk_other"], ports("tx_packets")),
            "wrong checksums": (since["wrong"], 0),
            "answers that the source lost": (since["answers_lost"], 0),
            "drops, other than those meant": (
                sum(count for reason, count in drops.items() if reason not in allowed_drops), 0),
            "connections of the real servers = of the table": (per_server, stats.connections),
        }
        bad = [f"{what}: {a} and {b}" for what, (a, b) in checks.items() if a != b]
        if bad:
            raise RuntimeError("; ".join(bad) + f" (drops: {drops})")
        if since["verified"] == 0:
            raise RuntimeError("no frame at the sink was verified")

    def _still_stats(self):
        """When no connection ends any more: the parts of an answer are not read at the same instant."""
        last = None

        def is_still():
            nonlocal last
            was, last = last, self.stats()
            return was is not None and was.connections == last.connections
        wait(is_still, 60, "connections that are over to end", every=0.3)
        return last

    def close(self):
        self._socket.close()
        return super().close()


TIMEOUTS = ("tcp_syn_sent", "tcp_syn_received", "tcp_handshake", "tcp_established", "tcp_fin_wait", "tcp_close_wait",
            "tcp_last_ack", "tcp_time_wait", "tcp_closed", "udp_unanswered", "udp")


def table_mb(max_connections):
    """What lb-dataplane's configuration check asks for, and room to spare."""
    return 64 + max_connections * 112 // (1 << 20)
