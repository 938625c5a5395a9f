"""What scripts/demo --ha shows: connections that outlive the director that made them."""

import hashlib
import os
import subprocess
import sys
import threading
import time

from ballast_lab import director, pair, servers
from ballast_lab.agent import Agent, module_argv
from ballast_lab.errors import LabError
from ballast_lab.lab import Lab
from ballast_lab.processes import wait_until
from ballast_lab.stage import Stage, perform
from ballast_lab.topology import NAT_VIP

SERVERS = 2
IDLE_CONNECTIONS = 1000
DOWNLOAD_BYTES = 1_000_000_000
KILL_AT_BYTES = DOWNLOAD_BYTES * 3 // 10
# Slow enough that the kill finds it under way on any machine.
DOWNLOAD_RATE = "150M"
ECHO_PORT, PROBE_PORT = 7000, 7001
OUTAGE_LIMIT_MS = 1000  # far above what is expected: a busy machine is no failure


class Download(threading.Thread):
    """curl; counts and hashes what it gets."""

    def __init__(self, lab, client, url):
        super().__init__(daemon=True)
        self.received = 0
        self.digest = hashlib.sha256()
        self.curl = subprocess.Popen(
            lab.host(client).argv("curl", "--silent", "--show-error", "--fail", "--max-time", "300",
                                  "--limit-rate", DOWNLOAD_RATE, url), stdout=subprocess.PIPE)
        self.start()

    def run(self):
        while data := self.curl.stdout.read1(1 << 20):
            self.digest.update(data)
            self.received += len(data)

    def finish(self, timeout):
        """curl's exit status and the SHA-256."""
        self.join(timeout)
        if self.is_alive():
            self.curl.kill()
        return self.curl.wait(10), self.digest.hexdigest()


def services():
    equal = [(number, 1) for number in range(1, SERVERS + 1)]
    return [director.service("web", f"{NAT_VIP}:80", "nat", equal),
            director.service("echo", f"{NAT_VIP}:{ECHO_PORT}", "nat", equal, scheduler="rr",
                             check=director.check("tcp")),
            director.service("probe", f"{NAT_VIP}:{PROBE_PORT}", "nat", equal, protocol="udp",
                             scheduler="rr", check=director.check("ping"))]


