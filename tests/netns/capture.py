"""VRRP and gratuitous ARP on a network of the lab, as tshark reads them."""

import dataclasses
import json
import subprocess

from ballast_lab.processes import wait_until


@dataclasses.dataclass
class Advert:
    time: float  # seconds since the epoch
    mac: str
    destination_mac: str
    source: str
    destination: str
    ttl: int
    version: int
    router_id: int
    priority: int
    interval: int  # as on the wire: seconds with version 2, hundredths of them with version 3
    addresses: list
    auth_type: int  # version 2 alone; else 0
    auth_string: str
    fields: set  # names of all that the VRRP header has
    remarks: list  # what tshark finds wrong: bad checksums, malformed fields


@dataclasses.dataclass
class Announcement:
    """Gratuitous ARP: an address is where this MAC address is."""

    time: float
    mac: str
    address: str
    form: str  # "request" or "reply"


def _advert(layers):
    ip, vrrp = layers["ip"], layers["vrrp"]
    addresses = vrrp.get("vrrp.ip_addr", [])
    interval = vrrp.get("vrrp.short_adver_int", vrrp.get("vrrp.adver_int"))
    return Advert(
        time=float(layers["frame"]["frame.time_epoch"]), mac=layers["eth"]["eth.src"],
        destination_mac=layers["eth"]["eth.dst"], source=ip["ip.src"], destination=ip["ip.dst"],
        ttl=int(ip["ip.ttl"]),
        version=int(_find(vrrp, "vrrp.version")), router_id=int(vrrp["vrrp.virt_rtr_id"]),
        priority=int(vrrp["vrrp.prio"]), interval=int(interval),
        addresses=addresses if isinstance(addresses, list) else [addresses],
        auth_type=int(vrrp.get("vrrp.auth_type", "0")),
        auth_string=vrrp.get("vrrp.auth_string", ""),
        fields={key for key in vrrp if not key.endswith("_tree")}, remarks=_remarks(layers))


def _announcement(layers):
    arp = layers["arp"]
    return Announcement(
        time=float(layers["frame"]["frame.time_epoch"]), mac=arp["arp.src.hw_mac"],
        address=arp["arp.src.proto_ipv4"],
        form={"1": "request", "2": "reply"}[arp["arp.opcode"]])


def _find(tree, key):
    """The value of a field, at whatever depth; None when it is not there."""
    if key in tree:
        return tree[key]
    for value in tree.values():
        if isinstance(value, dict) and (found := _find(value, key)) is not None:
            return found
    return None


def _remarks(tree):
    """Texts of all expert remarks, and checksums that are not good ("1")."""
    found = []
    for key, value in tree.items():
        if key == "_ws.expert.message":
            found += value if isinstance(value, list) else [value]
        elif key in ("ip.checksum.status", "vrrp.checksum.status") and value != "1":
            found.append(f"{key} {value}")
        elif key.startswith("_ws.malformed"):
            found.append("malformed")
        elif isinstance(value, dict):
            found += _remarks(value)
    return found


class VrrpCapture:
    """VRRP and ARP that pass a cable from its making on, both directions: `VrrpCapture(lab, "lb1",
    "wan")`. With `kernel`, what passes a director's kernel interface: what its control plane sends and
    hears, in its order."""

    def __init__(self, lab, host, network, kernel=False):
        self._lab = lab
        cable = lab.network.cable(host, network)
        self._name = f"capture-{'kernel-' if kernel else ''}{cable}"
        self._file = f"{lab.dir}/{self._name}-{len(lab.processes)}.pcap"
        self._process = lab.spawn(self._name, host if kernel else "switch", [
            "dumpcap", "-q", "-P", "-i", network if kernel else cable, "-f", "ip proto 112 or arp",
            "-w", self._file])
        # It writes the file's header when it captures.
        wait_until(self._begun, 10, f"{self._name} to begin")

    def _begun(self):
        try:
            with open(self._file, "rb") as file:
                return len(file.read(24)) == 24
        except FileNotFoundError:
            return False

    def adverts(self):
        """Those so far."""
        return [_advert(layers) for layers in self._read("vrrp")]

    def announcements(self):
        """Those so far, of either side."""
        return [_announcement(layers) for layers in self._read("arp.isgratuitous == 1")]

    def _read(self, wanted):
        done = subprocess.run(
            ["tshark", "-r", self._file, "-Y", wanted, "-T", "json", "--no-duplicate-keys",
             "-o", "ip.check_checksum:TRUE"],
            capture_output=True, text=True, timeout=60, check=False)
        # What is being written may end within a packet: tshark says so after those before it.
        if done.returncode != 0 and "cut short" not in done.stderr:
            raise AssertionError(f"tshark: {done.stderr}")
        return [packet["_source"]["layers"] for packet in json.loads(done.stdout or "[]")]

    def stop(self):
        """Ends it; returns the adverts."""
        self._process.stop()
        return self.adverts()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stop()
