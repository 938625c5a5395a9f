"""What goes through a pair of directors while one of them fails: thousands of TCP connections that
compare every byte, UDP flows that know their real server, new connections; in NAT and DR mode."""

import contextlib
import json
import socket

from harness import start_peer
from ballast_lab import director
from ballast_lab.agent import Agent, module_argv
from ballast_lab.topology import DR_VIP, NAT_VIP

ECHO_PORT, WHO_PORT, PROBE_PORT = 7000, 7001, 7002
MODES = {"nat": NAT_VIP, "dr": DR_VIP}


def services(servers):
    """In each mode: HTTP, TCP echo, UDP that tells the server's name, and UDP echo for `Gap`."""
    equal = [(number, 1) for number in range(1, servers + 1)]
    tables = []
    for mode, vip in MODES.items():
        tables += [
            director.service(f"web-{mode}", f"{vip}:80", mode, equal),
            director.service(f"echo-{mode}", f"{vip}:{ECHO_PORT}", mode, equal, scheduler="rr",
                             check=director.check("tcp")),
            director.service(f"who-{mode}", f"{vip}:{WHO_PORT}", mode, equal, protocol="udp",
                             scheduler="rr", check=director.check("ping")),
            director.service(f"probe-{mode}", f"{vip}:{PROBE_PORT}", mode, equal, protocol="udp",
                             scheduler="rr", check=director.check("ping"))]
    return tables


def start_servers(lab):
    for name in lab.network.servers:
        lab.spawn(f"{name}-echo", name,
                  module_argv("echo", "--tcp", ECHO_PORT, "--udp", PROBE_PORT))
        lab.wait_listening(f"{name}-echo", name, ECHO_PORT)
        start_peer(lab, name, "udp-echo", WHO_PORT)


class Flows:
    """UDP flows of one client, each of which asks for its real server's name."""

    def __init__(self, lab, client, vip, count):
        self._socks = []
        for _ in range(count):
            with lab.host(client).inside():
                sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.settimeout(1)
            sock.connect((vip, WHO_PORT))
            self._socks.append(sock)

    def ask(self):
        """The servers' names, in the flows' order. A datagram may be lost."""
        return [self._ask(sock) for sock in self._socks]

    @staticmethod
    def _ask(sock):
        for _ in range(10):
            with contextlib.suppress(TimeoutError, ConnectionRefusedError):
                sock.send(b"who")
                return sock.recv(64).decode()
        return None

    def close(self):
        for sock in self._socks:
            sock.close()


class Holders:
    """Connections to the echo servers of both modes, each mode from a client of its own."""

    def __init__(self, lab, sources):
        self._agents = {}
        for client, (mode, vip) in zip(lab.network.clients, MODES.items()):
            words = [word for source in sources[mode] for word in ("--source", source)]
            self._agents[mode] = Agent(lab, client, "survivors", f"{vip}:{ECHO_PORT}", *words)

    def close(self):
        for agent in self._agents.values():
            agent.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, command, **values):
        """Begins something in both modes; answers() waits for what comes of it."""
        for agent in self._agents.values():
            agent.send(command, **values)

    def answers(self, timeout=60):
        """{mode: answer}"""
        return {mode: agent.answer(timeout) for mode, agent in self._agents.items()}

    def ask(self, command, **values):
        self.send(command, **values)
        return self.answers()


class Traffic:
    """Holders, flows and a prober in both modes. The clients have several addresses."""

    ADDRESSES = 4
    FLOWS = 20

    def __init__(self, lab):
        self._lab = lab
        self._stack = contextlib.ExitStack()
        self._flows, self._probers, self._sources = {}, {}, {}
        self._servers = {}  # {mode: the flows' servers}
        for client, (mode, vip) in zip(lab.network.clients, MODES.items()):
            self._sources[mode] = lab.network.add_client_addresses(client, self.ADDRESSES)
            self._probers[mode] = self._stack.enter_context(
                Agent(lab, client, "gap", f"{vip}:{PROBE_PORT}", "--interval-ms", 10))
            self._flows[mode] = Flows(lab, client, vip, self.FLOWS)
            self._stack.callback(self._flows[mode].close)
        self._holders = self._stack.enter_context(Holders(lab, self._sources))

    def close(self):
        self._stack.close()

    def newcomers(self):
        """Holders of further connections."""
        return Holders(self._lab, self._sources)

    def open_all(self, count):
        """So many connections in each mode, each of which has exchanged a message."""
        for mode, report in self._holders.ask("open", count=count, per_second=2000).items():
            if report["open"] != count:
                raise AssertionError(f"{mode}: {report}")
        self.exchange()

    def exchange(self):
        """A message on each connection: {mode: report}."""
        return self._holders.ask("exchange")

    def live(self, every_s):
        """From now on each connection exchanges a message again and again."""
        self._holders.ask("live", every_s=every_s)

    def note_servers(self):
        """The flows are to keep the servers that they have now."""
        self._servers = {mode: flows.ask() for mode, flows in self._flows.items()}

    def moved_flows(self):
        """Flows that have another server now, or none: {mode: [(before, now)]}."""
        moved = {}
        for mode, flows in self._flows.items():
            pairs = zip(self._servers[mode], flows.ask())
            moved[mode] = [(before, now) for before, now in pairs if before != now]
        return {mode: pairs for mode, pairs in moved.items() if pairs}

    def begin_gap(self):
        for prober in self._probers.values():
            prober.ask("report")

    def comment_gap(self, what):
        """Prints the longest time without an answer since begin_gap()."""
        for mode, prober in self._probers.items():
            report = prober.ask("report")
            print(f"# {what}, {mode}: {report['gap_ms']:.0f} ms without an answer "
                  f"(the prober itself late by {report['late_ms']:.0f} ms)", flush=True)


def comment(what, report):
    print(f"# {what}: {json.dumps(report)}", flush=True)