class HaDemo(Stage):
    def prepare(self, lab):
        path = servers.make_big_payload(lab.payload_dir, "big", DOWNLOAD_BYTES)
        with open(path, "rb") as file:
            self.expected = hashlib.file_digest(file, "sha256").hexdigest()
        for name in lab.network.servers:
            lab.spawn(f"{name}-echo", name,
                      module_argv("echo", "--tcp", ECHO_PORT, "--udp", PROBE_PORT))
            lab.wait_listening(f"{name}-echo", name, ECHO_PORT)

    def wait_master(self, name):
        """Until it is master of all instances, alone among those that run."""
        wait_until(lambda: self.lab.wait_one_master() == name, 90, f"{name} to be master")

    def expect_outage(self, prober):
        report = prober.ask("report")
        print(f"  outage {report['gap_ms']:.0f} ms", flush=True)
        self.expect(report["gap_ms"] < OUTAGE_LIMIT_MS,
                    f"{report['answered']} of {report['sent']} datagrams were answered, the longest "
                    f"time without an answer is below {OUTAGE_LIMIT_MS} ms")

    def expect_survivors(self, holder):
        report = holder.ask("exchange")
        print(f"  {report['survived']} of {report['established']} connections survived", flush=True)
        lost = "".join(f"; lost: {count} {why}" for why, count in report["lost"].items())
        self.expect(report["survived"] == IDLE_CONNECTIONS,
                    f"each got its own bytes back, the slowest after {report['slowest_ms']:.0f} ms{lost}")

    def show_connections(self, holder, prober):
        self.say(f"{IDLE_CONNECTIONS} TCP connections to {NAT_VIP}:{ECHO_PORT}, over both real "
                 "servers, and then nothing on them")
        opened = holder.ask("open", count=IDLE_CONNECTIONS)
        self.expect(opened["open"] == IDLE_CONNECTIONS, f"{opened['open']} are open")
        holder.ask("exchange")
        self.say("A datagram every 2 ms asks whether the service is there")
        prober.ask("report")
        time.sleep(2)  # what this machine is like when nothing happens
        report = prober.ask("report")
        print(f"  the longest time without an answer, so far: {report['gap_ms']:.0f} ms")
        self.expect(report["answered"] > 0, "it is there")

    def show_kill(self, holder, prober):
        self.say(f"c1 downloads {DOWNLOAD_BYTES // 1_000_000} MB from http://{NAT_VIP}/big")
        download = Download(self.lab, "c1", f"http://{NAT_VIP}/big")
        wait_until(lambda: download.received >= KILL_AT_BYTES or not download.is_alive(), 120,
                   "the download to be under way")
        prober.ask("report")
        self.lab.directors["lb1"].kill()
        self.expect(download.is_alive(), "lb1 is killed (-9, both daemons) after "
                                         f"{download.received // 1_000_000} MB of the download")
        self.wait_master("lb2")
        wait_until(lambda: download.received > KILL_AT_BYTES * 3 // 2 or not download.is_alive(), 60,
                   "the download to go on")
        self.expect_outage(prober)
        self.expect_survivors(holder)
        status, digest = download.finish(300)
        self.expect(status == 0 and digest == self.expected,
                    f"the download is complete, byte for byte: {download.received} bytes, SHA-256 "
                    f"{digest[:16]}... (curl: exit {status})")
        self.lbcli("show", "ha", director="lb2")

    def watch_return(self):
        """The state of lb1 until it is master; whether its table was complete by then."""
        lb1 = self.lab.directors["lb1"]
        seen = None
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                complete = lb1.show("sync")["complete"]
                roles = set(lb1.roles().values())
                rows = lb1.connection_count()
            except LabError:
                time.sleep(0.02)  # it does not answer yet
                continue
            now = (" ".join(sorted(roles)), complete)
            if now != seen:
                seen = now
                print(f"  lb1: {now[0]:7} table {'complete' if complete else 'not complete'}, "
                      f"{rows} connections", flush=True)
            if roles == {"MASTER"}:
                return complete and rows >= IDLE_CONNECTIONS
        raise LabError(f"lb1 did not become master again\n{lb1.logs()}")

    def show_return(self, holder, prober):
        self.say("lb1 starts again. It has the higher priority, but takes over only when it has all "
                 "connections")
        prober.ask("report")
        self.lab.directors["lb1"].start()
        self.expect(self.watch_return(), "lb1 is master again, and its table was complete")
        self.wait_master("lb1")
        self.lab.directors["lb1"].wait_servers_up()
        self.expect_outage(prober)
        self.expect_survivors(holder)
        self.lbcli("show", "ha")
        self.lbcli("show", "sync")

    def run(self):
        configs = pair.configs(self.lab.dir, services())
        self.say(f"A lab: 2 clients, a router, two directors, {SERVERS} real servers "
                 f"(memory: {configs['lb1']['dataplane']['memory']})")
        self.lab.up(configs, prepare=self.prepare)
        self.wait_master("lb1")
        self.lbcli("show", "ha")
        with Agent(self.lab, "c2", "survivors", f"{NAT_VIP}:{ECHO_PORT}") as holder, \
                Agent(self.lab, "c1", "gap", f"{NAT_VIP}:{PROBE_PORT}") as prober:
            self.show_connections(holder, prober)
            self.show_kill(holder, prober)
            self.show_return(holder, prober)


if __name__ == "__main__":
    sys.exit(perform(lambda: HaDemo(Lab(f"demo{os.getpid()}", clients=2, server_count=SERVERS,
                                        ha=True))))
