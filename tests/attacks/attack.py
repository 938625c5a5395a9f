"""What the attacks share: the end-to-end harness of tests/netns, and the attacker, a host of the lab on both
networks of the director."""

import ctypes
import errno
import os
import socket
import struct
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "netns"))

import harness  # noqa: E402
from ballast_lab import pair  # noqa: E402
from ballast_lab.topology import NAT_VIP, own_addresses  # noqa: E402
from flood import SOURCES  # noqa: E402

ATTACKER = "c2"
NETWORKS = ("wan", "lan")
MOST_GAP_S = 1  # between adverts that are sent every 100 ms, on a busy machine


def prepare(lab):
    """Links the attacker; what is sent back to its invented addresses ends at the router."""
    for network in NETWORKS:
        lab.network.attach(ATTACKER, network, network)
    lab.host("router").ip("route", "add", "blackhole", f"{SOURCES}.0/24")


def send_frame(out, frame):
    """By a packet socket of the attacker's, whose queue may be full for a moment."""
    for _ in range(100):
        try:
            out.send(frame)
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            time.sleep(0.01)
    raise TimeoutError("the attacker's queue remains full")


class Flood:
    """flood.py on the attacker against some directors: {name: {network: address}}."""

    def __init__(self, lab, kind, directors, rate, seconds):
        argv = [harness.PYTHON, "-B", f"{HERE}/flood.py", kind, "--rate", str(rate), "--seconds", str(seconds)]
        for name, addresses in directors.items():
            for network in NETWORKS:
                mac = lab.host(name).mac(network)
                argv += ["--to", f"{network},{mac},{addresses[network]},{NAT_VIP}"]
        self._process = subprocess.Popen(lab.host(ATTACKER).argv(*argv), stdout=subprocess.PIPE)

    def running(self):
        return self._process.poll() is None

    def sent(self):
        """Frames, when it has ended."""
        out, _ = self._process.communicate(timeout=60)
        return int(out)


class Raw:
    """The attacker's socket on one network of a director; its frames go to the director's port there."""

    def __init__(self, lab, network, director="lb1"):
        to = bytes.fromhex(lab.host(director).mac(network).replace(":", ""))
        with lab.host(ATTACKER).inside():
            self._out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._out.bind((network, 0))
        self.head = to + self._out.getsockname()[4] + b"\x08\x00"

    def send(self, *packets):
        """IPv4 packets."""
        for packet in packets:
            send_frame(self._out, self.head + packet)

    def close(self):
        self._out.close()


class Adverts:
    """VRRP adverts on a network, as a host there receives them. The kernel notes when, so that no reader has to be on
    time; what the host itself sends does not count."""

    # Of struct sock_filter: not outgoing (4), and IP protocol 112.
    _FILTER = ((0x20, 0, 0, 0xfffff004), (0x15, 3, 0, 4), (0x30, 0, 0, 23), (0x15, 0, 1, 112), (0x06, 0, 0, 0xffff),
               (0x06, 0, 0, 0))
    _SO_ATTACH_FILTER, _SO_RCVBUFFORCE, _SO_TIMESTAMPNS = 26, 33, 35
    _ETH_P_IP = 0x0800

    def __init__(self, lab, network, host="router"):
        code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in self._FILTER))
        with lab.host(host).inside():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        for option, value in ((self._SO_ATTACH_FILTER, struct.pack("HP", len(self._FILTER), ctypes.addressof(code))),
                              (self._SO_RCVBUFFORCE, 8 << 20), (self._SO_TIMESTAMPNS, 1)):
            self._socket.setsockopt(socket.SOL_SOCKET, option, value)
        self._socket.bind((network, self._ETH_P_IP))
        self._times = {}  # by source address

    def close(self):
        self._socket.close()

    def times(self, source):
        """Of all so far, in seconds as time.time() gives them."""
        while True:
            try:
                frame, control, _, _ = self._socket.recvmsg(2048, 64, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return self._times.get(source, [])
            seconds, nanoseconds = struct.unpack("qq", control[0][2])
            self._times.setdefault(socket.inet_ntoa(frame[26:30]), []).append(seconds + nanoseconds / 1e9)

    def longest_gap(self, source, since):
        """In seconds, from then (time.time()) until now."""
        now = time.time()
        times = [since] + [at for at in self.times(source) if since <= at <= now] + [now]
        return max(after - before for before, after in zip(times, times[1:]))


def add_virtual_router(tables):
    """A single director has its VIPs by VRRP: its adverts show how late it is."""
    vips = sorted({service["address"].rsplit(":", 1)[0] for service in tables["service"]})
    instance = pair.instance("lb1", pair.WAN_INSTANCE, "wan", [f"{vip}/24" for vip in vips], "100ms")
    del instance["sync_group"]
    tables["ha"] = {"instance": [instance]}
    return tables


class OnTime:
    """Of a class of tests: in each of them the adverts of the first director on the outer network are on time."""

    MOST_GAP_S = MOST_GAP_S

    def setUp(self):
        super().setUp()
        self._source = own_addresses("lb1")["wan"]
        self._adverts = Adverts(self.lab, "wan")
        self.addCleanup(self._adverts.close)
        self.wait(lambda: self._adverts.times(self._source), "an advert")
        self._since = time.time()

    def tearDown(self):
        super().tearDown()
        self.assert_on_time()

    def await_adverts(self, count):
        """So many more."""
        begun = len(self._adverts.times(self._source))
        self.wait(lambda: len(self._adverts.times(self._source)) >= begun + count, "adverts")

    def assert_on_time(self, last=False):
        """`last`: what follows in this test ends the adverts."""
        if self._since is None:
            return
        gap = self._adverts.longest_gap(self._source, self._since)
        print(f"# longest gap between adverts {gap * 1000:.0f} ms", flush=True)
        self.assertLess(gap, self.MOST_GAP_S, "adverts")
        if last:
            self._since = None


def punts(director):
    """{(port, class): (passed, dropped)} of packets for the kernel."""
    return {(row["port"], row["class"]): (row["passed_packets"], row["dropped_packets"])
            for row in director.show("punt")["punts"]}
