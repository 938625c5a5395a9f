"""A lab as a whole: brought up, used, taken down, also by different runs of different programs."""

import json
import os
import re
import shutil
import socket
import subprocess
import tomllib

from ballast_lab import director, servers
from ballast_lab.netns import existing
from ballast_lab.processes import Process, wait_until
from ballast_lab.topology import Network
from ballast_lab.views import Views

_ROOT = "/run"
_NAME = re.compile(r"[a-z0-9]{1,24}")


class LabError(Exception):
    """Something an operator can mend; the message says what."""


class Lab(Views):
    """`up` makes it, `down` removes it; Lab.open() finds one that is up."""

    def __init__(self, name, clients=2, server_count=3):
        if not _NAME.fullmatch(name):
            raise LabError(f"lab name '{name}': up to 24 lower-case letters and digits")
        self.name = name
        self.dir = os.path.join(_ROOT, f"ballast-lab-{name}")
        self.network = Network(f"ballast-{name}-", clients, server_count)
        self.config_path = os.path.join(self.dir, "ballast.toml")
        self.processes = {}
        self.ready = lambda rs: rs["up"] and rs["next_hop_resolved"]
        self.build = director.build_dir()

    # ---- life

    @classmethod
    def open(cls, name):
        path = os.path.join(_ROOT, f"ballast-lab-{name}", "state.json")
        try:
            with open(path, encoding="utf-8") as state_file:
                state = json.load(state_file)
        except FileNotFoundError:
            raise LabError(f"no lab '{name}' is up; `scripts/lab up --name {name}` makes one") from None
        lab = cls(name, state["clients"], state["servers"])
        lab.config_path = state["config"]
        lab.build = state["build"]
        lab.processes = {r["name"]: Process.from_record(r) for r in state["processes"]}
        return lab

    def up(self, config=None, config_path=None, prepare=None):
        """Network, real servers and, given a configuration (tables or an operator's file), the
        director. Waits until every real server that is checked is up. `prepare(lab)` is called
        before the director starts. Leaves nothing after a failure."""
        try:
            os.mkdir(self.dir, mode=0o755)
        except FileExistsError:
            raise LabError(f"lab '{self.name}' is up already; `scripts/lab down --name {self.name}` "
                           "removes it") from None
        try:
            if config_path is not None:
                self.config_path = os.path.abspath(config_path)
                with open(self.config_path, "rb") as file:
                    config = tomllib.load(file)
            elif config is not None:
                self.write_config(config)
            self._save()
            self.network.create(director.dr_vips(config or {}))
            servers.make_payloads(self.payload_dir)
            servers.make_certificate(f"{self.dir}/tls")
            for name in self.network.servers:
                self.start_server(name)
            if prepare is not None:
                prepare(self)
            if config is not None:
                self.start_director()
        except BaseException:
            self.down()
            raise

    def down(self):
        for process in reversed(list(self.processes.values())):
            process.stop(timeout=5)
        self.network.delete()
        shutil.rmtree(self.dir, ignore_errors=True)

    def leftovers(self):
        """What is still there of this lab on the machine; empty after `down`."""
        left = existing(self.network.prefix)
        left += [p.name for p in self.processes.values() if p.running()]
        return left + ([self.dir] if os.path.exists(self.dir) else [])

    # ---- parts

    @property
    def payload_dir(self):
        return f"{self.dir}/payload"

    @property
    def tls_ca_file(self):
        return f"{self.dir}/tls/cert.pem"

    def run_dir(self):
        with open(self.config_path, "rb") as file:
            return tomllib.load(file).get("director", {}).get("run_dir", "/run/ballast")

    def host(self, name):
        try:
            return self.network.hosts[name]
        except KeyError:
            raise LabError(f"no host '{name}'; there are {' '.join(self.network.hosts)}") from None

    def write_config(self, tables):
        with open(self.config_path, "w", encoding="utf-8") as out:
            out.write(director.to_toml(tables))

    def log_path(self, process_name):
        return f"{self.dir}/{process_name}.log"

    def log_text(self, process_name):
        try:
            with open(self.log_path(process_name), encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def environment(self):
        path = f"{self.build}:{os.environ.get('PATH', '/usr/bin')}"
        if "/usr/sbin" not in path:
            path += ":/usr/sbin:/sbin"
        return os.environ | {"PATH": path}

    def spawn(self, process_name, host, argv):
        """Starts a recorded process on a host; its output goes to a log in the lab's directory."""
        process = Process.start(process_name, self.host(host).argv(*argv),
                                self.log_path(process_name), self.environment())
        self.processes[process_name] = process
        self._save()
        return process

    def start_server(self, name):
        """nginx and dnsmasq of one real server, ready to answer; what runs already goes on."""
        number = self.network.servers.index(name) + 1
        programs = {"nginx": (80, servers.nginx_argv(name, self.dir)),
                    "dnsmasq": (53, servers.dnsmasq_argv(name, number, self.dir))}
        for program, (_, argv) in programs.items():
            running = self.processes.get(f"{name}-{program}")
            if running is None or not running.running():
                self.spawn(f"{name}-{program}", name, argv)
        for program, (port, _) in programs.items():
            self.wait_listening(f"{name}-{program}", name, port)

    def wait_listening(self, process_name, host, port):
        """Until the process listens on a TCP port; at once an error when it ended."""
        process = self.processes[process_name]

        def listening():
            if not process.running():
                raise LabError(f"{process_name} ended:\n{self.log_text(process_name)}")
            return self.host(host).run("ss", "-Hltn", f"sport = :{port}").strip()

        wait_until(listening, 10, f"{process_name} to listen on port {port}")

    # ---- director

    def start_dataplane(self):
        return self.spawn("lb-dataplane", "lb1",
                          [self._program("lb-dataplane"), "--config", self.config_path])

    def start_controlplane(self):
        return self.spawn("lb-controlplane", "lb1",
                          [self._program("lb-controlplane"), "--config", self.config_path])

    def start_director(self):
        self.start_dataplane()
        self.start_controlplane()
        self.wait_servers_up()

    def wait_servers_up(self, timeout=30):
        """Until the data plane holds every real server as `self.ready` wants it: up, with a known
        next hop."""
        def ready():
            for name in ("lb-dataplane", "lb-controlplane"):
                if not self.processes[name].running():
                    raise LabError(f"{name} ended:\n{self.log_text(name)[-4000:]}")
            try:
                states = self.real_servers()
            except LabError:
                return False
            return states and all(self.ready(rs) for rs in states)

        try:
            wait_until(ready, timeout, "every real server to be up", every=0.1)
        except TimeoutError as error:
            logs = "\n".join(f"--- {name}\n{self.log_text(name)[-4000:]}"
                             for name in ("lb-dataplane", "lb-controlplane"))
            raise LabError(f"{error}\n{logs}") from None

    def controlplane_answers(self):
        """Whether the control plane accepts a connection on its socket."""
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(f"{self.run_dir()}/controlplane.sock") == 0

    def lbcli(self, *arguments, check=True):
        """Runs lbcli; returns the completed process. Unless told not to, an error is a LabError."""
        done = subprocess.run([self._program("lbcli"), "--config", self.config_path, *arguments],
                              capture_output=True, text=True, timeout=60, check=False)
        if check and done.returncode != 0:
            raise LabError(f"lbcli {' '.join(arguments)}: exit {done.returncode}: {done.stderr.strip()}")
        return done

    def show(self, *arguments):
        """`lbcli show ... --json`, parsed."""
        return json.loads(self.lbcli("show", *arguments, "--json").stdout)

    def _program(self, name):
        path = os.path.join(self.build, name)
        if not os.access(path, os.X_OK):
            raise LabError(f"{path} is not there; scripts/build makes it")
        return path

    def _save(self):
        state = {"clients": len(self.network.clients), "servers": len(self.network.servers),
                 "config": self.config_path, "build": self.build,
                 "processes": [p.record() for p in self.processes.values()]}
        partial = f"{self.dir}/state.json.new"
        with open(partial, "w", encoding="utf-8") as out:
            json.dump(state, out)
        os.replace(partial, f"{self.dir}/state.json")
