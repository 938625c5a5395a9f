"""keepalived from Debian as the peer: on a host of the lab, on the host's kernel interfaces, with files
of its own, so that several run on one machine."""

import contextlib
import dataclasses
import os
import re
import signal

from ballast_lab.processes import wait_until
from ballast_lab.topology import own_addresses


@dataclasses.dataclass
class Instance:
    """A vrrp_instance. `advert_int` is in seconds, with version 3 in hundredths of them."""

    name: str
    interface: str
    router_id: int
    priority: int
    addresses: list
    version: int = 3
    advert_int: float = 1
    nopreempt: bool = False
    auth_pass: str = ""
    unicast_source: str = ""
    unicast_peers: list = dataclasses.field(default_factory=list)

    def text(self):
        lines = ["state BACKUP", f"interface {self.interface}",
                 f"virtual_router_id {self.router_id}", f"priority {self.priority}",
                 f"version {self.version}", f"advert_int {self.advert_int:g}",
                 _block("virtual_ipaddress", self.addresses)]
        if self.nopreempt:
            lines.append("nopreempt")
        if self.auth_pass:
            lines.append(_block("authentication", ["auth_type PASS", f"auth_pass {self.auth_pass}"]))
        if self.unicast_peers:
            lines += [f"unicast_src_ip {self.unicast_source}",
                      _block("unicast_peer", self.unicast_peers)]
        return _block(f"vrrp_instance {self.name}", lines)


def _block(head, lines):
    return "\n".join([f"{head} {{", *lines, "}"])


def take_ports(lab, host):
    """Gives a director's place in the lab to keepalived: its links become ordinary interfaces with
    the director's own addresses, and no others."""
    for network in ("wan", "lan"):
        lab.host(host).ip("address", "flush", "dev", f"{network}0")
        lab.host(host).ip("address", "add", f"{own_addresses(host)[network]}/24", "dev",
                          f"{network}0")


class Keepalived:
    """`start` it; `stop` resigns (an advert of priority 0), `kill` does not."""

    def __init__(self, lab, host, instances, sync_group=False):
        self._lab = lab
        self._host = host
        self.instances = {instance.name: instance for instance in instances}
        self._sync_group = sync_group
        self.name = f"{host}-keepalived"
        self._dir = f"{lab.dir}/{self.name}"
        self._log_before = ""

    @property
    def process(self):
        return self._lab.processes[self.name]

    def write_config(self):
        os.makedirs(self._dir, exist_ok=True)
        parts = [_block("global_defs", [f"router_id {self._host}", "vrrp_garp_master_repeat 3",
                                        "vrrp_garp_master_delay 1"])]
        if self._sync_group:
            parts.append(_block("vrrp_sync_group GROUP", [_block("group", self.instances)]))
        parts += [instance.text() for instance in self.instances.values()]
        with open(f"{self._dir}/keepalived.conf", "w", encoding="utf-8") as out:
            out.write("\n".join(parts) + "\n")

    def start(self):
        self.write_config()
        for left in ("pid", "vrrp.pid"):  # of one that was killed
            with contextlib.suppress(FileNotFoundError):
                os.remove(f"{self._dir}/{left}")
        self._log_before = self._lab.log_text(self.name)
        self._lab.spawn(self.name, self._host, [
            "keepalived", "--dont-fork", "--log-console", "--log-detail",
            "--no-syslog", "--vrrp", "--use-file", f"{self._dir}/keepalived.conf",
            "--pid", f"{self._dir}/pid", "--vrrp_pid", f"{self._dir}/vrrp.pid"])

    def reload(self):
        """After a change of `instances`."""
        self.write_config()
        self.process.signal(signal.SIGHUP)

    def stop(self):
        """It resigns at once and ends a second later."""
        self.process.stop()

    def kill(self):
        """All of its processes at once, because a child that lost its parent would resign; and the
        addresses, as if the machine had lost its power."""
        self.process.kill()
        take_ports(self._lab, self._host)

    def log(self):
        """What it wrote since it was started."""
        return self._lab.log_text(self.name)[len(self._log_before):]

    def states(self, instance):
        """Every state that an instance entered, in order: ["BACKUP", "MASTER"]."""
        return re.findall(rf"\({instance}\) Entering (\w+) STATE", self.log())

    def state(self, instance):
        return (self.states(instance) or ["INIT"])[-1]

    def holds(self, instance):
        """Whether its addresses are on the interface now."""
        there = self._lab.host(self._host).ip("-o", "address", "show", "dev",
                                              self.instances[instance].interface)
        return all(f" {address} " in there for address in self.instances[instance].addresses)

    def wait_state(self, instance, state, timeout=15):
        wait_until(lambda: self.state(instance) == state, timeout,
                   f"{instance} of {self.name} to be {state}")
