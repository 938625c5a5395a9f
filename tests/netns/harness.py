"""What every end-to-end test shares: a lab per test class, TAP output, the check for drops.

A test file defines subclasses of LabTest and ends with `harness.main(__name__)`. Tests run in the
order in which they are written and share their class's lab; each leaves it as it found it.
"""

import atexit
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import traceback
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "scripts"))

from ballast_lab import director, pair  # noqa: E402
from ballast_lab.daemons import DAEMONS  # noqa: E402
from ballast_lab.lab import Lab  # noqa: E402
from ballast_lab.processes import wait_until  # noqa: E402
from ballast_lab.topology import DIRECTOR_LAN  # noqa: E402

LOG_TAIL_BYTES = 6000
HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"

# Linux's, which the socket module lacks.
IP_MTU_DISCOVER, IP_PMTUDISC_DONT, IP_PMTUDISC_DO = 10, 0, 2


def start_peer(lab, host, kind, *ports):
    """A server of peer.py on a host, ready to answer on each port (UDP: on one)."""
    name = f"{host}-{kind}-{ports[0]}"
    words = [str(port) for port in ports]
    lab.spawn(name, host, [PYTHON, "-B", f"{HERE}/peer.py", kind, *words, "--name", host])
    sockets = "-Hlun" if kind.startswith("udp") else "-Hltn"
    for port in ports:
        wait_until(lambda port=port: lab.host(host).run("ss", sockets, f"sport = :{port}").strip(),
                   10, f"{name} to listen on {port}")
    return lab.processes[name]


def http_load(target, path="/", requests=0, parallel=1, per_connection=1, expect_file=None):
    """The command line of http_load.py."""
    argv = [PYTHON, "-B", f"{HERE}/http_load.py", "--target", target, "--path", path, "--requests",
            str(requests), "--parallel", str(parallel), "--per-connection", str(per_connection)]
    return argv + (["--expect-file", expect_file] if expect_file else [])


def narrow_lan(lab, server, mtu):
    """A real server that sends no more than `mtu` bytes and, unlike one whose link is narrow, still
    asks its clients for full segments: the director's port has to tell them."""
    lab.host(server).ip("route", "replace", "default", "via", DIRECTOR_LAN, "mtu", str(mtu),
                        "advmss", "1460")


def exit_status(argv, timeout=60):
    return subprocess.run(argv, capture_output=True, check=False, timeout=timeout).returncode


def announce(host, interface, address):
    """Gratuitous ARP, as a machine sends it that takes an address over."""
    mac = bytes.fromhex(host.mac(interface).replace(":", ""))
    packed = socket.inet_aton(address)
    arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + packed + bytes(6) + packed
    with host.inside():
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with sock:
        sock.bind((interface, 0))
        sock.send(b"\xff" * 6 + mac + b"\x08\x06" + arp)


class BackgroundLoad:
    """http_load.py running on a client until stop(), which returns its report."""

    def __init__(self, lab, client, target, **options):
        self._process = subprocess.Popen(lab.host(client).argv(*http_load(target, **options)),
                                         stdout=subprocess.PIPE)
        atexit.register(self._process.kill)  # of a test that fails before it stops it

    def stop(self):
        self._process.terminate()
        return json.loads(self._process.communicate(timeout=60)[0])


