"""What the attacks share: the end-to-end harness of tests/netns, and the attacker, a host of the lab on both
networks of the director."""

import errno
import os
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "netns"))

import harness  # noqa: E402
from ballast_lab.topology import NAT_VIP  # noqa: E402
from flood import SOURCES  # noqa: E402

ATTACKER = "c2"
NETWORKS = ("wan", "lan")


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


def punts(director):
    """{(port, class): (passed, dropped)} of packets for the kernel."""
    return {(row["port"], row["class"]): (row["passed_packets"], row["dropped_packets"])
            for row in director.show("punt")["punts"]}
