"""The largest gap between two adverts of a master, sent every 100 ms, while something keeps its control plane busy: a
configuration of 10,000 real servers is reloaded ten times; 2,000 HTTPS checks shake hands every 2 s; whoever asked for a
million connections, or for the state of 10,000 real servers, stops reading; a million connections are walked to the
peer. Three intervals would be a failover.

The times are the kernel's, of the frames as they leave by the director's interface. The control plane has real-time
priority, so that what is seen is its own doing, and not the neighbours' on the machine."""

import contextlib
import ctypes
import itertools
import os
import random
import socket
import struct
import subprocess
import sys
import threading
import time

_HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(_HERE, "..", "..", "scripts"), os.path.join(_HERE, "..", "..", "tests", "netns")]

import stalled  # noqa: E402
from ballast_lab import director, pair  # noqa: E402
from ballast_lab.lab import Lab  # noqa: E402
from ballast_lab.processes import wait_until  # noqa: E402
from ballast_lab.servers import TLS_NAME  # noqa: E402
from ballast_lab.topology import NAT_VIP, server_address  # noqa: E402
from suite import reload  # noqa: E402
from suite.rows import row  # noqa: E402

INTERVAL = "100ms"
QUIET_S = 5
RELOADS, QUICK_RELOADS = 10, 3
CHECKS, CHECK_SERVICES, CHECKED_S = 2_000, 20, 20
CONNECTIONS, QUICK_CONNECTIONS = 1_000_000, 200_000
STALLED_S = 10
TABLE_MB = 700
NETWORK = "10.1.0.0/16"  # at s1
SINK_PORT = 7010
PER_CLIENT = 250 * 60_000  # flows, that flows.py tells apart

_SO_TIMESTAMPNS = 35
_ETH_P_ALL = 3
_OUTGOING = 4
_SO_ATTACH_FILTER = 26
# IPv4, protocol 112; from the Ethernet header on.
_VRRP = [(0x28, 0, 0, 12), (0x15, 0, 3, 0x0800), (0x30, 0, 0, 23), (0x15, 0, 1, 112), (0x06, 0, 0, 0xFFFF),
         (0x06, 0, 0, 0)]


class Adverts:
    """When adverts of one virtual router left by an interface of a host."""

    def __init__(self, host, interface, router_id):
        with host.inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        code = b"".join(struct.pack("HBBI", *line) for line in _VRRP)
        self._code = ctypes.create_string_buffer(code)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER,
                                struct.pack("HL", len(_VRRP), ctypes.addressof(self._code)))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind((interface, _ETH_P_ALL))
        self._router_id = router_id
        self.times = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with contextlib.suppress(OSError):  # closed
            while True:
                frame, extra, _, address = self._socket.recvmsg(2048, 256)
                header = 4 * (frame[14] & 15)
                if address[2] != _OUTGOING or frame[14 + header + 1] != self._router_id:
                    continue
                for level, kind, data in extra:
                    if (level, kind) == (socket.SOL_SOCKET, _SO_TIMESTAMPNS):
                        seconds, nanoseconds = struct.unpack("qq", data[:16])
                        self.times.append(seconds + nanoseconds / 1e9)

    def largest_gap_ms(self, begin, end):
        """Between adverts of which one at least is in the time."""
        return max((1e3 * (after - before) for before, after in itertools.pairwise(self.times)
                    if after >= begin and before <= end), default=1e3 * (end - begin))

    def close(self):
        self._socket.close()


class Watch:
    """A pair of directors, of which lb1 is master and its adverts are watched."""

    def __init__(self, suite, name, services, prepare=lambda lab: None, **dataplane):
        self.suite = suite
        self.lab = Lab(f"adv{name}{os.getpid()}", clients=1, server_count=1, ha=True)
        self.master, self.standby = (self.lab.directors[each] for each in pair.DIRECTORS)
        self.master.wrapper = ["chrt", "--fifo", "5"]
        self.tables = pair.configs(self.lab.dir, services(self.lab), INTERVAL)
        # One director does the work, the machine has two to carry.
        self.tables["lb2"]["service"] = [table | {"check": {"type": "none"}} for table in services(self.lab)[:1]]
        for tables in self.tables.values():
            tables["dataplane"].update(dataplane)
            tables.setdefault("route", []).append({"destination": NETWORK, "via": server_address(1)})
        wanted, self.lab.ready = self.lab.ready, lambda rs: True

        def before(lab):
            lab.host("s1").ip("route", "add", "local", NETWORK, "dev", "lo")
            prepare(lab)
        self.adverts = None
        self.lab.up(self.tables, prepare=before)
        self.lab.ready = wanted
        try:
            wait_until(lambda: self.master.roles()[pair.WAN_INSTANCE] == "MASTER", 90, "lb1 to be master")
            self.adverts = Adverts(self.lab.host("lb1"), "wan", pair.VIRTUAL_ROUTER_IDS[pair.WAN_INSTANCE])
        except BaseException:
            self.close()
            raise

    def transitions(self):
        return len(self.master.show("ha")["events"]) + len(self.standby.show("ha")["events"])

    def during(self, what, act):
        """One row: the largest gap while act() runs."""
        before = self.transitions()
        begin = time.time()
        act()
        end = time.time()
        time.sleep(0.3)  # the advert that ends the last gap
        found = [row("adverts", f"{what}: largest gap", "ms", [self.adverts.largest_gap_ms(begin, end)])]
        if (changed := self.transitions() - before) != 0:
            found.append(row("adverts", f"{what}: transitions", "times", [changed]))
        return self.suite.report(found)

    def close(self):
        if self.adverts:
            self.adverts.close()
        self.lab.down()


