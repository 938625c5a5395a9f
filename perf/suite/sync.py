"""Connection sync to a second director over a real TLS link: what it costs the workers of the first one, how many new
connections a second it carries, how long the whole table takes.

Worker 1's CPU is the first director's alone; its main thread, its control plane and all of the second director share the
other one."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import time

from suite.director import FRESH_PORT, FRESH_SERVERS, SERVER_NET, VIP, Director, table_mb
from suite.program import MAIN_CPU
from suite.rows import row
from suite.source import TCP, Fresh, Phase, Replies, wait

NEW = 18  # of 256 packets from clients, those that open a connection
SYNC_NET = "10.255.0."
SERVER_MAC = "02:00:00:00:01:01"

_HA = """\
[[ha.instance]]
name = "VI"
port = "clients"
virtual_router_id = 51
priority = {priority}
addresses = ["{vip}/24"]
[ha.sync]
listen = "{net}{number}:7000"
peer = "{net}{other}:7000"
key_file = "{key}"
"""
_SERVICE = """\
[[service]]
name = "{name}"
address = "{vip}:{port}"
protocol = "{protocol}"
scheduler = "rr"
check = {{ type = "none" }}
"""
_SECOND = """\
[director]
name = "second"
run_dir = "{folder}"
state_dir = "{folder}/state"
[dataplane]
main_lcore = {main}
lcores = "{main}"
memory = "no-huge"
memory_mb = {memory_mb}
max_connections = {max_connections}
[dataplane.timeouts]
udp = "{udp_ms}ms"
[[port]]
name = "clients"
device = "net_null0,no-rx=1"
addresses = ["192.0.2.3/24"]
[[port]]
name = "servers"
device = "net_null1,no-rx=1"
addresses = ["10.0.0.3/24"]
"""


def services(count):
    """TOML of what Director.apply() gives a data plane."""
    text = ""
    for protocol in ("tcp", "udp"):
        entries = [(f"live{n}-{protocol}", 80 + n, [10 + n]) for n in range(count)]
        for name, port, servers in [*entries, (f"fresh-{protocol}", FRESH_PORT,
                                               [200 + n for n in range(FRESH_SERVERS)])]:
            text += _SERVICE.format(name=name, vip=VIP, port=port, protocol=protocol)
            text += "".join(f'[[service.real_server]]\naddress = "{SERVER_NET}{server}:8080"\n' for server in servers)
    return text


class Pair:
    """The director under test with a control plane, and a second one that holds its connections."""

    def __init__(self, suite, max_connections, udp_ms=900_000, **settings):
        self._build = suite.build
        self._processes = []
        self._stack = contextlib.ExitStack()
        key = f"{suite.folder}/sync.key"
        with open(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
            out.write(secrets.token_hex(32))
        ha = {n: _HA.format(priority=200 - n, vip=VIP, net=SYNC_NET, number=n, other=3 - n, key=key) for n in (1, 2)}

        def more(director_services):
            lives = "".join(f'{key} = "{udp_ms}ms"\n' for key in ("udp_unanswered", "udp"))
            return (f"[dataplane.timeouts]\n{lives}", services(director_services) + ha[1])
        self.first = Director(suite.build, suite.folder, "nat", max_connections=max_connections, more=more, **settings)
        self._stack.callback(self.first.close)
        self._folder = f"{suite.folder}/second-{self.first.pid}"
        os.mkdir(self._folder)
        self._config = f"{self._folder}/ballast.toml"
        with open(self._config, "w", encoding="utf-8") as out:
            out.write(_SECOND.format(folder=self._folder, main=MAIN_CPU, memory_mb=table_mb(max_connections) + 128,
                                     max_connections=max_connections, udp_ms=udp_ms)
                      + services(self.first.services) + ha[2])
        self._second = self._start("dataplane-2", ["unshare", "--net", f"{self._build}/lb-dataplane", "--config",
                                                   self._config])
        wait(lambda: os.path.exists(f"{self._folder}/dataplane.sock"), 30, "the second data plane", every=0.05)
        wait(lambda: self._inside(self._second.pid, "ip", "link", "show", "servers", check=False) == 0, 30,
             "its interfaces", every=0.05)
        self._connect()
        self._control = [self._start("controlplane-1", self._nsenter(
            self.first.pid, f"{self._build}/lb-controlplane", "--config", self.first.config))]
        wait(lambda: self.roles(1) == ["MASTER"], 30, "the first director to be master", every=0.1)

    def _start(self, name, argv):
        log = self._stack.enter_context(open(f"{self._folder}/{name}.log", "wb"))
        process = subprocess.Popen(argv, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    @staticmethod
    def _nsenter(pid, *argv):
        return ["nsenter", f"--target={pid}", "--net", *argv]

    def _inside(self, pid, *argv, check=True):
        return subprocess.run(self._nsenter(pid, *argv), check=check, capture_output=True).returncode

    def _connect(self):
        """The sync link, and the real servers' MAC addresses, for which nobody answers here."""
        self._inside(self.first.pid, "ip", "link", "add", "sync0", "type", "veth", "peer", "name", "sync0", "netns",
                     str(self._second.pid))
        for number, pid in ((1, self.first.pid), (2, self._second.pid)):
            self._inside(pid, "ip", "address", "add", f"{SYNC_NET}{number}/24", "dev", "sync0")
            self._inside(pid, "ip", "link", "set", "sync0", "up")
            self._inside(pid, "ip", "link", "set", "servers", "up")
            hosts = [10 + n for n in range(self.first.services)] + [200 + n for n in range(FRESH_SERVERS)]
            for host in hosts:
                self._inside(pid, "ip", "neigh", "replace", f"{SERVER_NET}{host}", "lladdr", SERVER_MAC, "dev",
                             "servers", "nud", "permanent")

    def show(self, number, view):
        config = self.first.config if number == 1 else self._config
        done = subprocess.run([f"{self._build}/lbcli", "--config", config, "show", view, "--json"],
                              capture_output=True, text=True, check=False)
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def roles(self, number):
        return [group["state"] for group in self.show(number, "ha").get("groups", [])]

    def join(self):
        """The second director's control plane comes; returns the seconds until it has everything."""
        begun = time.monotonic()
        self._control.append(self._start("controlplane-2", self._nsenter(
            self._second.pid, f"{self._build}/lb-controlplane", "--config", self._config)))
        wait(lambda: self.show(1, "sync").get("peer_complete"), 60, "the second table to be complete", every=0.02)
        return time.monotonic() - begun

    def part(self):
        process = self._control.pop()
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait(lambda: not self.show(1, "sync")["connected"], 10, "the link to be down", every=0.02)

    def second_connections(self):
        return self.show(2, "stats")["connections"]

    def close(self):
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._stack.close()