class LabTest(unittest.TestCase):
    """A class of tests around one lab."""

    CLIENTS = 1
    SERVERS = 2
    HA = False
    lab = None

    @classmethod
    def configure(cls, lab):
        """The director's configuration, as tables; None for a lab without a director."""
        return director.config(f"{lab.dir}/run", director.default_services("both", cls.SERVERS))

    @classmethod
    def prepare(cls, lab):
        """Called before the director starts; network and real servers are there."""

    @staticmethod
    def ready(rs):
        """Whether this real server is as the lab awaits it before the first test."""
        return rs["up"] and rs["next_hop_resolved"]

    @classmethod
    def setUpClass(cls):
        lab = Lab(f"t{os.getpid()}{cls.__name__.lower()}"[:24], cls.CLIENTS, cls.SERVERS, cls.HA)
        lab.ready = cls.ready
        lab.up(cls.configure(lab), prepare=cls.prepare)
        cls.lab = lab

    @classmethod
    def tearDownClass(cls):
        cls.lab.stop_processes()
        faults = [cls.fault(process) for process in cls.lab.processes.values()]
        cls.lab.down()
        if any(faults):
            raise AssertionError("\n".join(filter(None, faults)))
        left = cls.lab.leftovers()
        if left:
            raise AssertionError(f"left behind: {left}")

    @classmethod
    def fault(cls, process):
        """How a daemon of ours ended, if not as it should: by itself, with an error, or with what a
        sanitizer found. One that a test killed is none."""
        status = process.exit_status()
        if "lb-" not in process.name or (status in (0, None, -signal.SIGKILL) and not process.ignored_stop):
            return None
        how = "did not end when asked to" if process.ignored_stop else f"ended with status {status}"
        return f"{cls.lab.log_text(process.name)[-4000:]}\n{process.name} {how}"

    def setUp(self):
        self.allowed_drops = set()
        self._drops_before = self._drops()

    def _drops(self):
        """{director: {reason: packets}}."""
        return {name: self.lab.directors[name].drops() for name in self.lab.configured}

    def allow_drops(self, *reasons):
        """Drops under these reasons are what the test provokes."""
        self.allowed_drops.update(reasons)

    def tearDown(self):
        """No packet may have been dropped but for a reason that the test names."""
        for name, after in self._drops().items():
            before = self._drops_before.get(name, {})
            if any(count < before.get(reason, 0) for reason, count in after.items()):
                before = {}  # the data plane started anew
            dropped = {reason: count - before.get(reason, 0) for reason, count in after.items()
                       if count > before.get(reason, 0) and reason not in self.allowed_drops}
            self.assertEqual(dropped, {}, f"packets that {name} dropped for reasons that the test "
                                          "does not expect")

    def host(self, name):
        return self.lab.host(name)

    def wait(self, condition, what, timeout=15):
        return wait_until(condition, timeout, what)

    def wait_logged(self, text, daemon="lb-controlplane", name="lb1", timeout=15):
        """A thread of its own writes a daemon's log, so a line can come after the answer to what caused it.
        `text` may be a compiled pattern. Returns the log."""
        def log():
            whole = self.lab.directors[name].log_text(daemon)
            found = text.search(whole) if isinstance(text, re.Pattern) else text in whole
            return whole if found else None

        return self.wait(log, f"{text} in the log of {daemon} on {name}", timeout)

    def real_server(self, service, address):
        """The row of one real server ("10.0.0.11:80") of one service."""
        for rs in self.lab.real_servers():
            if rs["service"] == service and rs["endpoint"] == address:
                return rs
        self.fail(f"{service} has no real server {address}")

    def wait_server(self, service, address, up, timeout=15):
        return self.wait(lambda: self.real_server(service, address)["up"] == up,
                         f"{address} of {service} to be {'up' if up else 'down'}", timeout)

    def fetch(self, client, url, *options, timeout=10):
        """curl from a client; the answer's body. A failed request is a failed test."""
        argv = self.host(client).argv("curl", "--silent", "--show-error", "--fail",
                                      "--max-time", str(timeout), *options, url)
        done = subprocess.run(argv, capture_output=True, check=False, timeout=timeout + 10)
        self.assertEqual(done.returncode, 0, f"curl {url}: {done.stderr.decode()}")
        return done.stdout


