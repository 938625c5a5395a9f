"""A lab whose director runs in a guest: the clients, router and servers of every lab, and pairs of
PCI NICs (wan, lan), of which one pair at a time is in use.

    clients -- router -- bridge wan -- TAP = wan NIC [guest: director] lan NIC = TAP -- bridge lan -- servers
"""

import shlex
import subprocess

from ballast_lab import director
from ballast_lab.daemons import Director
from ballast_lab.errors import LabError
from ballast_lab.lab import Lab
from ballast_lab.netns import Namespace
from ballast_lab.topology import Network
from guest import Guest, GuestProcess
from nics import NICS

PORTS = ("wan", "lan")
MAX_MTU = 9000
MEMORY_MB = 320
MAIN_LCORE = 0
_FIRST_SLOT = 8
_RUN_DIR = "/run/ballast"  # of the guest


class GuestNetwork(Network):
    """The director's ports are TAPs at the switch, which QEMU has the other end of. All links but the
    hosts' own are wide enough for large frames."""

    def __init__(self, prefix, clients, servers, nics):
        super().__init__(prefix, clients, servers)
        self._nics = nics

    def tap(self, nic, port):
        return f"{port}-{self._nics.index(nic)}"

    def attach(self, name, interface, bridge, address=None):
        super().attach(name, interface, bridge, address)
        self.hosts["switch"].set_mtu(self.cable(name, bridge), MAX_MTU)
        if name == "router":
            self.hosts[name].set_mtu(interface, MAX_MTU)

    def _create_director_ports(self):
        switch = self.hosts["switch"]
        for nic in self._nics:
            for port in PORTS:
                queues = ["multi_queue"] if NICS[nic].queues > 1 else []
                switch.ip("tuntap", "add", "dev", self.tap(nic, port), "mode", "tap", *queues)
                switch.ip("link", "set", self.tap(nic, port), "mtu", str(MAX_MTU), "master", port)

    def add_host(self, name):
        """A host of the test's own, before create()."""
        self.hosts[name] = Namespace(self.prefix + name)

    def use(self, nic):
        """Plugs in one pair of cables and pulls the others."""
        for each in self._nics:
            for port in PORTS:
                self.hosts["switch"].ip("link", "set", self.tap(each, port),
                                        "up" if each == nic else "down")


class GuestDirector(Director):
    """Daemons and lbcli run in the guest."""

    def start_daemon(self, daemon):
        argv = [*self.wrapper, self.lab.program(daemon), "--config", self.config_path]
        process = GuestProcess(self.process_name(daemon), self.lab.guest, argv,
                               self.lab.log_path(self.process_name(daemon)))
        self.lab.processes[process.name] = process
        return process

    def controlplane_answers(self):
        return self.lab.guest.finish(f"test -S {_RUN_DIR}/controlplane.sock")[0] == 0

    def lbcli(self, *arguments, check=True):
        argv = self.lbcli_argv(*arguments)
        status, output = self.lab.guest.finish(shlex.join(argv))
        if check and status != 0:
            raise LabError(f"lbcli {' '.join(arguments)}: exit {status}: {output.strip()}")
        return subprocess.CompletedProcess(argv, status, output, "")


class GuestLab(Lab):
    """`up` boots; `use` starts the director on a pair of NICs."""

    def __init__(self, name, agent, nics, clients=1, servers=2):
        super().__init__(name, clients, servers)
        self._nics = list(nics)
        self.nic = None
        self.network = GuestNetwork(f"ballast-{name}-", clients, servers, self._nics)
        self.directors = {"lb1": GuestDirector(self, "lb1", f"{self.dir}/ballast.toml")}
        self.configured = ["lb1"]
        self.guest = Guest(self.dir, agent, self._devices())

    # ---- devices

    def _slot(self, nic, port):
        return _FIRST_SLOT + 2 * self._nics.index(nic) + PORTS.index(port)

    def address(self, nic, port):
        return f"0000:00:{self._slot(nic, port):02x}.0"

    def _devices(self):
        arguments = []
        for nic in self._nics:
            kind = NICS[nic]
            for port in PORTS:
                tap, slot = self.network.tap(nic, port), self._slot(nic, port)
                options = f",{kind.options}" if kind.options else ""
                queues = f",queues={kind.queues}" if kind.queues > 1 else ""
                arguments += ["-netdev", f"tap,id={tap},ifname={tap},script=no,downscript=no{queues}",
                              "-device", f"{kind.model},netdev={tap},addr={slot:#x},"
                                         f"mac=02:ba:00:00:00:{slot:02x}{options}"]
        return arguments

    def set_link(self, port, up):
        """As the NIC in use sees it."""
        self.guest.monitor("set_link", name=self.network.tap(self.nic, port), up=up)

    # ---- life

    def up(self, configs=None, config_paths=None, prepare=None):
        def boot(lab):
            self.processes["guest"] = self.guest.start(self.host("switch"))
            self.guest.wait_ready()
            if prepare is not None:
                prepare(lab)

        super().up(configs, config_paths, boot)

    def start_directors(self):
        """Not before it is known on which NICs: use()."""

    def down(self):
        super().down()
        self.guest.stop()

    def config(self, services, workers=2):
        """The director's tables, without the ports' devices, which use() knows."""
        tables = director.config(_RUN_DIR, services, memory_mb=MEMORY_MB)
        tables["director"]["state_dir"] = "/var/lib/ballast"
        tables["dataplane"] |= {"main_lcore": MAIN_LCORE, "lcores": f"1-{workers}" if workers > 1 else "1",
                                "memory": "hugepages", "max_connections": 20_000,
                                "max_persistence": 1_000}
        return tables

    def use(self, nic, tables):
        """Starts the director anew with this configuration on a pair of NICs; does not wait for it."""
        self.directors["lb1"].stop()
        if nic != self.nic:
            self._bind(nic)
            self.network.use(nic)
            self.nic = nic
        for port in tables["port"]:
            port["device"] = self.address(nic, port["name"])
        self.write_config(tables)
        self.directors["lb1"].start()

    def _bind(self, nic):
        """Gives both NICs to the kernel driver through which DPDK has them, by sysfs: dpdk-devbind
        takes a minute here."""
        commands = []
        for port in PORTS:
            device = f"/sys/bus/pci/devices/{self.address(nic, port)}"
            commands += [f"echo {NICS[nic].kernel_driver} > {device}/driver_override",
                         f"if test -e {device}/driver; then echo {self.address(nic, port)} > {device}/driver/unbind; fi",
                         f"echo {self.address(nic, port)} > /sys/bus/pci/drivers_probe",
                         f"test $(basename $(readlink {device}/driver)) = {NICS[nic].kernel_driver}"]
        self.guest.run(" && ".join(commands))

    def _save(self):
        """No other program opens this lab."""