def reloads(suite):
    rng, ports = random.Random(1), itertools.count(reload.FIRST_PORT + reload.SERVICES)
    services = director.default_services("nat", 1)[:1] + reload.many_services()
    with contextlib.closing(Watch(suite, "reload", lambda lab: services)) as watch:
        wait_until(lambda: watch.master.show("sync")["connected"], 30, "the peers to be connected")
        watch.during("nothing", lambda: time.sleep(QUIET_S))

        def act():
            for _ in range(QUICK_RELOADS if suite.quick else RELOADS):
                reload.change(watch.tables["lb1"], rng, ports)
                watch.master.write_config(watch.tables["lb1"])
                watch.master.lbcli("reload")
        watch.during("10,000 real servers reloaded", act)


def checked_services(lab):
    check = director.check("https") | {"interval": "2s", "timeout": "2s", "tls_ca_file": f"{lab.dir}/tls/cert.pem",
                                       "tls_server_name": TLS_NAME}
    each = CHECKS // CHECK_SERVICES
    services = []
    for number in range(CHECK_SERVICES):
        service = director.service(f"s{number}", f"{NAT_VIP}:{1000 + number}", "nat", [], check=check)
        service["real_server"] = [{"address": f"10.1.{target // 250}.{target % 250 + 1}:443"}
                                  for target in range(number * each, (number + 1) * each)]
        services.append(service)
    return services


def hurry_servers(lab):
    """The real server shares the machine: its half of the handshakes must not be what is waited for."""
    for pid in subprocess.run(["pgrep", "-f", f"nginx -p {lab.dir}/"], capture_output=True, text=True,
                              check=True).stdout.split():
        children = subprocess.run(["pgrep", "-P", pid], capture_output=True, text=True, check=False).stdout.split()
        for each in [pid, *children]:
            os.sched_setscheduler(int(each), os.SCHED_FIFO, os.sched_param(4))


def checks(suite):
    with contextlib.closing(Watch(suite, "https", checked_services, hurry_servers)) as watch:
        # Not all of them are up at any time on a machine that is too small for so many handshakes.
        wait_until(lambda: sum(rs["up"] for rs in watch.master.real_servers()) > CHECKS // 2, 60, "checks to succeed")
        watch.during(f"{CHECKS:,} HTTPS checks every 2 s", lambda: time.sleep(CHECKED_S / (2 if suite.quick else 1)))


@contextlib.contextmanager
def stalled_readers(each):
    """lbcli whose output nobody reads, and clients of the control plane that ask and do not read."""
    with contextlib.ExitStack() as stack:
        for arguments in (("show", "conn"), ("show", "conn", "--json")):
            process = stack.enter_context(subprocess.Popen(each.lbcli_argv(*arguments), stdout=subprocess.PIPE))
            stack.callback(process.kill)
        for _ in range(8):
            stack.enter_context(stalled.status_reader(each))
        yield


def connections(suite):
    import harness
    flows = QUICK_CONNECTIONS if suite.quick else CONNECTIONS
    services = [director.service("sink", f"{NAT_VIP}:{SINK_PORT}", "nat", [(1, 1)], protocol="udp", scheduler="rr",
                                 check=director.check("ping"))]
    table = {"max_connections": flows + flows // 10, "memory_mb": TABLE_MB, "memory": "no-huge",
             "timeouts": {"udp_unanswered": "15m", "udp": "15m"}}
    with contextlib.closing(Watch(suite, "conns", lambda lab: services,
                                  lambda lab: harness.start_peer(lab, "s1", "udp-sink", SINK_PORT), **table)) as watch:
        watch.lab.host("c1").run(harness.PYTHON, "-B", f"{harness.HERE}/flows.py", "--target",
                                 f"{NAT_VIP}:{SINK_PORT}", "--flows", str(flows), "--per-second", "40000")
        have = watch.master.connection_count()
        with stalled_readers(watch.master):
            watch.during(f"readers of {have:,} connections stall", lambda: time.sleep(STALLED_S))

        def walk():
            watch.standby.kill()
            watch.standby.start()
            wait_until(lambda: watch.master.show("sync")["connected"], 60, "the peer to be back")
            wait_until(lambda: watch.master.show("sync")["peer_complete"], 120, "the peer to have everything")
        watch.during(f"{have:,} connections walked to the peer", walk)


def run(suite):
    reloads(suite)
    checks(suite)
    connections(suite)