def incremental(suite):
    """A million live connections in both directions, and new ones on top; in turns with the peer and without."""
    flows, rate = 1_048_576, 12_000_000
    pair = Pair(suite, 4_000_000, udp_ms=6_000)
    scenario = "incremental sync"
    with contextlib.closing(pair):
        source = pair.first.source
        source.open_flows(flows, proto=TCP)
        source.configure(phase=Phase.RUN, replies=Replies.SAME_WORKER, fresh_share=NEW, fresh=Fresh.QUERY, rate=rate)
        time.sleep(8)  # as many end as begin
        alone, synced, losses, opened, lags = [], [], [], [], []
        before = pair.first.window(2).ns_per_packet
        for _ in range(suite.rounds):
            pair.join()
            time.sleep(1)
            start = pair.show(1, "sync")
            window = pair.first.window(3)
            end = pair.show(1, "sync")
            synced.append(window.ns_per_packet)
            opened.append(window.counts["fresh"] / window.seconds)
            lags.append(end["lag_ms"])
            if end["lost_changes"] != start["lost_changes"] or end["lost_ends"] != start["lost_ends"]:
                raise RuntimeError(f"rings were full: {start} {end}")
            pair.part()
            after = pair.first.window(2).ns_per_packet
            alone += [before, after]
            losses.append(100 * (1 - (before + after) / 2 / synced[-1]))
            before = after
        return [row(scenario, "new connections per second", "1/s", opened, flows),
                row(scenario, "worker CPU per packet without a peer", "ns", alone, flows),
                row(scenario, "worker CPU per packet with a peer", "ns", synced, flows),
                row(scenario, "packets per second lost", "%", losses, flows),
                row(scenario, "lag", "ms", lags, flows)]


def whole_table(suite):
    flows = 1_048_576
    pair = Pair(suite, 1_100_000)
    with contextlib.closing(pair):
        pair.first.source.open_flows(flows, proto=TCP)  # the peer gets what is answered
        times = []
        for _ in range(suite.rounds):
            times.append(pair.join())
            if (found := pair.second_connections()) != pair.first.connections():
                raise RuntimeError(f"{found} connections at the second director, {pair.first.connections()} here")
            pair.part()
        return [row("whole table to a peer that joins", "from its start to the last acknowledgement", "s", times, flows)]


def run(suite):
    for part in (whole_table, incremental):
        suite.report(part(suite))