class HaTest(LabTest):
    """A class of tests around two directors. lb1 has the higher priority; a test leaves both
    running, and lb1 master."""

    HA = True
    ADVERT_INTERVAL = "100ms"

    @classmethod
    def services(cls):
        return director.default_services("both", cls.SERVERS)

    @classmethod
    def configure(cls, lab):
        return pair.configs(lab.dir, cls.services(), cls.ADVERT_INTERVAL)

    def setUp(self):
        super().setUp()
        # What arrives before its connection is synchronized, when the addresses move: it is sent again.
        # And the switch floods until it has learnt who is where.
        self.allow_drops("taking_over", "other_station")

    def role(self, name, instance=pair.WAN_INSTANCE):
        """"MASTER", "BACKUP" or "FAULT"."""
        return self.lab.directors[name].roles()[instance]

    def wait_role(self, name, state, instance=pair.WAN_INSTANCE, timeout=15):
        each = self.lab.directors[name]
        each.wait_for(lambda: each.controlplane_answers() and self.role(name, instance) == state,
                      timeout, f"{instance} to be {state}")

    def kill_director(self, name):
        """kill -9 of both daemons."""
        self.lab.directors[name].kill()

    def start_director(self, name):
        """Its real servers are up when this returns; whether it is master is another question."""
        self.lab.directors[name].start()
        self.lab.directors[name].wait_servers_up()

    def pull_cable(self, name, network):
        """Of one director: "wan", "lan" or "sync". Plugged in again when the test ends at the latest."""
        self.addCleanup(self.plug_cable, name, network)
        self.lab.network.set_cable(name, network, plugged=False)

    def plug_cable(self, name, network):
        self.lab.network.set_cable(name, network, plugged=True)


class _TapResult(unittest.TestResult):
    """Prints the Test Anything Protocol, from which the build tool takes every case's result."""

    def __init__(self, out):
        super().__init__()
        self._out = out
        self._number = 0

    def _line(self, good, test, directive="", details=""):
        self._number += 1
        name = test.id().replace("__main__.", "").replace("#", "")
        print(f"{'ok' if good else 'not ok'} {self._number} - {name}{directive}", file=self._out)
        for line in details.splitlines():
            print(f"# {line}", file=self._out)
        self._out.flush()

    def addSuccess(self, test):
        self._line(True, test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line(True, test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._failed(test, err)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._failed(subtest, err)

    def _failed(self, test, err):
        details = ""
        lab = getattr(getattr(test, "test_case", test), "lab", None)
        if lab is not None:
            for each in lab.directors.values():
                for daemon in DAEMONS:
                    log = each.log_text(daemon)[-LOG_TAIL_BYTES:]
                    details += f"--- {each.process_name(daemon)}\n{log}\n"
        # Last, because a build tool that shows only a part of the output shows its end.
        details += "".join(traceback.format_exception(*err))
        self._line(False, test, details=details)
        print(f"{test.id()}: {details}", file=sys.stderr, flush=True)  # what the build tool shows
        print(f"failed: {test.id()}", file=sys.stderr, flush=True)

    def finish(self):
        print(f"1..{self._number}", file=self._out, flush=True)


def _cases(module):
    """Test classes and methods, also inherited ones, in the order in which they are written."""
    for value in list(vars(module).values()):
        if isinstance(value, type) and issubclass(value, unittest.TestCase) \
                and value.__module__ == module.__name__:
            names = dict.fromkeys(name for owner in reversed(value.__mro__) for name in vars(owner)
                                  if name.startswith("test_"))
            yield unittest.TestSuite(value(name) for name in names)


def main(module_name):
    """Runs the calling file's tests: all, or those whose name contains one of the arguments."""
    if module_name != "__main__":
        return
    if os.geteuid() != 0:
        print("1..0 # SKIP network namespaces need root")
        return
    # The build tool ends a test that takes too long: the lab is removed on the way out.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))
    result = _TapResult(sys.stdout)
    for suite in _cases(sys.modules[module_name]):
        wanted = [case for case in suite
                  if len(sys.argv) == 1 or any(word in case.id() for word in sys.argv[1:])]
        unittest.TestSuite(wanted).run(result)
    result.finish()
    sys.exit(0 if result.wasSuccessful() else 1)
